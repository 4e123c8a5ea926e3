//! The trait that supplies test examples to reports.

use crate::RunSpecification;

/// Supplies examples of the data sets of runs. Crates that read data sets implement it; crates that do not depend on data use it.
pub trait Examples {
    /// Names of the classes of the data set that `specification` was made with; `None` when that data set is not available.
    fn class_names(&self, specification: &RunSpecification) -> Option<Vec<String>>;

    /// The test example with the given id as a PNG file, before preprocessing; `None` when the data set is not available, has another
    /// content than the run's, or its examples are not images.
    fn png(&self, specification: &RunSpecification, sample: u32) -> Option<Vec<u8>>;
}

/// No data set is available.
impl Examples for () {
    fn class_names(&self, _specification: &RunSpecification) -> Option<Vec<String>> {
        None
    }

    fn png(&self, _specification: &RunSpecification, _sample: u32) -> Option<Vec<u8>> {
        None
    }
}
