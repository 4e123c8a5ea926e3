//! What a network says of images: classes, losses.

use allconv_nets::{Mode, Network};
use allconv_train::{Verdict, judge};
use burn::tensor::{Device, Tensor};

use crate::Pictures;

/// Images that go through together.
const TOGETHER: usize = 256;

/// The class with the largest logit for each image; the first on ties.
pub(super) fn predictions(network: &Network, pictures: &Pictures) -> Vec<u32> {
    let labels = vec![0; pictures.len()];
    verdicts(network, pictures, &labels).into_iter().map(|verdict| verdict.predicted).collect()
}

/// The network's verdict on each image, given its class.
pub(super) fn verdicts(network: &Network, pictures: &Pictures, labels: &[u32]) -> Vec<Verdict> {
    let mut all = Vec::with_capacity(pictures.len());
    for start in (0..pictures.len()).step_by(TOGETHER) {
        let end = (start + TOGETHER).min(pictures.len());
        let images = pictures.tensor(start, end, &Device::flex());
        all.extend(judged(network, images, &labels[start..end]));
    }
    all
}

/// The same for images that are tensors already.
pub(super) fn judged(network: &Network, images: Tensor<4>, labels: &[u32]) -> Vec<Verdict> {
    of_logits(network.forward(images, Mode::Evaluate), labels)
}

fn of_logits(logits: Tensor<2>, labels: &[u32]) -> Vec<Verdict> {
    let [_, classes] = logits.dims();
    let values: Vec<f32> = match logits.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("the logits could not be read from their device: {error}"),
    };
    judge(&values, labels, classes)
}

/// The network's verdict by the mean of the logits of two images each.
pub(super) fn judged_together(network: &Network, images: [Tensor<4>; 2], labels: &[u32]) -> Vec<Verdict> {
    let [first, second] = images.map(|images| network.forward(images, Mode::Evaluate));
    of_logits((first + second) * 0.5, labels)
}

/// 1 where two predictions agree, 0 elsewhere.
pub(super) fn agreement(left: &[u32], right: &[u32]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| f64::from(u8::from(left == right))).collect()
}
