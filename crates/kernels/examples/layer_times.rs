//! Times every convolution of All-CNN-C, forward and backward, and prints what they would allow per second.
//!
//! Usage: `cargo run --release --example layer_times -- [width 1.0] [batch 128] [threads 2] [exact|f32]`
//!
//! GFLOP/s are direct-equivalent: the operations of the definition, whatever the algorithm does. The fastest of the
//! repetitions is shown, so that a busy machine disturbs least.

use std::time::Instant;

use allconv_kernels::{
    Accuracy, ConvGeometry, ConvGradients, Engine, Epilogue, Isa, Padding, conv2d_backward, conv2d_forward,
    plan,
};

/// Rows of the map, channels in and out at width 1, kernel, stride, padding.
const LAYERS: [[usize; 6]; 9] = [
    [32, 3, 96, 3, 1, 1],
    [32, 96, 96, 3, 1, 1],
    [32, 96, 96, 3, 2, 1],
    [16, 96, 192, 3, 1, 1],
    [16, 192, 192, 3, 1, 1],
    [16, 192, 192, 3, 2, 1],
    [8, 192, 192, 3, 1, 0],
    [6, 192, 192, 1, 1, 0],
    [6, 192, 10, 1, 1, 0],
];
/// Repetitions of every pass.
const REPETITIONS: usize = 7;

fn main() {
    let argument = |index: usize| std::env::args().nth(index);
    let number =
        |index: usize, default: f64| argument(index).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (width, batch, threads) = (number(1, 1.0), number(2, 128.0) as usize, number(3, 2.0) as usize);
    let accuracy = if argument(4).as_deref() == Some("exact") { Accuracy::Exact } else { Accuracy::F32 };
    let pool = match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool,
        Err(error) => return eprintln!("cannot start {threads} threads: {error}"),
    };
    pool.install(|| run(width, batch, &Engine::new(Isa::detect(), accuracy)));
}

fn run(width: f64, batch: usize, engine: &Engine) {
    let scaled =
        |channels: usize| if channels > 10 { (channels as f64 * width).round() as usize } else { channels };
    let mut total = [0.0; 2];
    for (layer, &[size, channels_in, channels_out, kernel, stride, padding]) in LAYERS.iter().enumerate() {
        let geometry = ConvGeometry {
            batch,
            height_in: size,
            width_in: size,
            channels_in: scaled(channels_in),
            channels_out: scaled(channels_out),
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::same(padding),
            dilation: [1, 1],
            groups: 1,
        };
        let seconds = time(&geometry, engine, layer > 0);
        let flops = 2.0 * geometry.multiply_accumulates().map_or(0.0, |count| count as f64);
        let backward_flops = if layer > 0 { 2.0 * flops } else { flops };
        println!(
            "L{} {:3}->{:3} {size}x{size} stride {stride}: forward {:7.2} ms {:6.1} GFLOP/s, backward {:7.2} ms {:6.1} GFLOP/s, {:?}",
            layer + 1,
            geometry.channels_in,
            geometry.channels_out,
            seconds[0] * 1e3,
            flops / seconds[0] / 1e9,
            seconds[1] * 1e3,
            backward_flops / seconds[1] / 1e9,
            plan(&geometry, engine).forward,
        );
        total = [total[0] + seconds[0], total[1] + seconds[1]];
    }
    let images = batch as f64;
    println!(
        "convolutions alone: inference {:.0} images/s, training {:.0} images/s; scratch {} MiB",
        images / total[0],
        images / (total[0] + total[1]),
        engine.scratch_bytes() >> 20
    );
}

/// Seconds of the fastest forward and backward pass.
fn time(geometry: &ConvGeometry, engine: &Engine, needs_dx: bool) -> [f64; 2] {
    let wave = |len: usize| (0..len).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect::<Vec<_>>();
    let outputs = geometry.output_len().unwrap_or(0);
    let (x, weight, bias, dy) =
        (wave(geometry.input_len()), wave(geometry.weight_len()), wave(geometry.channels_out), wave(outputs));
    let (mut y, mut dx) = (vec![0.0; outputs], vec![0.0; x.len()]);
    let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    let mut fastest = [f64::INFINITY; 2];
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        conv2d_forward(engine, geometry, &x, &weight, Some(&bias), &Epilogue::RELU, &mut y);
        fastest[0] = fastest[0].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let dx = needs_dx.then_some(&mut dx[..]);
        let gradients = ConvGradients { dx, dweight: &mut dweight, dbias: Some(&mut dbias) };
        conv2d_backward(engine, geometry, &x, &weight, &y, &dy, &Epilogue::RELU, gradients);
        fastest[1] = fastest[1].min(start.elapsed().as_secs_f64());
    }
    fastest
}
