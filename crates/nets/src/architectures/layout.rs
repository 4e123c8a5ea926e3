//! The interface of an architecture: its defaults, its operators, its stages.

use allconv_operators::{DownsampleConfig, OutOfRange, UpsampleConfig};

use crate::error::DescriptionError;
use crate::rounding::ChannelRounding;
use crate::stage::StageSpec;
use crate::stage_name::StageName;

/// The defaults of fields that a description leaves out.
pub(crate) struct Defaults {
    /// The operator in the slot; `None` for the stride-2 convolutions of the architecture's own table, and where nothing is reduced.
    pub(crate) downsample: Option<DownsampleConfig>,
    /// The operator that enlarges; `None` where nothing is enlarged.
    pub(crate) upsample: Option<UpsampleConfig>,
    pub(crate) last_relu: bool,
    pub(crate) input_dropout: f64,
    /// `None` for the rates of the architecture's own table.
    pub(crate) dropout: Option<f64>,
}

impl Defaults {
    /// Returns the defaults of a network that returns a map, with these operators: no activation at its end, no dropout.
    pub(crate) fn of_map(downsample: Option<DownsampleConfig>, upsample: UpsampleConfig) -> Self {
        Self {
            downsample,
            upsample: Some(upsample),
            last_relu: false,
            input_dropout: 0.0,
            dropout: Some(0.0),
        }
    }
}

/// The settings that a description has whatever its architecture, with defaults filled in.
pub(crate) struct SharedSettings<'a> {
    pub(crate) downsample: Option<&'a DownsampleConfig>,
    pub(crate) upsample: Option<&'a UpsampleConfig>,
    pub(crate) last_relu: bool,
    pub(crate) input_dropout: f64,
    /// `None` for the rates of the architecture's own table.
    pub(crate) dropout: Option<f64>,
    pub(crate) last_scale: Option<f64>,
    /// Factor on all channel counts but that of the classes.
    pub(crate) width: f64,
    pub(crate) rounding: ChannelRounding,
}

impl SharedSettings<'_> {
    /// Returns `channels` at the network's width in the convolution `layer`, counted from 0: a whole number, at least 1.
    pub(crate) fn channels(&self, channels: f64, layer: usize) -> usize {
        self.rounding.whole(self.width * channels, layer)
    }
}

/// The output of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// One value for each class.
    Logits,
    /// A map of channels with `scale` times the image's height and width.
    Map {
        /// At least 1.
        scale: usize,
    },
}

/// The operators that a description may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotKind {
    Downsample,
    Upsample,
}

/// An architecture with its settings.
pub(crate) trait Layout {
    /// Returns its name, as in a study file.
    fn name(&self) -> &'static str;

    /// Returns the revision, which is raised with every change of the values that the architecture computes.
    fn revision(&self) -> u32 {
        1
    }

    /// Returns the defaults of fields that a description leaves out.
    fn defaults(&self) -> Defaults;

    /// Returns the kind of output of the network.
    fn output(&self) -> OutputKind {
        OutputKind::Logits
    }

    /// Returns the operators that a description of it may name.
    fn slots(&self) -> &'static [SlotKind] {
        &[SlotKind::Downsample]
    }

    /// Refuses the architecture's settings that are out of range.
    fn check(&self) -> Result<(), OutOfRange> {
        Ok(())
    }

    /// Returns the stages of this architecture with these settings.
    fn stages(&self, shared: &SharedSettings<'_>, outputs: usize)
    -> Result<Vec<StageSpec>, DescriptionError>;

    /// What the parameters of each stage are called; `None` for `features.N`, N the stage's index.
    fn names(
        &self,
        _shared: &SharedSettings<'_>,
        _outputs: usize,
    ) -> Result<Option<Vec<StageName>>, DescriptionError> {
        Ok(None)
    }
}
