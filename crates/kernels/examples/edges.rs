//! A convolution on plain slices: the vertical edges of a small image, and the gradient that makes them fainter.
//!
//! Usage: `cargo run --example edges`

use allconv_kernels::{
    ConvBackward, ConvForward, ConvGeometry, Convolution, Engine, Epilogue, GeometryError, Padding,
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
    let convolution = Convolution::plan(&Engine::detect(), &geometry);
    let (convolution, epilogue) = (convolution.prepare(&weight), Epilogue::RELU);
    let mut y = vec![0.0; geometry.output_len()?];
    convolution.forward(ConvForward { x: &x, bias: None, epilogue, y: &mut y });
    println!("rectified edges:");
    print_map(&y, width);

    // The gradient of half the squared edge strength is the output itself.
    let (mut dx, mut dweight) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
    convolution.backward(ConvBackward {
        x: &x,
        y: &y,
        dy: &y,
        epilogue,
        dx: Some(&mut dx),
        dweight: &mut dweight,
        dbias: None,
    });
    println!("gradient in the image:");
    print_map(&dx, width);
    Ok(())
}

fn print_map(map: &[f32], width: usize) {
    for row in map.chunks(width) {
        let values: Vec<String> = row.iter().map(|value| format!("{value:6.1}")).collect();
        println!("{}", values.join(" "));
    }
}
