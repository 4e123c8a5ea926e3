//! Runs of a study that differ in the length of the training alone: the shorter ones are made first, so that the longer ones can go on from them.

use std::collections::BTreeMap;

use allconv_record::Resolved;

/// The groups of runs that differ in length alone.
#[derive(Debug)]
pub(crate) struct Relatives {
    /// For every run its specification without the length, and its steps.
    runs: Vec<(String, u64)>,
    /// The runs of each specification.
    groups: BTreeMap<String, Vec<usize>>,
}

impl Relatives {
    pub(crate) fn of(resolved: &[Resolved]) -> Relatives {
        let run = |resolved: &Resolved| (resolved.specification.hash_without_length(), resolved.steps);
        let runs: Vec<(String, u64)> = resolved.iter().map(run).collect();
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, (hash, _)) in runs.iter().enumerate() {
            groups.entry(hash.clone()).or_default().push(index);
        }
        Relatives { runs, groups }
    }

    /// The other runs of a run's group.
    pub(crate) fn of_run(&self, run: usize) -> impl Iterator<Item = usize> {
        let group = self.groups.get(&self.runs[run].0).map_or(&[][..], Vec::as_slice);
        group.iter().copied().filter(move |other| *other != run)
    }

    /// Those of them that make fewer steps.
    pub(crate) fn shorter(&self, run: usize) -> Vec<usize> {
        self.of_run(run).filter(|other| self.runs[*other].1 < self.runs[run].1).collect()
    }
}
