//! What every upsampling operator says about itself and is asked.

use burn::tensor::Tensor;

use super::UpsampleConfig;
use super::promises::Promises;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::downsample::DownsampleConfig;
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::switches::{SwitchKind, Switches};

/// The task of an upsampling operator at one place of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enlargement {
    /// Channels, rows and columns that enter.
    pub input: [usize; 3],
    /// Channels, rows and columns that shall leave; rows and columns are those of the map that was reduced.
    pub output: [usize; 3],
    /// What the paired downsampling operator hands over: [`DownsampleConfig::switches`].
    pub switches: SwitchKind,
}

/// Which sides an operator can return for a side that enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideRule {
    /// Every side that is not smaller.
    NotSmaller,
    /// Every side `h'` with `ceil(h' / factor)` the side that enters.
    Factor(usize),
    /// The side of the map that the switches come from.
    Switches,
}

impl SideRule {
    /// Refuses a side that cannot leave for one that enters.
    ///
    /// # Errors
    ///
    /// The reason, with both.
    pub fn check(self, entering: usize, leaving: usize) -> Result<(), String> {
        match self {
            Self::NotSmaller if leaving < entering => {
                Err(format!("{leaving} cells are fewer than {entering}"))
            }
            Self::Factor(factor) if leaving.div_ceil(factor) != entering => {
                let (least, most) = (entering.saturating_sub(1) * factor + 1, entering * factor);
                Err(format!("{entering} cells become {least} to {most} cells, not {leaving}"))
            }
            _ => Ok(()),
        }
    }

    /// [`Self::check`] as a condition for the sides of a map that enters `operator`.
    pub(super) fn demand(self, operator: &str, x: &Tensor<4>, sides: [usize; 2]) {
        let [_, _, height, width] = x.dims();
        for (entering, leaving) in [height, width].into_iter().zip(sides) {
            if let Err(reason) = self.check(entering, leaving) {
                panic!("`{operator}`: {reason}");
            }
        }
    }
}

/// What every upsampling operator says about itself.
pub trait Upsampler: Clone + Into<UpsampleConfig> {
    /// Its name, as in a study file.
    const NAME: &'static str;

    /// Raised by whoever changes the values that the operator computes: runs before and after are then told apart.
    const REVISION: u32;

    /// What it is, in words.
    const CARD: Card;

    /// The switches that it cannot do without; [`SwitchKind::None`] where it needs none.
    const NEEDS: SwitchKind = SwitchKind::None;

    /// The name of the downsampling operator that it is usually paired with; see [`UpsampleConfig::partner`].
    const PARTNER: &'static str;

    /// Its default, and each setting worth a test of its own.
    fn examples() -> Vec<Self>;

    /// What holds for it with these settings.
    fn promises(&self) -> Promises;

    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field, its value and the range.
    fn check(&self) -> Result<(), DescriptionError>;

    /// Which sides it returns.
    fn sides(&self) -> SideRule;

    /// What its settings demand of the settings of the paired operator, which hands over what it needs.
    ///
    /// # Errors
    ///
    /// The reason, as a sentence without its beginning.
    fn check_settings_of(&self, downsample: &DownsampleConfig) -> Result<(), String> {
        let _ = downsample;
        Ok(())
    }

    /// Whether it mixes channels by learned weights: the net's activation then follows.
    fn mixes_channels(&self) -> bool {
        false
    }

    /// How many cells of a row of the input one cell of the output reads at most, borders aside.
    fn cells_read(&self, enlargement: &Enlargement) -> usize;

    /// Whether it uses switches of this kind where they are handed over.
    fn takes(&self, offered: SwitchKind) -> bool {
        offered != SwitchKind::None && offered == Self::NEEDS
    }

    /// How many channels must enter for `channels` to leave; `None` where any number can.
    fn channels_in(&self, channels: usize, switches: SwitchKind) -> Option<usize> {
        let _ = switches;
        Some(channels)
    }

    /// Number of learned values.
    fn parameters(&self, enlargement: &Enlargement) -> u64 {
        let _ = enlargement;
        0
    }

    /// Multiplications by learned weights for one image.
    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let _ = enlargement;
        0
    }
}

/// An upsampling operator without parameters: its settings are all there is to know.
pub trait FixedUpsampler {
    /// `x` `[n, c, h, w]` to a map of `sides`.
    fn compute(&self, x: Tensor<4>, sides: [usize; 2], switches: &Switches, pass: &Pass<'_>) -> Tensor<4>;
}

/// An upsampling operator with parameters, which live in its module.
pub trait LearnedUpsampler: Upsampler {
    /// The module that holds the parameters.
    type Module;

    /// The module for this enlargement.
    fn module(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> Self::Module;
}

/// The first rows and columns of a map that is at least as large.
pub(super) fn cut(x: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    if [height, width] == [rows, columns] {
        return x;
    }
    x.slice([0..batch, 0..channels, 0..rows, 0..columns])
}
