//! The large network for heavily augmented CIFAR-10 on a 126×126 canvas (appendix table 5 of the paper).

use allconv_operators::{Border, OutOfRange, check_range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::builder::StageBuilder;
use super::layout::{Defaults, Layout, SharedSettings};
use crate::error::DescriptionError;
use crate::stage::{ActivationKind, StageSpec};

/// Five blocks of three unpadded 2×2 convolutions (320, 640, … 1600 channels), the last of each with stride 2,
/// then 2×2 and 1×1 convolutions to 1920 channels and a 1×1 convolution to the classes.
///
/// LeakyReLU after every convolution but the last. Dropout follows each of the three activations of blocks 2 to 5
/// at 0.1, 0.2, 0.3, 0.4 and both 1920-channel convolutions at 0.5, except after the stride-2 convolution of a block:
/// the paper's list names the layers for block 2 only (the first two), and the other blocks follow it.
/// A `downsample` in the description takes the place of the stride-2 convolutions.
/// A 126×126 input ends at 1×1, where the global average does nothing.
///
/// Source: Springenberg et al., arXiv 1412.6806, appendix table 5; after Graham's DeepCNet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LargeAllCnn {
    /// Factor on all channel counts but that of the classes. Default 1.
    pub width: f64,
    /// Slope of LeakyReLU for negative values, in (0, 1]. Default 1/3 ("very leaky").
    pub slope: f64,
}

impl Default for LargeAllCnn {
    fn default() -> Self {
        Self { width: 1.0, slope: 1.0 / 3.0 }
    }
}

impl Layout for LargeAllCnn {
    fn name(&self) -> &'static str {
        "large_all_cnn"
    }

    /// Returns the defaults of fields that a description leaves out: those of the table.
    fn defaults(&self) -> Defaults {
        Defaults { downsample: None, upsample: None, last_relu: false, input_dropout: 0.0, dropout: None }
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_range("architecture.slope", self.slope, f64::MIN_POSITIVE..=1.0, "above 0 and at most 1")
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = StageBuilder::new(shared, ActivationKind::LeakyRelu { slope: self.slope });
        net.input_dropout();
        for block in 1..=5 {
            let channels = 320 * block;
            let rate = 0.1 * (block - 1) as f64;
            for _ in 0..2 {
                net.convolution(channels, 2, 1, Border::NONE);
                if block > 1 {
                    net.dropout(rate);
                }
            }
            if !net.downsample()? {
                net.convolution(channels, 2, 2, Border::NONE);
            }
        }
        net.convolution(1920, 2, 1, Border::NONE);
        net.dropout(0.5);
        net.convolution(1920, 1, 1, Border::NONE);
        net.dropout(0.5);
        Ok(net.finish(classes))
    }
}
