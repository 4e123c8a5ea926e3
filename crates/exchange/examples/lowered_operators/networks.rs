//! The cases of the named networks, narrow ones, each at two sizes of the images.

use std::error::Error;
use std::path::Path;

use allconv_nets::{NetworkSpec, models, walk};
use serde_json::{Value, json};

use super::case::{moved_network, write_model};

/// Writes every named network, and returns the cases.
pub(super) fn write(folder: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for model in &models::MODELS {
        let (factor, sizes) = narrow(model.name);
        let named = models::named(model.name)?;
        let spec: NetworkSpec = named.with_width(factor).resolved();
        for [height, width] in sizes {
            let walk = walk(&spec, [model.input[0], height, width], model.classes.min(5))?;
            let (network, _) = moved_network(&walk)?;
            let name = format!("{}-{height}x{width}", model.name);
            for mut case in write_model(folder, &name, &walk, &network)? {
                case["network"] = json!(model.name);
                case["stages"] = json!(walk.stages.len());
                cases.push(case);
            }
        }
    }
    Ok(cases)
}

/// Returns the factor on the channels of a network, and the heights and widths of its images.
fn narrow(name: &str) -> (f64, [[usize; 2]; 2]) {
    match name {
        "large_all_cnn" => (0.02, [[126, 126], [131, 126]]),
        "all_cnn_imagenet" => (0.03, [[96, 96], [101, 97]]),
        "u_net" => (0.06, [[32, 32], [48, 16]]),
        "autoencoder" | "sr_u_net" => (0.06, [[16, 16], [24, 8]]),
        "edsr_baseline" => (0.06, [[12, 12], [9, 7]]),
        "vgg11" | "vgg11_bn" | "vgg16" | "vgg16_bn" => (0.016, [[224, 224], [256, 224]]),
        name if name.starts_with("resnet") => (0.07, [[32, 32], [33, 27]]),
        _ => (0.05, [[32, 32], [19, 16]]),
    }
}
