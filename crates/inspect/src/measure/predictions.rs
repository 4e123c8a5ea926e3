//! Predicted classes and losses of images.

use allconv_nets::{Mode, Network};
use allconv_train::{SampleResult, sample_results};
use burn::tensor::{Device, Tensor};

use crate::Pictures;

/// Images per pass.
const IMAGES_PER_PASS: usize = 256;

/// Returns the class with the largest logit for each image; the first on ties.
pub(super) fn predictions(network: &Network, pictures: &Pictures) -> Vec<u32> {
    let labels = vec![0; pictures.len()];
    results(network, pictures, &labels).into_iter().map(|result| result.predicted).collect()
}

/// Returns the network's result for each image, given its class.
pub(super) fn results(network: &Network, pictures: &Pictures, labels: &[u32]) -> Vec<SampleResult> {
    let mut all = Vec::with_capacity(pictures.len());
    for start in (0..pictures.len()).step_by(IMAGES_PER_PASS) {
        let end = (start + IMAGES_PER_PASS).min(pictures.len());
        let images = pictures.tensor(start, end, &Device::flex());
        all.extend(batch_results(network, images, &labels[start..end]));
    }
    all
}

/// Returns the same for images that are tensors already.
pub(super) fn batch_results(network: &Network, images: Tensor<4>, labels: &[u32]) -> Vec<SampleResult> {
    of_logits(network.forward(images, Mode::Evaluate), labels)
}

fn of_logits(logits: Tensor<2>, labels: &[u32]) -> Vec<SampleResult> {
    let [_, classes] = logits.dims();
    let values: Vec<f32> = match logits.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("the logits could not be read from their device: {error}"),
    };
    sample_results(&values, labels, classes)
}

/// Returns the network's results for the mean of the logits of two images each.
pub(super) fn results_of_mean_logits(
    network: &Network,
    images: [Tensor<4>; 2],
    labels: &[u32],
) -> Vec<SampleResult> {
    let [first, second] = images.map(|images| network.forward(images, Mode::Evaluate));
    of_logits((first + second) * 0.5, labels)
}

/// Returns 1 where two predictions agree, 0 elsewhere.
pub(super) fn agreement(left: &[u32], right: &[u32]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| f64::from(u8::from(left == right))).collect()
}
