//! The cost of a network: parameters, operations, activations and receptive field.

use serde::{Deserialize, Serialize};

/// Cost of a network for one input image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Number of parameters, biases included.
    pub parameters: u64,
    /// Multiply-accumulate operations of one forward pass, per image.
    pub macs: u64,
    /// Bytes of all stage outputs of one forward pass, per image, at 4 bytes a value.
    pub activation_bytes: u64,
    /// Theoretical receptive field of the last stage with a spatial neighbourhood, in input pixels.
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
    /// Number of parameters of this stage.
    pub parameters: u64,
    /// Multiply-accumulate operations of this stage, per image.
    pub macs: u64,
}
