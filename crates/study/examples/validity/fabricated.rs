//! A simulated study on disk: its run directories are written once, and get other test errors for every simulation.

use std::path::PathBuf;

use allconv_record::{Cost, MetricPoint, SplitName, Status};
use allconv_study::results::StudyResults;
use allconv_study::{StudyFile, plan};
use tempfile::TempDir;

use crate::invented;

const STEPS: u64 = 10;

/// A study whose runs all have finished.
pub(crate) struct Fabricated {
    pub(crate) study: StudyFile,
    folder: TempDir,
    /// Arm, seed and journal of every run.
    journals: Vec<(usize, usize, PathBuf)>,
}

impl Fabricated {
    /// Writes everything but the test errors.
    pub(crate) fn new(text: &str) -> Result<Fabricated, String> {
        let study = StudyFile::parse("simulated.toml", text.to_owned()).map_err(|error| error.to_string())?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut journals = Vec::new();
        for planned in plan(&study) {
            let specification = invented::specification(&planned);
            let directory = invented::directory(folder.path(), &planned, &specification)
                .map_err(|error| error.to_string())?;
            let cost = Cost { parameters: 1000, macs: 1000, activation_bytes: 1000, receptive_field: 9 };
            let record = invented::record(&planned, &specification, (Status::Finished, STEPS), cost);
            directory.write_record(&record).map_err(|error| error.to_string())?;
            let seed = (planned.seed - study.seeds.from) as usize;
            journals.push((planned.arm_index, seed, directory.journal_path()));
        }
        Ok(Fabricated { study, folder, journals })
    }

    /// Returns the results of the study whose runs have these test errors, by arm and seed.
    pub(crate) fn results(&self, errors: &[Vec<f64>]) -> Result<StudyResults, String> {
        for (arm, seed, journal) in &self.journals {
            let point = MetricPoint {
                step: STEPS,
                epoch: 1.0,
                split: SplitName::Test,
                name: "error".into(),
                value: errors[*arm][*seed],
            };
            let line = serde_json::to_string(&point).map_err(|error| error.to_string())?;
            std::fs::write(journal, line + "\n").map_err(|error| error.to_string())?;
        }
        let folders = [self.folder.path().to_path_buf()];
        StudyResults::collect(&self.study, &folders).map_err(|error| error.to_string())
    }
}
