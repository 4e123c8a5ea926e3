//! `doctor --bits`: a comparison of this machine's results, bit by bit, with a recorded reference.
//!
//! A micro study of some fifty tiny runs is run in a folder of its own: classifier, U-Net and super-resolution, both optimisers, every
//! accuracy class and every operator. The hashes of each part of a run's results are compared.

mod runs;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use allconv_data::{DataDirectory, ImportOptions, PictureKind, PictureLayout, import, import_pictures};
use allconv_record::{DEFAULT_HEARTBEAT, Resolve, RunDirectory, Status};
use allconv_study::{PlannedRun, RunToMake};
use allconv_train::{CheckpointStore, DataStore, Resolver};
use anyhow::{Context, ensure};

use crate::arguments::{BitsArguments, MachineArguments};
use crate::machine::{all_threads, isa};
use crate::progress::ProgressMode;
use crate::runner::Runner;
use crate::{device, exit, measures, output};
use runs::{MicroRun, runs};

/// The recorded results of the runs, one line each: the name, then a hash of each of [`PARTS`].
const REFERENCE: &str = include_str!("reference.txt");

/// The parts of a run's results, in the order in which they are computed; `-` stands for a part that a run does not have.
const PARTS: [&str; 4] = ["preprocessing", "weights", "metrics", "outcomes"];

/// The images of the three tasks.
const CLASSES: &[u8] = include_bytes!("../../tests/fixtures/runs/data/classes.tar.gz");
const DISCS: &[u8] = include_bytes!("../../tests/fixtures/runs/data/discs.tar.gz");
const WAVES: &[u8] = include_bytes!("../../tests/fixtures/runs/data/waves.tar.gz");

/// Hexadecimal digits of a hash that are kept.
const DIGITS: usize = 16;

/// Runs the micro study and compares it with the reference, or prints its results.
pub(crate) fn run(arguments: &BitsArguments) -> anyhow::Result<u8> {
    let began = Instant::now();
    let found = found(arguments)?;
    if arguments.print {
        output::print(&found)?;
        return Ok(exit::OK);
    }
    let here = format!(
        "{}, {} threads, {:.0} s",
        isa(arguments.isa.as_deref())?,
        arguments.threads.unwrap_or_else(all_threads),
        began.elapsed().as_secs_f64()
    );
    let differences = differences(&found, REFERENCE);
    let Some(first) = differences.first() else {
        let hash = &blake3::hash(found.as_bytes()).to_hex()[..DIGITS];
        let count = found.lines().count();
        output::print_line(format_args!("same bits as the reference: {count} runs, hash {hash} ({here})"))?;
        return Ok(exit::OK);
    };
    output::print_line(format_args!(
        "other bits than the reference ({here}); the first difference: {first}"
    ))?;
    for further in &differences[1..] {
        output::print_line(format_args!("  then {further}"))?;
    }
    Ok(exit::MISSED)
}

/// Returns a line for each run of the micro study, whose folder is removed again.
fn found(arguments: &BitsArguments) -> anyhow::Result<String> {
    let folder = tempfile::tempdir().context("cannot make a folder for the runs")?;
    let data = DataDirectory::new(folder.path().join("data"));
    import_data(folder.path(), &data)?;
    let store = Arc::new(DataStore::new(data));
    let device = device::choose("cpu")?;
    let resolver =
        Resolver::new(Arc::clone(&store), device.kind).measuring(measures::metrics()).explaining(Vec::new());
    let machine = MachineArguments {
        threads: arguments.threads,
        workers: 0,
        isa: arguments.isa.clone(),
        checkpoint_seconds: 3600.0,
        heartbeat_seconds: DEFAULT_HEARTBEAT.as_secs_f64(),
        progress: ProgressMode::None,
    };
    let never = Arc::new(AtomicBool::new(false));
    let runner = Runner::new("bits", &machine, 1, store, device, never)?;
    let mut lines = String::new();
    for MicroRun { name, request } in runs()? {
        let resolved = resolver.resolve(&request).with_context(|| format!("run {name}"))?;
        let directory = RunDirectory::for_run(&folder.path().join("runs"), &name, &resolved.specification);
        let planned = PlannedRun {
            arm: name.clone(),
            arm_index: 0,
            seed: request.seed,
            request_hash: request.hash(),
            request,
        };
        let run = RunToMake { planned: &planned, resolved: &resolved, directory: &directory, relatives: &[] };
        let status = runner.make(run).with_context(|| format!("run {name}"))?;
        ensure!(status == Status::Finished, "run {name} ended as {}", status.name());
        writeln!(lines, "{name} {}", hashes(&directory)?.join(" "))?;
    }
    Ok(lines)
}

/// Unpacks and imports the images of the three tasks.
fn import_data(folder: &Path, data: &DataDirectory) -> anyhow::Result<()> {
    let unpacked = |name: &str, bytes: &[u8]| {
        let path = folder.join(format!("{name}.tar.gz"));
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        anyhow::Ok(path)
    };
    import(&unpacked("classes", CLASSES)?, "classes", data, &ImportOptions::default())?;
    let segmentation = PictureKind::Segmentation { labels: Vec::new(), ignore: None };
    for (name, bytes, kind) in [("discs", DISCS, segmentation), ("waves", WAVES, PictureKind::Photographs)] {
        import_pictures(
            &unpacked(name, bytes)?,
            name,
            &PictureLayout { select: None, background: None, kind },
            data,
        )?;
    }
    Ok(())
}

/// A hash of each of the [`PARTS`] of a finished run.
fn hashes(run: &RunDirectory) -> anyhow::Result<[String; PARTS.len()]> {
    let store = CheckpointStore::at(run.checkpoints());
    let last = store.steps()?.into_iter().max().context("a finished run without a checkpoint")?;
    let outcomes = [run.outcomes_path(), run.scores_path()].into_iter().find(|path| path.exists());
    let files =
        [Some(run.preprocess_path()), Some(store.weights_of(last)), Some(run.journal_path()), outcomes];
    let mut hashes = [const { String::new() }; PARTS.len()];
    for (hash, file) in hashes.iter_mut().zip(files) {
        *hash = match file.filter(|file| file.exists()) {
            Some(file) => {
                let bytes =
                    std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                blake3::hash(&bytes).to_hex()[..DIGITS].to_owned()
            }
            None => "-".to_owned(),
        };
    }
    Ok(hashes)
}

/// Returns the differences in the order of the runs; of each run only the first part, since the others follow from it.
fn differences(found: &str, reference: &str) -> Vec<String> {
    let mut differences = Vec::new();
    let mut wanted = reference.lines();
    for line in found.lines() {
        let (mut here, mut there) = (line.split(' '), wanted.next().unwrap_or_default().split(' '));
        let name = here.next().unwrap_or_default();
        if there.next() != Some(name) {
            differences.push(format!("{name} is not the run that the reference has in this place"));
            continue;
        }
        if let Some(part) = PARTS.into_iter().zip(here.zip(there)).find(|(_, (here, there))| here != there) {
            differences.push(format!("{} of {name}", part.0));
        }
    }
    if wanted.next().is_some() {
        differences.push("the reference has more runs".to_owned());
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_that_differs_is_named_in_every_run() {
        let reference = "a 1 2 3 4\nb - 2 3 4\nc 1 2 3 4\n";
        assert!(differences(reference, reference).is_empty());
        let found = "a 1 2 3 4\nb - 9 9 4\nc 1 2 3 9\n";
        assert_eq!(differences(found, reference), ["weights of b", "outcomes of c"]);
        assert_eq!(differences("a 1 2 3 4\n", reference), ["the reference has more runs"]);
        assert_eq!(differences("x 1 2 3 4\n", "a 1 2 3 4\n").len(), 1);
    }

    #[test]
    fn the_reference_names_the_runs_of_the_micro_study() {
        let names: Vec<String> = runs().unwrap().into_iter().map(|run| run.name).collect();
        let listed: Vec<&str> = REFERENCE.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(listed, names);
    }

    #[test]
    fn reports_describe_every_metric_that_a_task_records() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDirectory::new(folder.path().join("data"));
        import_data(folder.path(), &data).unwrap();
        let device = device::choose("cpu").unwrap();
        let store = Arc::new(DataStore::new(data));
        let resolver = Resolver::new(store, device.kind).measuring(measures::metrics());
        for MicroRun { name, request } in runs().unwrap() {
            for (_, metric) in resolver.resolve(&request).unwrap().metrics {
                assert!(allconv_study::find_metric(&metric).is_some(), "{name} records {metric}");
            }
        }
    }

    /// What the table of revisions in `docs/engine.md` says.
    #[test]
    fn the_table_of_revisions_is_that_of_the_program() {
        use allconv_kernels::Accuracy;
        use allconv_nets::{DownsampleConfig, UpsampleConfig};

        let page = include_str!("../../../../docs/engine.md");
        let rows: Vec<(&str, &str)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
            .map(|(what, rest)| (what, rest.split(" |").next().unwrap_or_default()))
            .collect();
        let holds = |what: &str, revision: u32| {
            let found =
                rows.iter().any(|(named, number)| named.contains(what) && *number == revision.to_string());
            assert!(found, "the table does not give {what} the revision {revision}");
        };
        for accuracy in Accuracy::ALL {
            holds(&format!("kernels, `{}`", accuracy.name()), accuracy.numerics_revision());
        }
        holds("training", allconv_train::NUMERICS_REVISION);
        holds("tasks", allconv_train::TaskSettings::Classification {}.revision());
        holds("data", allconv_data::NUMERICS_REVISION);
        for metric in measures::metrics().into_iter().filter(|metric| metric.revision > 1) {
            holds(&format!("`{}`", metric.name), metric.revision);
        }
        let reducing =
            DownsampleConfig::examples().into_iter().map(|config| (config.name(), config.revision()));
        let enlarging =
            UpsampleConfig::examples().into_iter().map(|config| (config.name(), config.revision()));
        for (name, revision) in reducing.chain(enlarging).filter(|(_, revision)| *revision > 1) {
            holds(&format!("`{name}`"), revision);
        }
    }
}
