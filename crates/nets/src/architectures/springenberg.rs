//! The CIFAR networks A, B and C (tables 1 and 2 of the paper), with a slot where resolution is reduced.

use allconv_operators::downsample::MaxPool;
use allconv_operators::{Border, DownsampleConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::builder::StageBuilder;
use super::layout::{Defaults, Layout, SharedSettings};
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::{ActivationKind, StageSpec};

/// The networks of tables 1 and 2: two blocks of convolutions (96, then 192 channels), each followed by the slot
/// and dropout, then an unpadded 3×3 and a 1×1 convolution, the class convolution and a global average.
///
/// Convolutions keep the size of the map except the unpadded 3×3 of the head, so that 32×32 becomes 16, 8, 6.
///
/// Source: Springenberg et al., arXiv 1412.6806, tables 1 and 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Springenberg {
    /// Which column of table 1.
    pub base: Base,
    /// Factor on all channel counts but that of the classes. Default 1.
    #[serde(default = "one")]
    pub width: f64,
    /// The normalisation after every convolution but that of the classes, before its activation. Default: none, as in the paper.
    #[serde(default, skip_serializing_if = "Norm::is_none")]
    pub norm: Norm,
}

/// The column of table 1: the convolutions of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// One 5×5 convolution.
    A,
    /// One 5×5 and one 1×1 convolution.
    B,
    /// Two 3×3 convolutions.
    C,
}

pub(crate) fn one() -> f64 {
    1.0
}

impl Base {
    /// Returns the kernel sizes of a block, in order.
    fn kernels(self) -> &'static [usize] {
        match self {
            Self::A => &[5],
            Self::B => &[5, 1],
            Self::C => &[3, 3],
        }
    }
}

impl Springenberg {
    /// Returns the network of the paper at this width.
    pub fn plain(base: Base, width: f64) -> Self {
        Self { base, width, norm: Norm::None }
    }

    /// The rate after each downsampling.
    const DROPOUT: f64 = 0.5;
}

impl Layout for Springenberg {
    fn name(&self) -> &'static str {
        "springenberg"
    }

    /// Returns the defaults of fields that a description leaves out: the base rule of table 1, and the paper's dropout.
    fn defaults(&self) -> Defaults {
        Defaults {
            downsample: Some(DownsampleConfig::MaxPool(MaxPool::default())),
            upsample: None,
            last_relu: true,
            input_dropout: 0.2,
            dropout: Some(Self::DROPOUT),
        }
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = StageBuilder::new(shared, ActivationKind::Relu).normalised(self.norm);
        net.input_dropout();
        for channels in [96, 192] {
            for &kernel in self.base.kernels() {
                net.convolution(channels, kernel, 1, Border::same(kernel));
            }
            net.downsample()?;
            net.dropout(Self::DROPOUT);
        }
        net.convolution(192, 3, 1, Border::NONE);
        net.convolution(192, 1, 1, Border::NONE);
        Ok(net.finish(classes))
    }
}
