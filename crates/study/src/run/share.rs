//! The part of a study's runs that one process of several makes.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use allconv_record::{RecordError, Resolved, RunDirectory, Status};

/// Which runs of a study a process makes, and how long it waits for those that others make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All, in the order of the plan. The process ends when all have ended, whoever makes them.
    Whole,
    /// Those of a slice, then any others that no process makes.
    Slice {
        /// The slice.
        slice: Slice,
        /// The process ends when only runs that others make have been left for this time, which is long enough to find out that an owner has
        /// died.
        leave_after: Duration,
    },
}

/// Every `of`-th run of a study, beginning with the run of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    number: usize,
    of: usize,
}

/// A text that is no slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no slice I/N of the runs: I counts from 1 to N, e.g. 3/8")]
pub struct SliceError(String);

impl FromStr for Slice {
    type Err = SliceError;

    fn from_str(text: &str) -> Result<Slice, SliceError> {
        let numbers =
            text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Slice { number, of }),
            _ => Err(SliceError(text.to_owned())),
        }
    }
}

impl Slice {
    /// The whole as one slice.
    pub const ALL: Slice = Slice { number: 1, of: 1 };

    fn distance(self, run: usize) -> usize {
        (run + self.of - (self.number - 1)) % self.of
    }
}

impl Share {
    /// Whether the run at this position of the plan is one that the process makes by itself, not only where others leave it.
    pub(super) fn is_own(self, run: usize) -> bool {
        match self {
            Share::Whole => true,
            Share::Slice { slice, .. } => slice.distance(run) == 0,
        }
    }

    /// Sorts positions of the plan: the own slice first, then the one after it, so that processes begin at different runs.
    pub(super) fn sort(self, runs: &mut [usize]) {
        if let Share::Slice { slice, .. } = self {
            runs.sort_by_key(|run| (slice.distance(*run), *run));
        }
    }
}

/// The folders of a study's runs by the hash in their names. Only names are read: a study may have thousands of runs, and each of its
/// processes begins with this.
pub(super) struct Named {
    by_hash: BTreeMap<String, Vec<RunDirectory>>,
}

impl Named {
    pub(super) fn list(study_folder: &Path) -> Result<Named, RecordError> {
        let mut by_hash: BTreeMap<String, Vec<RunDirectory>> = BTreeMap::new();
        if !study_folder.exists() {
            return Ok(Named { by_hash });
        }
        let entries = std::fs::read_dir(study_folder).map_err(RecordError::io("read", study_folder))?;
        for entry in entries {
            let name = entry.map_err(RecordError::io("read", study_folder))?.file_name();
            if let Some((_, hash)) = name.to_str().and_then(|name| name.rsplit_once('-')) {
                by_hash.entry(hash.to_owned()).or_default().push(RunDirectory::at(study_folder.join(&name)));
            }
        }
        Ok(Named { by_hash })
    }

    /// Returns the status of a run that has ended, with its results undamaged, in whichever folder that its hash names.
    pub(super) fn ended(&self, resolved: &Resolved) -> Option<Status> {
        let specification = &resolved.specification;
        let folders = self.by_hash.get(&specification.short_hash()).map_or(&[][..], Vec::as_slice);
        let hash = specification.hash();
        let mut records = folders.iter().filter_map(|folder| folder.ended().ok().flatten());
        records.find(|record| record.specification_hash == hash).map(|record| record.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Share {
        Share::Slice { slice: text.parse().unwrap(), leave_after: Duration::ZERO }
    }

    #[test]
    fn slices_divide_the_runs_and_every_process_begins_with_its_own() {
        for run in 0..20 {
            assert_eq!((1..=3).filter(|number| of(&format!("{number}/3")).is_own(run)).count(), 1);
        }
        let mut runs: Vec<usize> = (0..7).collect();
        of("2/3").sort(&mut runs);
        assert_eq!(runs, [1, 4, 2, 5, 0, 3, 6]);
        Share::Whole.sort(&mut runs);
        assert_eq!(runs, [1, 4, 2, 5, 0, 3, 6]);
    }

    #[test]
    fn a_slice_counts_from_1() {
        for wrong in ["0/3", "4/3", "3", "a/b", "1/0", ""] {
            let told = wrong.parse::<Slice>().unwrap_err().to_string();
            assert!(told.contains("from 1 to N"), "{told}");
        }
        assert_eq!("1/1".parse(), Ok(Slice::ALL));
    }
}
