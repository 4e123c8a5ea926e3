//! An encoder and a decoder without skips: what an operator discards is lost.

use allconv_operators::{InitialWeights, OutOfRange, check_range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense_builder::DenseBuilder;
use super::layout::{Defaults, Layout, OutputKind, SharedSettings, SlotKind};
use super::u_net::u_shaped;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::StageSpec;

/// At each of `depth` levels `convolutions` 3×3 convolutions with ReLU and the slot; a 1×1 convolution to `bottleneck` channels,
/// which `width` leaves alone, so that every operator's code holds as many values; at each level of the decoder the `upsample` operator
/// and `convolutions` convolutions; a 3×3 convolution to the outputs.
///
/// With `convolutions = 0` there are only operators, `depth` times down and as often up, without other parameters: for a
/// pair without weights the result is up(down(x)), and its error what the pair loses. The operators must then fit each other in
/// their channels (`pixel_unshuffle` with `pixel_shuffle`, `haar_wavelet` with `inverse_haar`, `max_pool` with `max_unpool`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Autoencoder {
    /// Number of reductions of the resolution, 1 to 8. Default 1.
    pub depth: usize,
    /// Channels of every level, 1 to 4096. Default 32.
    pub channels: usize,
    /// Convolutions of a level, each way, 0 to 8. Default 1.
    pub convolutions: usize,
    /// Channels of the code, 1 to 4096; without effect where there are no convolutions. Default 12.
    pub bottleneck: usize,
    /// Factor on all channel counts but those of the code and the outputs. Default 1.
    pub width: f64,
}

impl Default for Autoencoder {
    fn default() -> Self {
        Self { depth: 1, channels: 32, convolutions: 1, bottleneck: 12, width: 1.0 }
    }
}

impl Layout for Autoencoder {
    fn name(&self) -> &'static str {
        "autoencoder"
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
        check_range("architecture.depth", self.depth, 1..=8, "from 1 to 8")?;
        check_range("architecture.channels", self.channels, 1..=4096, "from 1 to 4096")?;
        check_range("architecture.convolutions", self.convolutions, 0..=8, "from 0 to 8")?;
        check_range("architecture.bottleneck", self.bottleneck, 1..=4096, "from 1 to 4096")
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        outputs: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = DenseBuilder::new(shared, Norm::None);
        if self.convolutions == 0 {
            net.alone(outputs, self.depth)?;
            return Ok(net.end());
        }
        let mut channels = Vec::new();
        for _ in 0..self.depth {
            net.target();
            self.convolve(&mut net);
            channels.push(net.channels());
            net.downsample()?;
        }
        net.bare_convolution(self.bottleneck, 1, InitialWeights::Drawn);
        net.dropout();
        for channels in channels.into_iter().rev() {
            net.upsample(channels);
            self.convolve(&mut net);
        }
        Ok(net.finish(outputs, 3, InitialWeights::Drawn))
    }
}

impl Autoencoder {
    fn convolve(&self, net: &mut DenseBuilder<'_>) {
        for _ in 0..self.convolutions {
            let channels = net.whole(self.channels as f64);
            net.convolution(channels, 3);
        }
    }
}
