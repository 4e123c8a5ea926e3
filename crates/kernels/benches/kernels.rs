//! Times the kernels of All-CNN-C on 32 images: its convolutions in every accuracy class, and the pooling that it replaces.
//!
//! `cargo bench --package allconv-kernels`; a name behind `--` chooses. `allconv bench conv` compares the algorithms of a convolution.

use allconv_kernels::{
    Accuracy, AverageDivisor, ConvBackward, ConvForward, ConvGeometry, Convolution, Engine, Epilogue, Isa,
    Padding, PoolGeometry, average_pool2d_forward, max_pool2d_forward,
};
use divan::{Bencher, counter::ItemsCount};

/// Height and width, channels in, channels out, kernel, stride, padding; layers of equal shape once.
type Layer = [usize; 6];

const LAYERS: [Layer; 8] = [
    [32, 3, 96, 3, 1, 1],
    [32, 96, 96, 3, 1, 1],
    [32, 96, 96, 3, 2, 1],
    [16, 96, 192, 3, 1, 1],
    [16, 192, 192, 3, 2, 1],
    [8, 192, 192, 3, 1, 0],
    [6, 192, 192, 1, 1, 0],
    [6, 192, 10, 1, 1, 0],
];

fn main() {
    divan::main();
}

fn cases() -> impl Iterator<Item = (Layer, Accuracy)> {
    LAYERS.into_iter().flat_map(|layer| Accuracy::ALL.map(|accuracy| (layer, accuracy)))
}

/// Returns values of one order of magnitude, in both signs.
fn wave(length: usize) -> Vec<f32> {
    (0..length).map(|place| ((place * 37) % 101) as f32 / 50.0 - 1.0).collect()
}

fn planned((layer, accuracy): (Layer, Accuracy)) -> (ConvGeometry, Convolution) {
    let [size, channels_in, channels_out, kernel, stride, padding] = layer;
    let ([height_in, width_in], [kernel, stride]) = ([size; 2], [[kernel; 2], [stride; 2]]);
    let (padding, dilation) = (Padding::same(padding), [1, 1]);
    #[rustfmt::skip]
    let geometry = ConvGeometry {
        batch: 32, height_in, width_in, channels_in, channels_out, kernel, stride, padding, dilation, groups: 1,
    };
    (geometry, Convolution::plan(&Engine::new(Isa::detect(), accuracy), &geometry))
}

#[divan::bench(args = cases())]
fn convolution_forward(bencher: Bencher<'_, '_>, case: (Layer, Accuracy)) {
    let (geometry, convolution) = planned(case);
    let (x, weight) = (wave(geometry.input_len()), wave(geometry.weight_len()));
    let (prepared, epilogue) = (convolution.prepare(&weight), Epilogue::RELU);
    let mut y = vec![0.0; geometry.output_len().expect("a valid shape")];
    let products = ItemsCount::new(geometry.multiply_accumulates().expect("a valid shape"));
    bencher
        .counter(products)
        .bench_local(|| prepared.forward(ConvForward { x: &x, bias: None, epilogue, y: &mut y }));
}

#[divan::bench(args = cases())]
fn convolution_backward(bencher: Bencher<'_, '_>, case: (Layer, Accuracy)) {
    let (geometry, convolution) = planned(case);
    let (x, weight) = (wave(geometry.input_len()), wave(geometry.weight_len()));
    let (prepared, epilogue) = (convolution.prepare(&weight), Epilogue::RELU);
    let (y, mut dx) = (wave(geometry.output_len().expect("a valid shape")), vec![0.0; x.len()]);
    let mut dweight = vec![0.0; weight.len()];
    let products = ItemsCount::new(2 * geometry.multiply_accumulates().expect("a valid shape"));
    bencher.counter(products).bench_local(|| {
        let (dx, dweight) = (Some(&mut dx[..]), &mut dweight[..]);
        prepared.backward(ConvBackward { x: &x, y: &y, dy: &y, epilogue, dx, dweight, dbias: None });
    });
}

#[divan::bench(args = ["max", "average"])]
fn pooling_forward(bencher: Bencher<'_, '_>, name: &str) {
    let ([kernel, stride, dilation], padding) = ([[3, 3], [2, 2], [1, 1]], Padding::same(1));
    #[rustfmt::skip]
    let pool = PoolGeometry {
        batch: 32, height_in: 32, width_in: 32, channels: 96, kernel, stride, padding, dilation, ceil_mode: false,
    };
    let (engine, x) = (Engine::detect(), wave(pool.input_len()));
    let mut y = vec![0.0; pool.output_len().expect("a valid shape")];
    let mut indices = vec![0; y.len()];
    bencher.bench_local(|| match name {
        "max" => max_pool2d_forward(&engine, &pool, &x, &mut y, &mut indices),
        _ => average_pool2d_forward(&engine, &pool, AverageDivisor::IncludePadding, &x, &mut y),
    });
}
