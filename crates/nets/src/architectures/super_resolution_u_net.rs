//! A U-shaped network for super-resolution: it reduces the small image further before it enlarges it.

use allconv_operators::{OutOfRange, UpsampleConfig, check_range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense_builder::DenseBuilder;
use super::edsr::{SkipOverAll, default_head};
use super::layout::{Defaults, Layout, OutputKind, SharedSettings, SlotKind};
use super::springenberg::one;
use super::u_net::{Blocks, Levels, sixty_four, two_convolutions, u_shaped};
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::StageSpec;

/// The levels of [`UNet`](super::UNet) at and below the resolution of the input, then the head of [`Edsr`](super::Edsr) and a 3×3
/// convolution to the outputs.
///
/// What the operator in the slot loses of the small image is available through the skips only: the network compares downsampling operators
/// where detail matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperResolutionUNet {
    /// Factor on the image's height and width, 1 to 8.
    pub scale: usize,
    /// Number of reductions of the resolution, 1 to 8. Default 2.
    #[serde(default = "two_convolutions")]
    pub depth: usize,
    /// Channels of the first level, 1 to 4096. Default 64.
    #[serde(default = "sixty_four")]
    pub channels: usize,
    /// Factor on the channels from level to level, 0.25 to 4. Default 1.
    #[serde(default = "one")]
    pub growth: f64,
    /// Convolutions of a level, each way, 1 to 8. Default 2.
    #[serde(default = "two_convolutions")]
    pub convolutions: usize,
    /// The normalisation after each convolution. Default: none.
    #[serde(default, skip_serializing_if = "Norm::is_none")]
    pub norm: Norm,
    /// The connection of the convolutions of a level. Default: one after the other.
    #[serde(default, skip_serializing_if = "Blocks::is_plain")]
    pub blocks: Blocks,
    /// The skip over the whole network. Default: none.
    #[serde(default, skip_serializing_if = "SkipOverAll::is_none")]
    pub residual: SkipOverAll,
    /// The operator of the head. Default: pixel shuffle after a 3×3 convolution, in steps of 2 or one of `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<UpsampleConfig>,
    /// Factor on all channel counts but that of the outputs. Default 1.
    #[serde(default = "one")]
    pub width: f64,
}

impl SuperResolutionUNet {
    /// Returns every setting at its default, for this scale.
    pub fn of_scale(scale: usize) -> Self {
        Self {
            scale,
            depth: two_convolutions(),
            channels: sixty_four(),
            growth: one(),
            convolutions: two_convolutions(),
            norm: Norm::None,
            blocks: Blocks::Plain,
            residual: SkipOverAll::None,
            head: None,
            width: one(),
        }
    }
}

impl Layout for SuperResolutionUNet {
    fn name(&self) -> &'static str {
        "super_resolution_u_net"
    }

    fn defaults(&self) -> Defaults {
        u_shaped()
    }

    fn output(&self) -> OutputKind {
        OutputKind::Map { scale: self.scale }
    }

    fn slots(&self) -> &'static [SlotKind] {
        &[SlotKind::Downsample, SlotKind::Upsample]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_range("architecture.scale", self.scale, 1..=8, "from 1 to 8")?;
        self.levels().check()
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        outputs: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = DenseBuilder::new(shared, self.norm);
        self.residual.begin(&mut net, self.scale);
        self.levels().append(&mut net)?;
        let head = self.head.clone().unwrap_or_else(|| default_head(self.scale));
        net.head(&head, self.scale)?;
        Ok(self.residual.finish(net, outputs))
    }
}

impl SuperResolutionUNet {
    fn levels(&self) -> Levels {
        let Self { depth, channels, growth, convolutions, blocks, .. } = *self;
        Levels { depth, channels, growth, convolutions, blocks }
    }
}
