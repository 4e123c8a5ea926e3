//! The trait by which the training loop has a finished network measured and explained.

use crate::{ArtefactPicture, RunDirectory};

/// Measures trained networks. The training loop calls it; the crate with the measures implements it.
pub trait Measurer: Sync {
    /// The values of the metrics called `names` for the last checkpoint of `run`, on the test split.
    ///
    /// # Errors
    /// Why one of them cannot be measured, naming it.
    fn measure(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, String>;

    /// Explanations, with their PNG files, of the last checkpoint of `run` for a few test images, by these methods.
    ///
    /// # Errors
    /// Why it cannot be explained.
    fn explain(
        &self,
        methods: &[String],
        run: &RunDirectory,
    ) -> Result<Vec<(ArtefactPicture, Vec<u8>)>, String>;
}

/// Nothing can be measured.
impl Measurer for () {
    fn measure(&self, names: &[String], _run: &RunDirectory) -> Result<Vec<(String, f64)>, String> {
        Err(format!("this program cannot measure {}", names.join(", ")))
    }

    fn explain(
        &self,
        methods: &[String],
        _run: &RunDirectory,
    ) -> Result<Vec<(ArtefactPicture, Vec<u8>)>, String> {
        Err(format!("this program cannot explain by {}", methods.join(", ")))
    }
}
