//! What all operators have in common, in either direction.

use std::any::Any;
use std::fmt::Debug;

use crate::description::Description;
use crate::error::OutOfRange;

/// The settings of an operator, which a table of a study file is read into. One struct is one operator.
pub trait Settings: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The operator in words.
    const DESCRIPTION: Description;

    /// The default, and each setting worth a test of its own.
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

/// An operator with its settings, whatever they are.
pub trait Operator: Any + Debug + Send + Sync {
    /// The operator in words.
    fn description(&self) -> Description;

    /// Its name, as in a study file.
    fn name(&self) -> &'static str {
        self.description().name
    }

    /// Its numerics revision; see [`Description::revision`].
    fn revision(&self) -> u32 {
        self.description().revision
    }

    /// Refuses settings that are out of range; `section` is that of the study file.
    ///
    /// # Errors
    ///
    /// The field with its path, its value and the range.
    fn check_in(&self, section: &str) -> Result<(), OutOfRange>;

    /// Whether `other` is the same operator with the same settings.
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
