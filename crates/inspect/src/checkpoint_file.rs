//! The file of a run's last or best weights, found from the run's record and its checkpoints, never from a link.

use std::path::PathBuf;

use allconv_record::{RecordError, RunDirectory, Status};
use allconv_train::{CheckpointStore, State};

use crate::InspectError;

/// The choice of a run's weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointChoice {
    /// Those of the last step, which are evaluated on the test split.
    #[default]
    Last,
    /// Those with the lowest validation error.
    Best,
}

impl CheckpointChoice {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            CheckpointChoice::Last => "last",
            CheckpointChoice::Best => "best",
        }
    }
}

/// Returns the file with the weights of a run, in a checkpoint that has been verified.
///
/// # Errors
/// As [`checkpoint_step`].
pub fn checkpoint_file(run: &RunDirectory, choice: CheckpointChoice) -> Result<PathBuf, InspectError> {
    Ok(CheckpointStore::at(run.checkpoints()).weights_of(checkpoint_step(run, choice)?))
}

/// The number of steps after which the weights of a run were kept, in a checkpoint that has been verified.
///
/// Of a finished run the last weights are those of the step that its record names, and no others. Of any other run they are those of
/// the newest valid checkpoint. The best are those that the state of the last checkpoint names.
///
/// # Errors
/// [`InspectError::NoCheckpoint`] when the run has none, or held out no validation images to choose the best by;
/// [`InspectError::Record`] when a checkpoint or the record is damaged, or written by a later version.
pub fn checkpoint_step(run: &RunDirectory, choice: CheckpointChoice) -> Result<u64, InspectError> {
    let none = || InspectError::NoCheckpoint { run: run.path().to_path_buf(), choice: choice.name() };
    let store = CheckpointStore::at(run.checkpoints());
    let last = last_state(run, &store)?.ok_or_else(none)?;
    Ok(match choice {
        CheckpointChoice::Last => last.step,
        CheckpointChoice::Best => {
            let step = last.best.ok_or_else(none)?.step;
            belongs(&store.read(step)?.state, run)?;
            step
        }
    })
}

/// Returns the state of the checkpoint with a run's last weights; `None` when there is no checkpoint.
fn last_state(run: &RunDirectory, store: &CheckpointStore) -> Result<Option<State>, InspectError> {
    let specification_hash = run.read_specification()?.hash();
    let record = run.read_record()?;
    if record.status == Status::Finished || record.step == record.total_steps {
        return match store.read(record.step) {
            Ok(checkpoint) => {
                belongs(&checkpoint.state, run)?;
                Ok(Some(checkpoint.state))
            }
            // Published runs, and those whose checkpoints were removed to make room.
            Err(RecordError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound && !run.checkpoints().exists() =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        };
    }
    let found = store.newest(&|state| match state.specification_hash == specification_hash {
        true if state.step <= record.total_steps => Ok(()),
        true => Err(format!("it is after step {}, and the run has {}", state.step, record.total_steps)),
        false => Err("it belongs to another specification".to_owned()),
    })?;
    Ok(found.checkpoint.map(|checkpoint| checkpoint.state))
}

/// Refuses the checkpoint of another run.
fn belongs(state: &State, run: &RunDirectory) -> Result<(), InspectError> {
    if state.specification_hash == run.read_specification()?.hash() {
        return Ok(());
    }
    Err(InspectError::Record(RecordError::Malformed {
        path: run.checkpoints(),
        format: "folder of this run's checkpoints",
        reason: format!("the checkpoint of step {} belongs to another specification", state.step),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_record::{Cost, Environment, FORMAT_VERSION, RunRecord, RunSpecification, Timings};
    use allconv_train::{Best, Checkpoint, NamedTensor, NamedTensors};
    use std::collections::BTreeMap;

    fn specification() -> RunSpecification {
        RunSpecification {
            seed: 0,
            precision: "f32".into(),
            device_kind: "cpu".into(),
            dataset_hash: "d5".into(),
            numerics: BTreeMap::new(),
            data: Default::default(),
            net: Default::default(),
            train: Default::default(),
        }
    }

    fn record(status: Status, step: u64) -> RunRecord {
        RunRecord {
            schema: FORMAT_VERSION,
            status,
            reason: None,
            study: "s".into(),
            arm: "a".into(),
            seed: 0,
            specification_hash: specification().hash(),
            request_hash: "r".into(),
            study_file_sha256: None,
            command: vec!["allconv".into()],
            environment: Environment::default(),
            cost: Cost { parameters: 1, macs: 2, activation_bytes: 3, receptive_field: 4 },
            created_unix_seconds: 5,
            changed_unix_seconds: 6,
            step,
            total_steps: 3,
            timings: Timings::default(),
            parent: None,
            measured: None,
            resumptions: Vec::new(),
            results: BTreeMap::new(),
        }
    }

    fn checkpoint(step: u64, best: u64) -> Checkpoint {
        let tensor = NamedTensor { shape: vec![1], values: vec![step as f32] };
        let tensors = NamedTensors::from([("weight".to_owned(), tensor)]);
        let state =
            State { step, best: Some(Best { rank: 1, step: best }), ..State::start(specification().hash()) };
        Checkpoint { state, model: tensors.clone(), optimizer: tensors }
    }

    fn step_of(file: Result<PathBuf, InspectError>) -> String {
        let file = file.unwrap();
        file.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn weights_are_chosen_by_the_record_and_the_state_and_not_by_links() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        let store = CheckpointStore::at(run.checkpoints());
        run.write_specification(&specification()).unwrap();
        for (step, best) in [(1, 1), (2, 2), (3, 2)] {
            store.write(&checkpoint(step, best)).unwrap();
        }
        for link in ["last", "best"] {
            std::fs::remove_file(run.checkpoints().join(link)).unwrap();
            std::os::unix::fs::symlink("step-00000001", run.checkpoints().join(link)).unwrap();
        }
        for status in [Status::Finished, Status::Running, Status::Interrupted, Status::Failed] {
            run.write_record(&record(status, 3)).unwrap();
            assert_eq!(step_of(checkpoint_file(&run, CheckpointChoice::Last)), "step-00000003");
            assert_eq!(step_of(checkpoint_file(&run, CheckpointChoice::Best)), "step-00000002");
        }
    }

    #[test]
    fn a_finished_run_has_the_weights_of_its_last_step_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        let store = CheckpointStore::at(run.checkpoints());
        run.write_specification(&specification()).unwrap();
        run.write_record(&record(Status::Finished, 3)).unwrap();
        let last = || checkpoint_file(&run, CheckpointChoice::Last);
        assert!(matches!(last(), Err(InspectError::NoCheckpoint { .. })));
        store.write(&checkpoint(2, 2)).unwrap();
        assert!(matches!(last(), Err(InspectError::Record(_))), "older weights must not be used instead");
        store.write(&checkpoint(3, 2)).unwrap();
        assert!(last().is_ok());
        let weights = store.weights_of(3);
        let mut bytes = std::fs::read(&weights).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&weights, bytes).unwrap();
        assert!(last().unwrap_err().to_string().contains("MANIFEST"));
    }

    #[test]
    fn an_unfinished_run_has_the_weights_of_its_newest_valid_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        let store = CheckpointStore::at(run.checkpoints());
        run.write_specification(&specification()).unwrap();
        run.write_record(&record(Status::Running, 1)).unwrap();
        store.write(&checkpoint(1, 1)).unwrap();
        store.write(&checkpoint(2, 1)).unwrap();
        // One step more than the run has, as after a copy by hand.
        store.write(&checkpoint(9, 1)).unwrap();
        assert_eq!(step_of(checkpoint_file(&run, CheckpointChoice::Last)), "step-00000002");
    }
}
