//! Tests of running a study: order, skipping, retries, interruption, sharing with other processes.

use std::collections::BTreeMap;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_record::{Leases, RunDirectory, Status};

use super::*;
use crate::matrix::plan;
use crate::testing::{FakeResolve, record, small_study, write_run, write_run_with_validation};

/// Writes a finished `run.json` unless `behaviour` says otherwise for that arm and seed.
struct FakeExecute<F: Fn(&PlannedRun, usize) -> Result<Status, ExecuteError> + Sync> {
    calls: Mutex<Vec<(String, u64)>>,
    behaviour: F,
}

impl<F: Fn(&PlannedRun, usize) -> Result<Status, ExecuteError> + Sync> FakeExecute<F> {
    fn new(behaviour: F) -> FakeExecute<F> {
        FakeExecute { calls: Mutex::new(Vec::new()), behaviour }
    }

    fn calls(&self) -> Vec<(String, u64)> {
        self.calls.lock().unwrap().clone()
    }
}

impl<F: Fn(&PlannedRun, usize) -> Result<Status, ExecuteError> + Sync> Execute for FakeExecute<F> {
    fn execute(&self, run: RunToMake<'_>) -> Result<Status, ExecuteError> {
        let RunToMake { planned, resolved, directory, .. } = run;
        let _lease = directory.lease(&Leases::default())?;
        let this = (planned.arm.clone(), planned.seed);
        let mut calls = self.calls.lock().unwrap();
        calls.push(this.clone());
        let attempt = calls.iter().filter(|call| **call == this).count();
        drop(calls);
        let status = (self.behaviour)(planned, attempt)?;
        match directory.path().parent() {
            Some(folder) if status.is_final() => drop(write_run(folder, planned, status, Some(0.3))),
            _ => directory.write_record(&record(planned, resolved, status))?,
        }
        Ok(status)
    }
}

static NEVER: AtomicBool = AtomicBool::new(false);

fn options<'a>(folder: &'a Path, jobs: usize) -> RunOptions<'a> {
    RunOptions {
        study_folder: folder,
        other_folders: &[],
        jobs,
        interrupted: &NEVER,
        busy_pause: Duration::from_millis(5),
        share: Share::Whole,
    }
}

fn run(execute: &dyn Execute, options: RunOptions<'_>) -> RunSummary {
    run_study(&small_study(2), &FakeResolve, execute, options, &|_| ()).unwrap()
}

#[test]
fn every_run_is_made_once_in_the_order_of_the_plan_and_never_again() {
    let folder = tempfile::tempdir().unwrap();
    let execute = FakeExecute::new(|_, _| Ok(Status::Finished));
    let summary = run(&execute, options(folder.path(), 1));
    assert_eq!(summary, RunSummary { finished: 6, ..RunSummary::default() });
    let planned: Vec<(String, u64)> =
        plan(&small_study(2)).into_iter().map(|run| (run.arm, run.seed)).collect();
    assert_eq!(execute.calls(), planned);
    let again = FakeExecute::new(|_, _| Ok(Status::Finished));
    assert_eq!(run(&again, options(folder.path(), 1)), summary);
    assert!(again.calls().is_empty());
}

#[test]
fn diverged_and_stuck_runs_count_as_ended_and_published_runs_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let published = folder.path().join("published");
    let planned = plan(&small_study(2));
    write_run(&published, &planned[0], Status::Finished, Some(0.3));
    write_run(&published, &planned[1], Status::Diverged, None);
    let execute = FakeExecute::new(|planned, _| {
        Ok(if planned.arm == "all_conv" { Status::Stuck } else { Status::Finished })
    });
    let runs = folder.path().join("runs");
    let others = [published];
    let summary = run(&execute, RunOptions { other_folders: &others, ..options(&runs, 2) });
    assert_eq!(summary, RunSummary { finished: 3, diverged: 1, stuck: 2, ..RunSummary::default() });
    assert!(summary.is_complete());
    assert_eq!(execute.calls().len(), 4);
}

#[test]
fn a_run_that_cannot_be_made_is_tried_once_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let execute = FakeExecute::new(|planned, _| match planned.arm.as_str() {
        "max_pool" => Err(ExecuteError::Run("panicked".into())),
        _ => Ok(Status::Finished),
    });
    let summary = run(&execute, options(folder.path(), 1));
    assert_eq!((summary.finished, summary.failed.len(), execute.calls().len()), (4, 2, 6));
    assert!(summary.failed.iter().all(|run| run.reason == "panicked" && !run.is_storage));
}

#[test]
fn a_folder_that_can_no_longer_be_written_fails_once_and_not_once_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let gone = runs.clone();
    let execute = FakeExecute::new(move |_, _| {
        std::fs::remove_dir_all(&gone).unwrap();
        std::fs::write(&gone, "in the way").unwrap();
        Err(ExecuteError::Storage("not a folder".into()))
    });
    let summary = run(&execute, options(&runs, 1));
    assert_eq!((summary.failed.len(), summary.left, execute.calls().len()), (1, 5, 1));
    assert!(summary.failed[0].is_storage && !summary.is_complete());
}

#[test]
fn a_finished_run_whose_results_were_damaged_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let planned = plan(&small_study(2));
    let damaged = write_run(folder.path(), &planned[0], Status::Finished, Some(0.3));
    write_run(folder.path(), &planned[1], Status::Finished, Some(0.3));
    std::fs::write(damaged.journal_path(), "").unwrap();
    let execute = FakeExecute::new(|_, _| Ok(Status::Finished));
    let summary = run(&execute, options(folder.path(), 1));
    assert_eq!(summary.finished, 6);
    assert_eq!(execute.calls().len(), 5);
    assert!(execute.calls().contains(&(planned[0].arm.clone(), planned[0].seed)));
}

#[test]
fn a_storage_failure_is_retried_once_while_the_others_continue() {
    let folder = tempfile::tempdir().unwrap();
    let execute = FakeExecute::new(|planned, attempt| match (planned.arm.as_str(), attempt) {
        ("max_pool", _) => Err(ExecuteError::Storage("disk full".into())),
        ("strided", 1) => Err(ExecuteError::Storage("hiccup".into())),
        _ => Ok(Status::Finished),
    });
    let summary = run(&execute, options(folder.path(), 1));
    assert_eq!(summary.finished, 4);
    assert!(!summary.is_complete());
    let failed: Vec<(&str, u64, &str)> = summary
        .failed
        .iter()
        .map(|run| (run.planned.arm.as_str(), run.planned.seed, run.reason.as_str()))
        .collect();
    assert_eq!(failed, [("max_pool", 0, "disk full"), ("max_pool", 1, "disk full")]);
    assert_eq!(execute.calls().len(), 6 + 4);
}

#[test]
fn an_interrupted_run_stops_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let execute = FakeExecute::new(|planned, _| {
        Ok(if planned.arm == "strided" { Status::Interrupted } else { Status::Finished })
    });
    let summary = run(&execute, options(folder.path(), 1));
    assert_eq!(summary, RunSummary { finished: 1, interrupted: 1, left: 4, ..RunSummary::default() });
    let flag = AtomicBool::new(true);
    let summary = run(&execute, RunOptions { interrupted: &flag, ..options(folder.path(), 2) });
    assert_eq!((summary.finished, summary.left), (1, 5));
    let rest = FakeExecute::new(|_, _| Ok(Status::Finished));
    assert_eq!(run(&rest, options(folder.path(), 1)).finished, 6);
    assert_eq!(rest.calls().len(), 5);
}

#[test]
fn a_run_held_by_another_process_is_looked_at_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let planned = &plan(&small_study(2))[0];
    let resolved = FakeResolve.resolve(&planned.request).unwrap();
    let held = RunDirectory::for_run(folder.path(), &planned.arm, &resolved.specification);
    let lease = Mutex::new(Some(held.lease(&Leases::default()).unwrap()));
    let execute = FakeExecute::new(|_, _| Ok(Status::Finished));
    let seen = Mutex::new(0);
    let progress = |event: &Progress| {
        if matches!(event, Progress::HeldElsewhere(_)) {
            *seen.lock().unwrap() += 1;
            if *seen.lock().unwrap() == 2 {
                // The other process finishes and lets go.
                write_run(folder.path(), planned, Status::Finished, Some(0.3));
                *lease.lock().unwrap() = None;
            }
        }
    };
    let summary =
        run_study(&small_study(2), &FakeResolve, &execute, options(folder.path(), 1), &progress).unwrap();
    assert_eq!(summary.finished, 6);
    assert_eq!(execute.calls().len(), 5, "the held run was made by the other process");
}

#[test]
fn several_workers_and_several_callers_share_one_folder_and_nothing_is_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let study = small_study(8);
    let finished = Mutex::new(BTreeMap::<(String, u64), usize>::new());
    let execute = FakeExecute::new(|planned: &PlannedRun, _| {
        std::thread::sleep(Duration::from_millis(2));
        *finished.lock().unwrap().entry((planned.arm.clone(), planned.seed)).or_default() += 1;
        Ok(Status::Finished)
    });
    struct Idempotent<'a, E: Execute>(&'a E);
    impl<E: Execute> Execute for Idempotent<'_, E> {
        fn execute(&self, run: RunToMake<'_>) -> Result<Status, ExecuteError> {
            // As the contract requires: the status is read under the lease.
            let guard = RunDirectory::at(run.directory.path().with_extension("guard"));
            let _guard = guard.lease(&Leases::default())?;
            match run.directory.read_record() {
                Ok(record) if record.status.is_final() => Ok(record.status),
                _ => self.0.execute(run),
            }
        }
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let options = options(folder.path(), 2);
                let summary =
                    run_study(&study, &FakeResolve, &Idempotent(&execute), options, &|_| ()).unwrap();
                assert_eq!(summary.finished, 24);
            });
        }
    });
    let finished = finished.into_inner().unwrap();
    assert_eq!(finished.len(), 24);
    assert!(finished.values().all(|&count| count == 1), "{finished:?}");
}

#[test]
fn a_process_makes_its_slice_then_what_others_left_and_leaves_what_they_make() {
    let folder = tempfile::tempdir().unwrap();
    let planned = plan(&small_study(2));
    let share =
        |slice: &str| Share::Slice { slice: slice.parse().unwrap(), leave_after: Duration::from_millis(50) };
    let of = |slice: &str, execute: &dyn Execute| {
        run(execute, RunOptions { share: share(slice), ..options(folder.path(), 1) })
    };
    let at = |run: usize| {
        let resolved = FakeResolve.resolve(&planned[run].request).unwrap();
        RunDirectory::for_run(folder.path(), &planned[run].arm, &resolved.specification)
    };
    let named = |run: usize| (planned[run].arm.clone(), planned[run].seed);
    // Of slice 2 (runs 1, 3, 5), one run has failed, and another process makes one; of slice 1 one has been made.
    write_run(folder.path(), &planned[0], Status::Finished, Some(0.3));
    let resolved = FakeResolve.resolve(&planned[1].request).unwrap();
    drop(at(1).lease(&Leases::default()).unwrap());
    at(1).write_record(&record(&planned[1], &resolved, Status::Failed)).unwrap();
    let held = at(3).lease(&Leases::default()).unwrap();
    let first = FakeExecute::new(|_, _| Ok(Status::Finished));
    let summary = of("1/2", &first);
    assert_eq!(summary, RunSummary { finished: 4, elsewhere: 2, ..RunSummary::default() });
    assert_eq!(first.calls(), [named(2), named(4), named(5)]);
    // The process with slice 2 tries the failed run again, and takes the other when its owner has died.
    drop(held);
    let second = FakeExecute::new(|_, _| Ok(Status::Finished));
    assert_eq!(of("2/2", &second), RunSummary { finished: 6, ..RunSummary::default() });
    assert_eq!(second.calls(), [named(1), named(3)]);
    // Damage is looked for in the own slice.
    std::fs::write(at(4).journal_path(), "").unwrap();
    for (slice, calls) in [("2/2", 0), ("1/2", 1)] {
        let again = FakeExecute::new(|_, _| Ok(Status::Finished));
        of(slice, &again);
        assert_eq!(again.calls().len(), calls, "{slice}");
    }
}

#[test]
fn a_mistake_in_the_file_stops_before_the_first_run() {
    let folder = tempfile::tempdir().unwrap();
    let text = crate::testing::small_study_text(2).replace("strided_conv", "strided_konv");
    let study = StudyFile::parse("small.toml", text).unwrap();
    let execute = FakeExecute::new(|_, _| Ok(Status::Finished));
    let result = run_study(&study, &FakeResolve, &execute, options(folder.path(), 1), &|_| ());
    assert!(matches!(result, Err(StudyError::File(_))));
    assert!(execute.calls().is_empty());
}

#[test]
fn the_search_runs_first_and_its_rates_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let text = crate::testing::small_study_text(2).replace(
        "[base.data]",
        "search = { lr = [0.4, 0.1], halving = { rungs = 2, keep = 0.5 } }\n[base.data]",
    );
    let study = StudyFile::parse("small.toml", text).unwrap();
    struct Searched<'a> {
        folder: &'a Path,
        seen: Mutex<Vec<(u64, f64, f64)>>,
    }
    impl Execute for Searched<'_> {
        fn execute(&self, RunToMake { planned, .. }: RunToMake<'_>) -> Result<Status, ExecuteError> {
            let train = &planned.request.train;
            let lr = train["learning_rate"].as_float().unwrap();
            let epochs =
                train["epochs"].as_float().or(train["epochs"].as_integer().map(|whole| whole as f64));
            self.seen.lock().unwrap().push((planned.seed, lr, epochs.unwrap()));
            write_run_with_validation(self.folder, planned, lr);
            Ok(Status::Finished)
        }
    }
    let execute = Searched { folder: folder.path(), seen: Mutex::new(Vec::new()) };
    let stages = Mutex::new(Vec::new());
    let progress = |event: &Progress| {
        if let Progress::Planned { stage, runs, .. } = event {
            stages.lock().unwrap().push((*stage, *runs));
        }
    };
    let summary = run_study(&study, &FakeResolve, &execute, options(folder.path(), 1), &progress).unwrap();
    assert_eq!(summary, RunSummary { finished: 15, ..RunSummary::default() });
    let search = |round| Stage::Search { round, rounds: 2 };
    assert_eq!(*stages.lock().unwrap(), [(search(1), 6), (search(2), 3), (Stage::Comparison, 6)]);
    let seen = execute.seen.lock().unwrap();
    assert_eq!(seen[0], (1000, 0.4, 1.0));
    assert_eq!(seen[6], (1000, 0.1, 2.0));
    assert!(seen[9..].iter().all(|run| *run == (0, 0.1, 2.0) || *run == (1, 0.1, 2.0)), "{seen:?}");
}
