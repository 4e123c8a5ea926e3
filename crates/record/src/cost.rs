//! What one network costs, as numbers that need no tensors.

use serde::{Deserialize, Serialize};

/// Cost of a network for one input image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Trainable numbers, biases included.
    pub parameters: u64,
    /// Multiply-accumulate operations of one forward pass, per image.
    pub macs: u64,
    /// Bytes of all stage outputs of one forward pass, per image, at 4 bytes a number.
    pub activation_bytes: u64,
    /// Theoretical receptive field of the last stage that looks at a neighbourhood, in input pixels.
    pub receptive_field: u64,
}

/// One line of a shape walk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageShape {
    /// Name of the stage, e.g. `features.1 conv 3x3`.
    pub stage: String,
    /// Output shape `[channels, height, width]`.
    pub shape: [u64; 3],
    /// Trainable numbers of this stage.
    pub parameters: u64,
    /// Multiply-accumulate operations of this stage, per image.
    pub macs: u64,
}
