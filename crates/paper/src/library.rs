//! The studies of a paper with everything that came of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use allconv_record::{RunRecord, SplitName};
use allconv_study::results::RunResult;
use allconv_study::{Better, MetricUnit, StudyFile, StudyResults, metric_label};

use crate::config::PaperConfig;
use crate::error::PaperError;

/// Name of the group of runs that searched for learning rates.
const SEARCH: &str = "search";

/// A study of the paper.
#[derive(Debug)]
pub(crate) struct Study {
    /// Its file.
    pub(crate) file: StudyFile,
    /// What its runs give.
    pub(crate) results: StudyResults,
}

/// All studies of the paper by their names.
#[derive(Debug)]
pub(crate) struct Library {
    /// The studies.
    pub(crate) studies: BTreeMap<String, Study>,
}

/// Whether a value may change with runs that are still to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Every run of the study has come to its end.
    Final,
    /// Some have not.
    Unfinished,
}

impl Library {
    /// Reads every study file and its runs.
    ///
    /// # Errors
    /// [`PaperError`] when a study file is wrong or a folder cannot be read.
    pub(crate) fn read(config: &PaperConfig, folder: &Path) -> Result<Library, PaperError> {
        let mut studies = BTreeMap::new();
        for (name, source) in &config.studies {
            let file = StudyFile::read(&folder.join(&source.file))?;
            let folders: Vec<PathBuf> = source.runs.iter().map(|runs| folder.join(runs)).collect();
            let results = StudyResults::collect(&file, &folders)?;
            studies.insert(name.clone(), Study { file, results });
        }
        Ok(Library { studies })
    }
}

impl Study {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.file.name
    }

    /// Whether every run has come to its end.
    pub(crate) fn standing(&self) -> Standing {
        match self.results.runs.iter().all(|run| run.state.is_final()) {
            true => Standing::Final,
            false => Standing::Unfinished,
        }
    }

    /// Runs of the comparison that have come to their end.
    pub(crate) fn made(&self) -> usize {
        self.results.runs.iter().filter(|run| run.state.is_final()).count()
    }

    /// The runs of the search for learning rates.
    pub(crate) fn searched(&self) -> impl Iterator<Item = &RunResult> {
        let rungs = self.results.search.iter().flat_map(|search| &search.rungs);
        rungs.flat_map(|rung| &rung.cells).flat_map(|cell| &cell.runs)
    }

    /// Every run that exists, those of the search behind the others.
    pub(crate) fn all_runs(&self) -> impl Iterator<Item = &RunResult> {
        self.results.runs.iter().chain(self.searched()).filter(|run| run.record.is_some())
    }

    /// The runs that exist in groups: one an arm, `STUDY/ARM`, and `STUDY/search`.
    pub(crate) fn groups(&self) -> BTreeMap<String, Vec<&RunResult>> {
        let mut groups: BTreeMap<String, Vec<&RunResult>> = BTreeMap::new();
        for run in self.results.runs.iter().filter(|run| run.record.is_some()) {
            groups.entry(self.group(run.arm_index)).or_default().push(run);
        }
        for run in self.searched().filter(|run| run.record.is_some()) {
            groups.entry(format!("{}/{SEARCH}", self.name())).or_default().push(run);
        }
        groups
    }

    /// The group of an arm's runs.
    pub(crate) fn group(&self, arm_index: usize) -> String {
        format!("{}/{}", self.name(), self.file.arms[arm_index].name)
    }

    /// Position of an arm.
    pub(crate) fn arm(&self, name: &str) -> Option<usize> {
        self.file.arms.iter().position(|arm| arm.name == name)
    }

    /// How values of the primary metric are shown.
    pub(crate) fn unit(&self) -> MetricUnit {
        self.results.unit
    }

    /// On which side of zero a difference to the baseline is worse.
    pub(crate) fn worse_side(&self) -> &'static str {
        match self.file.primary.better {
            Better::Lower => "above",
            Better::Higher => "below",
        }
    }

    /// `test error`.
    pub(crate) fn metric(&self) -> String {
        let split = match self.file.primary.split {
            SplitName::Train => "training",
            SplitName::Valid => "validation",
            SplitName::Test => "test",
        };
        format!("{split} {}", metric_label(&self.file.primary.metric))
    }

    /// Seconds of training and evaluation of every run that exists.
    pub(crate) fn seconds(&self) -> Vec<f64> {
        self.all_runs().filter_map(|run| run.record.as_ref()).map(seconds_of).collect()
    }
}

/// Seconds of training and evaluation of a run.
pub(crate) fn seconds_of(record: &RunRecord) -> f64 {
    record.timings.training_seconds + record.timings.evaluation_seconds
}
