//! Runs of a study that differ only in the length of the training: the shorter ones are made first, so that the longer ones can continue them.

use std::collections::BTreeMap;

use allconv_record::Resolved;

/// The groups of runs that differ in length alone.
#[derive(Debug)]
pub(crate) struct Relatives {
    runs: Vec<Relative>,
    /// The runs of each specification.
    groups: BTreeMap<String, Vec<usize>>,
}

/// A run.
#[derive(Debug)]
struct Relative {
    /// Hash of its specification without the length.
    hash: String,
    steps: u64,
    shared_presentations: u64,
}

impl Relatives {
    pub(crate) fn of<'a>(resolved: impl IntoIterator<Item = &'a Resolved>) -> Relatives {
        let run = |resolved: &Resolved| Relative {
            hash: resolved.specification.hash_without_length(),
            steps: resolved.steps,
            shared_presentations: resolved.shared_presentations,
        };
        let runs: Vec<Relative> = resolved.into_iter().map(run).collect();
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, run) in runs.iter().enumerate() {
            groups.entry(run.hash.clone()).or_default().push(index);
        }
        Relatives { runs, groups }
    }

    /// The other runs of a run's group.
    pub(crate) fn of_run(&self, run: usize) -> impl Iterator<Item = usize> {
        let group = self.groups.get(&self.runs[run].hash).map_or(&[][..], Vec::as_slice);
        group.iter().copied().filter(move |other| *other != run)
    }

    /// Those of them that make fewer steps.
    pub(crate) fn shorter(&self, run: usize) -> Vec<usize> {
        self.of_run(run).filter(|other| self.runs[*other].steps < self.runs[run].steps).collect()
    }

    /// Training images that a run need not show, because a shorter one of its group has shown the same ones.
    pub(crate) fn taken_over(&self, run: usize) -> u64 {
        let shared = |other: usize| self.runs[other].shared_presentations;
        self.shorter(run).into_iter().map(|other| shared(other).min(shared(run))).max().unwrap_or(0)
    }
}
