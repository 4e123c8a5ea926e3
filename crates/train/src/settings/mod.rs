//! The sections `[data]` and `[train]` of a study file: as requested, and with every default written out.

mod class_balance;
mod data;
mod length;
mod optimizer;
mod preset;
mod start;
mod task;
mod train;

use std::borrow::Cow;

use allconv_data::OutOfRange;

pub use class_balance::ClassBalance;
pub use data::{DataRequest, DataSettings, FoldRequest};
pub use length::{Length, WeightAverage};
pub use optimizer::{AdamSettings, OptimizerSettings};
pub use preset::{PRESETS, Preset};
pub use start::{StartRequest, StartSettings};
pub use task::{DenoisingSettings, PatchesSettings, SuperResolutionSettings, TaskSettings};
pub use train::{TrainRequest, TrainSettings};

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} = {value} is not possible: it must be {range}")]
pub struct SettingError {
    /// Path of the field inside its section.
    pub field: String,
    /// The value found.
    pub value: String,
    /// A description of the valid values.
    pub range: Cow<'static, str>,
}

impl From<OutOfRange> for SettingError {
    fn from(OutOfRange { field, value, range }: OutOfRange) -> SettingError {
        SettingError::new(field, value, range)
    }
}

impl SettingError {
    pub(crate) fn new(
        field: impl Into<String>,
        value: impl ToString,
        range: impl Into<Cow<'static, str>>,
    ) -> SettingError {
        SettingError { field: field.into(), value: value.to_string(), range: range.into() }
    }

    pub(crate) fn unless(
        holds: bool,
        field: impl Into<String>,
        value: impl ToString,
        range: impl Into<Cow<'static, str>>,
    ) -> Result<(), SettingError> {
        if holds { Ok(()) } else { Err(SettingError::new(field, value, range)) }
    }
}
