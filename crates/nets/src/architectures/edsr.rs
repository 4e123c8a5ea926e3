//! A residual network for super-resolution that works at the resolution of its input, with an enlarging head.

use allconv_operators::upsample::PixelShuffle;
use allconv_operators::{InitialWeights, OutOfRange, UpsampleConfig, check_range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense_builder::DenseBuilder;
use super::layout::{Defaults, Layout, OutputKind, SharedSettings, SlotKind};
use super::springenberg::one;
use super::u_net::sixty_four;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::StageSpec;

/// A 3×3 convolution; `blocks` blocks of convolution, ReLU, convolution, each added to its input `residual_scale` times; one more
/// convolution, added to the map before the blocks; the head: steps of the `upsample` operator up to `scale`; dropout; a 3×3
/// convolution to the outputs.
///
/// Where the head's operator needs another number of channels than there are, a 3×3 convolution computes them. No activation follows
/// in the head. Each block's last convolution starts at zero, so that the signal does not grow with the depth (the original scales
/// PyTorch's small initial weights instead, and subtracts the mean colour of its data first, which here is preprocessing).
/// Dropout before the last convolution is Kong et al.'s, arXiv 2112.12089; its default rate is 0.
///
/// Source: Lim et al., arXiv 1707.02921 (`edsr_baseline`: 16 blocks, 64 channels, no scaling).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edsr {
    /// Factor on the image's height and width, 1 to 8.
    pub scale: usize,
    /// Residual blocks, 0 to 256. Default 16.
    #[serde(default = "sixteen")]
    pub blocks: usize,
    /// Channels throughout, 1 to 4096. Default 64.
    #[serde(default = "sixty_four")]
    pub channels: usize,
    /// Factor on each block's branch, above 0 and at most 1. Default 1.
    #[serde(default = "one")]
    pub residual_scale: f64,
    /// The skip over the whole network. Default: none.
    #[serde(default, skip_serializing_if = "SkipOverAll::is_none")]
    pub residual: SkipOverAll,
    /// Factor on all channel counts but that of the outputs. Default 1.
    #[serde(default = "one")]
    pub width: f64,
}

/// The skip over a whole network for super-resolution: what its result is added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipOverAll {
    /// Nothing.
    #[default]
    None,
    /// The image, enlarged by bicubic interpolation. The last convolution then starts at zero: an untrained network is the
    /// interpolation. Kim et al., arXiv 1511.04587 (VDSR).
    Bicubic,
}

impl SkipOverAll {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Appends the start of the skip, before anything else has changed the image.
    pub(super) fn begin(self, net: &mut DenseBuilder<'_>, scale: usize) {
        if self == Self::Bicubic {
            net.push(StageSpec::KeepEnlarged { factor: scale });
        }
    }

    /// Returns the whole list: `net`, a 3×3 convolution to the outputs, and the end of the skip.
    pub(super) fn finish(self, mut net: DenseBuilder<'_>, outputs: usize) -> Vec<StageSpec> {
        match self {
            Self::None => net.finish(outputs, 3, InitialWeights::Drawn),
            Self::Bicubic => {
                net.bare_convolution(outputs, 3, InitialWeights::Zero);
                net.push(StageSpec::Add { scale: 1.0 });
                net.end()
            }
        }
    }
}

fn sixteen() -> usize {
    16
}

/// Returns pixel shuffle after a 3×3 convolution, in one step except for scales that are powers of 2, which use steps of 2.
pub(super) fn default_head(scale: usize) -> UpsampleConfig {
    let factor = if scale.is_power_of_two() { 2 } else { scale };
    PixelShuffle { factor, expand: Some(3), ..PixelShuffle::default() }.into()
}

impl Edsr {
    /// Returns the baseline of the source for this scale: 16 blocks of 64 channels.
    pub fn baseline(scale: usize) -> Self {
        Self {
            scale,
            blocks: sixteen(),
            channels: sixty_four(),
            residual_scale: one(),
            residual: SkipOverAll::None,
            width: one(),
        }
    }
}

impl Layout for Edsr {
    fn name(&self) -> &'static str {
        "edsr"
    }

    fn defaults(&self) -> Defaults {
        Defaults::of_map(None, default_head(self.scale))
    }

    fn output(&self) -> OutputKind {
        OutputKind::Map { scale: self.scale }
    }

    fn slots(&self) -> &'static [SlotKind] {
        &[SlotKind::Upsample]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_range("architecture.scale", self.scale, 1..=8, "from 1 to 8")?;
        check_range("architecture.blocks", self.blocks, 0..=256, "from 0 to 256")?;
        check_range("architecture.channels", self.channels, 1..=4096, "from 1 to 4096")?;
        let scale = self.residual_scale;
        check_range("architecture.residual_scale", scale, f64::MIN_POSITIVE..=1.0, "above 0 and at most 1")
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        outputs: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = DenseBuilder::new(shared, Norm::None);
        self.residual.begin(&mut net, self.scale);
        let channels = net.whole(self.channels as f64);
        net.bare_convolution(channels, 3, InitialWeights::Drawn);
        net.residual(1.0, |net| {
            for _ in 0..self.blocks {
                net.residual(self.residual_scale, |net| {
                    let inner = net.whole(self.channels as f64);
                    net.convolution(inner, 3);
                    net.close_branch(channels, 3);
                });
            }
            net.bare_convolution(channels, 3, InitialWeights::Drawn);
        });
        let head = shared.upsample.cloned().unwrap_or_else(|| default_head(self.scale));
        net.head(&head, self.scale)?;
        net.dropout();
        Ok(self.residual.finish(net, outputs))
    }
}
