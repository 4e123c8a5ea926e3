//! `study bench`: the time of a forward pass of each arm's network, measured in turn on one machine.
//!
//! Other work on the machine affects the times of runs, so that these cannot be compared. Here the arms take turns: every round times one
//! pass of each, begins with another arm than the round before, and only passes of one round are compared. The results are ratios to the
//! baseline; their spread over the rounds shows whether the machine was idle otherwise. Reports read the record `bench.json` next to the runs.

use std::path::Path;

use allconv_record::{Environment, RecordError, write_atomically};
use serde::{Deserialize, Serialize};

/// Name of the record in the folder of a study's runs, or next to the folder of published runs.
const FILE: &str = "bench.json";

/// The `schema` field of the record.
const SCHEMA: &str = "allconv.study.bench/1";

/// Passes before timing begins: buffers are allocated and caches filled.
const WARM_UP_ROUNDS: usize = 2;

/// The measurements of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchRecord {
    schema: String,
    /// Machine and program.
    pub environment: Environment,
    /// Processes that wanted the processor in the minute before, where the system reports it.
    pub load_before: Option<f64>,
    /// The arms, in the order of the study file.
    pub arms: Vec<BenchedArm>,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchedArm {
    /// Its name.
    pub arm: String,
    /// Hash of the specification of the run whose network was timed.
    pub specification_hash: String,
    /// Images of a pass.
    pub images: usize,
    /// Seconds of a pass, one for each round.
    pub seconds: Vec<f64>,
}

impl BenchRecord {
    /// A record of arms that were timed in turns.
    pub fn new(environment: Environment, load_before: Option<f64>, arms: Vec<BenchedArm>) -> BenchRecord {
        BenchRecord { schema: SCHEMA.to_owned(), environment, load_before, arms }
    }

    /// Writes the record into a folder.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write(&self, folder: &Path) -> Result<(), RecordError> {
        let path = folder.join(FILE);
        let malformed = |error: serde_json::Error| RecordError::Malformed {
            path: path.clone(),
            format: FILE,
            reason: error.to_string(),
        };
        let text = serde_json::to_string_pretty(self).map_err(malformed)?;
        write_atomically(&path, format!("{text}\n").as_bytes())
    }

    /// Reads the record of a folder; `None` where there is none.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be read, or is not such a record.
    pub fn read(folder: &Path) -> Result<Option<BenchRecord>, RecordError> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RecordError::Io { action: "read", path, source }),
        };
        let malformed = |reason: String| RecordError::Malformed { path: path.clone(), format: FILE, reason };
        let record: BenchRecord =
            serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let rounds = record.arms.first().map_or(0, |arm| arm.seconds.len());
        let is_time = |seconds: &f64| seconds.is_finite() && *seconds > 0.0;
        let fits = |arm: &BenchedArm| arm.seconds.len() == rounds && arm.seconds.iter().all(is_time);
        if record.schema != SCHEMA || rounds == 0 || !record.arms.iter().all(fits) {
            return Err(malformed(format!(
                "it is not a record of `{SCHEMA}` with as many times for every arm"
            )));
        }
        Ok(Some(record))
    }
}

/// Times every arm once in each of `rounds` rounds, after rounds that are not counted; round `r` begins with arm `r mod arms`. Returns the times
/// of each arm in the order of the rounds.
///
/// # Errors
/// The first error of `pass`.
pub fn in_turns<E>(
    arms: usize,
    rounds: usize,
    mut pass: impl FnMut(usize) -> Result<f64, E>,
) -> Result<Vec<Vec<f64>>, E> {
    let mut seconds = vec![Vec::with_capacity(rounds); arms];
    for round in 0..WARM_UP_ROUNDS + rounds {
        for turn in 0..arms {
            let arm = (round + turn) % arms;
            let taken = pass(arm)?;
            if round >= WARM_UP_ROUNDS {
                seconds[arm].push(taken);
            }
        }
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seconds: Vec<f64>) -> BenchRecord {
        let arm = |name: &str| BenchedArm {
            arm: name.into(),
            specification_hash: "ab".into(),
            images: 128,
            seconds: seconds.clone(),
        };
        BenchRecord::new(Environment::default(), Some(0.25), vec![arm("a"), arm("b")])
    }

    #[test]
    fn every_round_times_every_arm_and_begins_with_another() {
        let mut order = Vec::new();
        let seconds = in_turns::<()>(3, 3, |arm| {
            order.push(arm);
            Ok(order.len() as f64)
        })
        .unwrap();
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1, 0, 1, 2, 1, 2, 0]);
        assert_eq!(seconds, [[8.0, 10.0, 15.0], [9.0, 11.0, 13.0], [7.0, 12.0, 14.0]]);
        assert_eq!(in_turns(2, 3, |_| Err::<f64, _>("broken")), Err("broken"));
    }

    #[test]
    fn a_record_is_read_back_and_one_that_was_changed_by_hand_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(BenchRecord::read(folder.path()).unwrap(), None);
        record(vec![0.5, 0.25]).write(folder.path()).unwrap();
        assert_eq!(BenchRecord::read(folder.path()).unwrap(), Some(record(vec![0.5, 0.25])));
        for broken in [record(vec![]), record(vec![0.5, -1.0])] {
            broken.write(folder.path()).unwrap();
            assert!(BenchRecord::read(folder.path()).is_err());
        }
        std::fs::write(folder.path().join(FILE), "{}").unwrap();
        assert!(matches!(BenchRecord::read(folder.path()), Err(RecordError::Malformed { .. })));
    }
}
