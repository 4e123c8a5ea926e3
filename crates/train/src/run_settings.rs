//! The typed settings of a specification, as the training loop reads them.

use allconv_kernels::Accuracy;
use allconv_nets::NetworkSpec;
use allconv_record::{ResolveError, RunSpecification};

use crate::section::{read_section, wrong_value};
use crate::{DataSettings, TrainSettings};

/// The three sections of a specification, typed.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// `[data]`.
    pub data: DataSettings,
    /// `[net]`.
    pub net: NetworkSpec,
    /// `[train]`.
    pub train: TrainSettings,
}

impl RunSettings {
    /// Returns the accuracy class that the run is computed in.
    ///
    /// # Errors
    /// [`ResolveError`] at `train.precision` when no class has the name.
    pub fn accuracy(&self) -> Result<Accuracy, ResolveError> {
        accuracy(&self.train.precision)
    }

    /// Reads the sections of a resolved specification.
    ///
    /// # Errors
    /// [`ResolveError`] when the specification was written by hand or by a later version.
    pub fn read(specification: &RunSpecification) -> Result<RunSettings, ResolveError> {
        Ok(RunSettings {
            data: read_section("data", &specification.data)?,
            net: read_section("net", &specification.net)?,
            train: read_section("train", &specification.train)?,
        })
    }
}

/// Returns the accuracy class called `name`.
///
/// # Errors
/// [`ResolveError`] at `train.precision`, listing the classes.
pub(crate) fn accuracy(name: &str) -> Result<Accuracy, ResolveError> {
    Accuracy::named(name).map_err(|error| wrong_value("train", "precision", error.to_string()))
}
