//! Times the layers that a U-Net is made of, forward and all gradients: 3×3 convolutions at 64 to 256 pixels and the transposed
//! 2×2 convolutions between them. Prints one line of JSON.
//!
//! Usage: `cargo run --release --example decoder_shapes -- [rounds 5] [threads 2]`

use std::time::Instant;

use allconv_kernels::{
    ConvBackward, ConvForward, ConvGeometry, ConvTransposeGeometry, Convolution, Engine, Epilogue, Padding,
    RecyclingAllocator, TransposedConvolution,
};

/// The allocator that the program runs with.
#[global_allocator]
static ALLOCATOR: RecyclingAllocator = RecyclingAllocator::new();

/// Images, rows and columns of the map, channels in, channels out, and whether the layer is a transposed convolution.
const SHAPES: [(usize, usize, usize, usize, bool); 5] = [
    (1, 256, 64, 64, false),
    (1, 128, 128, 128, false),
    (1, 64, 256, 256, false),
    (1, 128, 128, 64, true),
    (1, 64, 256, 128, true),
];

fn main() {
    let number = |index: usize, default| {
        std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rounds, threads) = (number(1, 5), number(2, 2));
    let pool = match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool,
        Err(error) => return eprintln!("cannot start {threads} threads: {error}"),
    };
    let engine = Engine::detect();
    let rows = SHAPES.map(|(batch, size, channels_in, channels_out, transposed)| {
        let median = pool.install(|| {
            let mut seconds: Vec<f64> = (0..rounds + 1)
                .map(|_| {
                    if transposed {
                        enlarge(&engine, batch, size, channels_in, channels_out)
                    } else {
                        convolve(&engine, batch, size, channels_in, channels_out)
                    }
                })
                .skip(1)
                .collect();
            seconds.sort_by(f64::total_cmp);
            seconds[rounds / 2]
        });
        let kind = if transposed { "transposed 2x2" } else { "3x3" };
        format!(
            r#"{{"shape": "{kind} {channels_in}-{channels_out} {size}x{size} batch {batch}", "seconds": {median:.6}}}"#
        )
    });
    println!("[{}]", rows.join(", "));
}

/// Returns values of one order of magnitude.
fn wave(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect()
}

/// Seconds of one forward and backward pass of a 3×3 convolution with ReLU.
fn convolve(engine: &Engine, batch: usize, size: usize, channels_in: usize, channels_out: usize) -> f64 {
    let geometry = ConvGeometry {
        batch,
        height_in: size,
        width_in: size,
        channels_in,
        channels_out,
        kernel: [3, 3],
        stride: [1, 1],
        padding: Padding::same(1),
        dilation: [1, 1],
        groups: 1,
    };
    let (x, weight, bias) =
        (wave(geometry.input_len()), wave(geometry.weight_len()), wave(geometry.channels_out));
    let dy = wave(batch * size * size * channels_out);
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    let start = Instant::now();
    let convolution = Convolution::plan(engine, &geometry);
    let (convolution, epilogue) = (convolution.prepare(&weight), Epilogue::RELU);
    convolution.forward(ConvForward { x: &x, bias: Some(&bias), epilogue, y: &mut y });
    let (dx, dbias) = (Some(&mut dx[..]), Some(&mut dbias[..]));
    convolution.backward(ConvBackward { x: &x, y: &y, dy: &dy, epilogue, dx, dweight: &mut dweight, dbias });
    start.elapsed().as_secs_f64()
}

/// Seconds of one forward and backward pass of a transposed 2×2 convolution of stride 2 with ReLU.
fn enlarge(engine: &Engine, batch: usize, size: usize, channels_in: usize, channels_out: usize) -> f64 {
    let geometry = ConvTransposeGeometry {
        batch,
        height_in: size,
        width_in: size,
        channels_in,
        channels_out,
        kernel: [2, 2],
        stride: [2, 2],
        padding: Padding::NONE,
        output_padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let (x, weight, bias) = (
        wave(batch * size * size * channels_in),
        wave(4 * channels_in * channels_out),
        wave(geometry.channels_out),
    );
    let dy = wave(4 * batch * size * size * channels_out);
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    let start = Instant::now();
    let convolution = TransposedConvolution::plan(engine, &geometry);
    let (convolution, epilogue) = (convolution.prepare(&weight), Epilogue::RELU);
    convolution.forward(ConvForward { x: &x, bias: Some(&bias), epilogue, y: &mut y });
    let (dx, dbias) = (Some(&mut dx[..]), Some(&mut dbias[..]));
    convolution.backward(ConvBackward { x: &x, y: &y, dy: &dy, epilogue, dx, dweight: &mut dweight, dbias });
    start.elapsed().as_secs_f64()
}
