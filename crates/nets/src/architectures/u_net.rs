//! The U-Net: a contracting and an expanding path of equally many levels, and a skip between each two of a size.

use allconv_operators::downsample::MaxPool;
use allconv_operators::upsample::TransposedConv;
use allconv_operators::{InitialWeights, OutOfRange, check_range};
use allconv_random::elementary::powi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense_builder::DenseBuilder;
use super::layout::{Defaults, Layout, OutputKind, SharedSettings, SlotKind};
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::StageSpec;

/// At each of `depth` levels some 3×3 convolutions with ReLU, whose map is kept, and the slot; at the bottom as many convolutions and
/// dropout; in the expanding path the `upsample` operator, the kept map and its result joined along the channels (kept ones first), and as
/// many convolutions again; a 1×1 convolution to the outputs.
///
/// Level `l` has `channels · growth^l` channels. Convolutions read zeros beyond the edges and keep height and width (the original's do not,
/// and cut the kept maps instead), so that images of any height and width go through: each upsampling operator returns to the height and
/// width of the map that was reduced. An operator that needs another number of channels than there are has a 1×1 convolution with ReLU
/// before it.
///
/// Source: Ronneberger, Fischer and Brox, arXiv 1505.04597; dropout at the bottom as there (rate 0.5 in its code, here 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UNet {
    /// Number of reductions of the resolution, 1 to 8. Default 4.
    pub depth: usize,
    /// Channels of the first level, 1 to 4096. Default 64.
    pub channels: usize,
    /// Factor on the channels from level to level, 0.25 to 4. Default 2.
    pub growth: f64,
    /// Convolutions of a level, each way, 1 to 8. Default 2.
    pub convolutions: usize,
    /// The normalisation after each convolution. Default: none.
    #[serde(skip_serializing_if = "Norm::is_none")]
    pub norm: Norm,
    /// The connection of the convolutions of a level. Default: one after the other.
    #[serde(skip_serializing_if = "Blocks::is_plain")]
    pub blocks: Blocks,
    /// Factor on all channel counts but that of the outputs. Default 1.
    pub width: f64,
}

/// The connection of the convolutions of a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// One after the other.
    #[default]
    Plain,
    /// Around all but the first, which changes the channels, the map is added, then activated. Such a branch starts at zero: its last
    /// weights, with normalisation its last scale. He et al., arXiv 1512.03385; Goyal et al., arXiv 1706.02677.
    Residual,
}

impl Blocks {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

pub(super) fn sixty_four() -> usize {
    64
}

pub(super) fn two_convolutions() -> usize {
    2
}

impl Default for UNet {
    fn default() -> Self {
        Self {
            depth: 4,
            channels: 64,
            growth: 2.0,
            convolutions: 2,
            norm: Norm::None,
            blocks: Blocks::Plain,
            width: 1.0,
        }
    }
}

/// Returns the defaults of a U-shaped net: max pooling 2×2 and, as its up-convolution, a transposed convolution 2×2.
pub(super) fn u_shaped() -> Defaults {
    Defaults::of_map(Some(MaxPool::plain(2, 2).into()), TransposedConv::default().into())
}

impl Layout for UNet {
    fn name(&self) -> &'static str {
        "u_net"
    }

    fn defaults(&self) -> Defaults {
        u_shaped()
    }

    fn output(&self) -> OutputKind {
        OutputKind::Map { scale: 1 }
    }

    fn slots(&self) -> &'static [SlotKind] {
        &[SlotKind::Downsample, SlotKind::Upsample]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        self.levels().check()
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        outputs: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = DenseBuilder::new(shared, self.norm);
        self.levels().append(&mut net)?;
        Ok(net.finish(outputs, 1, InitialWeights::Drawn))
    }
}

impl UNet {
    fn levels(&self) -> Levels {
        let Self { depth, channels, growth, convolutions, blocks, .. } = *self;
        Levels { depth, channels, growth, convolutions, blocks }
    }
}

/// The contracting and expanding path of a U-shaped network.
pub(super) struct Levels {
    pub(super) depth: usize,
    pub(super) channels: usize,
    pub(super) growth: f64,
    pub(super) convolutions: usize,
    pub(super) blocks: Blocks,
}

impl Levels {
    pub(super) fn check(&self) -> Result<(), OutOfRange> {
        check_range("architecture.depth", self.depth, 1..=8, "from 1 to 8")?;
        check_range("architecture.channels", self.channels, 1..=4096, "from 1 to 4096")?;
        check_range("architecture.growth", self.growth, 0.25..=4.0, "from 0.25 to 4")?;
        check_range("architecture.convolutions", self.convolutions, 1..=8, "from 1 to 8")
    }

    /// Returns the channels of a level before the network's width.
    pub(super) fn of_level(&self, level: usize) -> f64 {
        self.channels as f64 * powi(self.growth, level as i32)
    }

    /// Appends them all; the map then has the channels of the first level and the height and width that it had before.
    pub(super) fn append(&self, net: &mut DenseBuilder<'_>) -> Result<(), DescriptionError> {
        let mut kept = Vec::new();
        for level in 0..self.depth {
            net.target();
            self.block(net, level);
            net.push(StageSpec::Keep);
            kept.push(net.channels());
            net.downsample()?;
        }
        self.block(net, self.depth);
        net.dropout();
        for (level, channels) in kept.into_iter().enumerate().rev() {
            net.upsample(channels);
            net.push(StageSpec::Concatenate);
            self.block(net, level);
        }
        Ok(())
    }

    fn block(&self, net: &mut DenseBuilder<'_>, level: usize) {
        let channels = net.whole(self.of_level(level));
        net.convolution(channels, 3);
        if self.blocks == Blocks::Plain {
            for _ in 1..self.convolutions {
                let channels = net.whole(self.of_level(level));
                net.convolution(channels, 3);
            }
        } else if self.convolutions > 1 {
            self.residual(net, level);
        }
    }

    /// Appends all convolutions of a block but the first, with the map added.
    fn residual(&self, net: &mut DenseBuilder<'_>, level: usize) {
        let channels = net.channels();
        net.residual(1.0, |net| {
            for _ in 2..self.convolutions {
                let inner = net.whole(self.of_level(level));
                net.convolution(inner, 3);
            }
            net.close_branch(channels, 3);
        });
        net.activate();
    }
}
