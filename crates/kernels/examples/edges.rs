//! A convolution on plain slices: the vertical edges of a small picture, and the gradient that makes them fainter.
//!
//! Usage: `cargo run --example edges`

use allconv_kernels::{
    ConvGeometry, ConvGradients, Engine, Epilogue, GeometryError, Padding, conv2d_backward, conv2d_forward,
};

fn main() -> Result<(), GeometryError> {
    // One image of 6x8 pixels and one channel: dark on the left, bright on the right.
    let (height, width) = (6, 8);
    let x: Vec<f32> = (0..height * width).map(|i| if i % width < 4 { 0.0 } else { 1.0 }).collect();
    // Sobel's horizontal derivative; one input and one output channel.
    let weight = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0];
    let geometry = ConvGeometry {
        batch: 1,
        height_in: height,
        width_in: width,
        channels_in: 1,
        channels_out: 1,
        kernel: [3, 3],
        stride: [1, 1],
        padding: Padding::same(1),
        dilation: [1, 1],
        groups: 1,
    };
    let engine = Engine::detect();
    let mut y = vec![0.0; geometry.output_len()?];
    conv2d_forward(&engine, &geometry, &x, &weight, None, &Epilogue::RELU, &mut y);
    println!("rectified edges:");
    print_map(&y, width);

    // The gradient of half the squared edge strength is the output itself.
    let (mut dx, mut dweight) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
    let gradients = ConvGradients { dx: Some(&mut dx), dweight: &mut dweight, dbias: None };
    conv2d_backward(&engine, &geometry, &x, &weight, &y, &y, &Epilogue::RELU, gradients);
    println!("gradient in the picture:");
    print_map(&dx, width);
    Ok(())
}

fn print_map(map: &[f32], width: usize) {
    for row in map.chunks(width) {
        let cells: Vec<String> = row.iter().map(|value| format!("{value:6.1}")).collect();
        println!("{}", cells.join(" "));
    }
}
