//! The trait by which the training loop has a finished network measured and explained without knowing how.

use crate::{ArtefactPicture, RunDirectory};

/// Measures trained networks. Implemented where networks are asked, called where they are trained.
pub trait Measurer: Sync {
    /// The values of the metrics called `names` for the last checkpoint of `run`, on the test split.
    ///
    /// # Errors
    /// Why one of them cannot be measured, naming it.
    fn measure(&self, names: &[String], run: &RunDirectory) -> Result<Vec<(String, f64)>, String>;

    /// Pictures, with their PNG files, of what the last checkpoint of `run` saw in a few test images, by these methods.
    ///
    /// # Errors
    /// Why it cannot be shown.
    fn explain(
        &self,
        methods: &[String],
        run: &RunDirectory,
    ) -> Result<Vec<(ArtefactPicture, Vec<u8>)>, String>;
}

/// Nothing can be measured.
impl Measurer for () {
    fn measure(&self, names: &[String], _run: &RunDirectory) -> Result<Vec<(String, f64)>, String> {
        Err(format!("nothing here can measure {}", names.join(", ")))
    }

    fn explain(
        &self,
        methods: &[String],
        _run: &RunDirectory,
    ) -> Result<Vec<(ArtefactPicture, Vec<u8>)>, String> {
        Err(format!("nothing here can explain by {}", methods.join(", ")))
    }
}
