//! The interface that all operators of both directions have in common.

use std::any::Any;
use std::fmt::Debug;

use crate::description::Description;
use crate::error::OutOfRange;

/// The settings of an operator, which a table of a study file is read into. One struct is one operator.
pub trait Settings: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The description of the operator.
    const DESCRIPTION: Description;

    /// Returns the default, and other settings that tests cover.
    fn examples() -> Vec<Self>;

    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field, its value and the range.
    fn check(&self) -> Result<(), OutOfRange> {
        Ok(())
    }
}

/// An operator with its settings, of any type.
pub trait Operator: Any + Debug + Send + Sync {
    /// Returns the description of the operator.
    fn description(&self) -> Description;

    /// Returns its name, as in a study file.
    fn name(&self) -> &'static str {
        self.description().name
    }

    /// Returns its numerics revision; see [`Description::revision`].
    fn revision(&self) -> u32 {
        self.description().revision
    }

    /// Refuses settings that are out of range; `section` is that of the study file.
    ///
    /// # Errors
    ///
    /// The field with its path, its value and the range.
    fn check_in(&self, section: &str) -> Result<(), OutOfRange>;

    /// Returns whether `other` is the same operator with the same settings.
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<S: Settings> Operator for S {
    fn description(&self) -> Description {
        S::DESCRIPTION
    }

    fn check_in(&self, section: &str) -> Result<(), OutOfRange> {
        self.check().map_err(|error| error.within(&format!("{section}.{}", S::DESCRIPTION.name)))
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<S>() == Some(self)
    }
}
