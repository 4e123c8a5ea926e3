//! The trait by which the training loop has a finished network measured without knowing what measures are.

use crate::RunDirectory;

/// Measures trained networks. Implemented where networks are asked, called where they are trained.
pub trait Measurer: Sync {
    /// The values of the metrics called `names` for the last checkpoint of `run`, on the test split.
    ///
    /// # Errors
    /// Why one of them cannot be measured, naming it.
    fn measure(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, String>;
}

/// Nothing can be measured.
impl Measurer for () {
    fn measure(&self, names: &[String], _run: &RunDirectory) -> Result<Vec<(String, f64)>, String> {
        Err(format!("nothing here can measure {}", names.join(", ")))
    }
}
