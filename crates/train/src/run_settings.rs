//! A specification as typed settings: what the training loop reads instead of tables.

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
    /// Reads the sections of a resolved specification.
    ///
    /// # Errors
    /// [`ResolveError`] when the specification was written by hand or by a program that knows more.
    pub fn read(specification: &RunSpecification) -> Result<RunSettings, ResolveError> {
        Ok(RunSettings {
            data: read_section("data", &specification.data)?,
            net: read_section("net", &specification.net)?,
            train: read_section("train", &specification.train)?,
        })
    }
}

/// The accuracy class called `name`.
///
/// # Errors
/// [`ResolveError`] at `train.precision`, listing the classes.
pub(crate) fn accuracy(name: &str) -> Result<Accuracy, ResolveError> {
    let classes = [Accuracy::Exact, Accuracy::F32];
    classes.into_iter().find(|class| class.name() == name).ok_or_else(|| {
        let names: Vec<&str> = classes.iter().map(|class| class.name()).collect();
        wrong_value(
            "train",
            "precision",
            format!("no accuracy class is called `{name}`; there are {}", names.join(", ")),
        )
    })
}
