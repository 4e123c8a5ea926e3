//! Builds All-CNN-C, prints its walk, and runs it on two grey images.

use allconv_nets::{Engine, Mode, Network, images_to_tensor, models, walk};
use burn::tensor::Device;

fn main() -> Result<(), allconv_nets::DescriptionError> {
    let spec = models::named("all_cnn_c")?;
    let walked = walk(&spec, [3, 32, 32], 10)?;
    println!("{:<16} {:>12} {:>11} {:>12} {:>6}", "stage", "output", "parameters", "macs", "field");
    for stage in &walked.stages {
        let [channels, height, width] = stage.output;
        println!(
            "{:<16} {:>12} {:>11} {:>12} {:>6}",
            stage.stage.label(),
            format!("{channels}×{height}×{width}"),
            stage.parameters,
            stage.macs,
            stage.receptive_field
        );
    }
    println!("{} parameters, {} multiply–accumulates an image", walked.parameters(), walked.macs());

    let device = Device::flex();
    let network = Network::initialise(&spec, [3, 32, 32], 10, 0, Engine::detect(), &device)?;
    let images = images_to_tensor(vec![0.5; 2 * 32 * 32 * 3], [2, 32, 32, 3], &device);
    println!("logits: {}", network.forward(images, Mode::Evaluate));
    Ok(())
}
