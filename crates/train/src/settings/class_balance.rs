//! `[train] class_balance`: what makes up for classes with few images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What makes up for classes with few training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassBalance {
    /// The loss of each image is multiplied by n / (k·m): n training images of k classes, m of its class (`class_weight = "balanced"` of
    /// scikit-learn). The mean weight of a training image is 1, and batches are divided by their number of images, not by the sum of weights.
    Loss,
    /// Every epoch shows as many images as there are, equally many of each class: images of small classes are repeated, with the same
    /// augmentation within an epoch.
    Sampling,
}

impl ClassBalance {
    /// Returns the weight of each class with these numbers of training images; 1 for a class without images.
    ///
    /// ```
    /// assert_eq!(allconv_train::ClassBalance::weights(&[30, 10, 0]), [20.0 / 30.0, 2.0, 1.0]);
    /// ```
    pub fn weights(counts: &[u64]) -> Vec<f64> {
        let images: u64 = counts.iter().sum();
        let classes = counts.iter().filter(|count| **count > 0).count();
        let mean = images as f64 / classes as f64;
        counts.iter().map(|count| if *count == 0 { 1.0 } else { mean / *count as f64 }).collect()
    }
}
