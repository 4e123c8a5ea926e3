//! The trait by which a report shows test examples without knowing data sets.

use crate::RunSpecification;

/// Shows examples of the data sets that runs were made with. Implemented where data sets are known, used where they are not.
pub trait Examples {
    /// Names of the classes of the data set that `specification` was made with; `None` when that data set is not at hand.
    fn class_names(&self, specification: &RunSpecification) -> Option<Vec<String>>;

    /// The test example with the given id as a PNG file, before preprocessing; `None` when the data set is not at hand, has another
    /// content than the run's, or its examples are no pictures.
    fn png(&self, specification: &RunSpecification, sample: u32) -> Option<Vec<u8>>;
}

/// No data set is at hand.
impl Examples for () {
    fn class_names(&self, _specification: &RunSpecification) -> Option<Vec<String>> {
        None
    }

    fn png(&self, _specification: &RunSpecification, _sample: u32) -> Option<Vec<u8>> {
        None
    }
}
