//! Stability of hashes: every published specification hashes to the name of its run, and every published study file of the current numerics
//! revisions resolves to the same runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allconv_data::dataset::{Source, Split, pack};
use allconv_data::{DataDirectory, ImageShape};
use allconv_inspect::explain::signal_explanations;
use allconv_inspect::measure::{Fits, study_metrics};
use allconv_record::{Resolve, RunDirectory, RunSpecification};
use allconv_study::{StudyFile, plan};
use allconv_train::{DataStore, MeasurableMetric, MeasuredOf, Resolver, request_again};

/// A published run.
struct Recorded {
    folder: PathBuf,
    specification: RunSpecification,
    hash: String,
    request_hash: String,
}

/// Returns the published studies: the file of each, with its runs.
fn published() -> Vec<(PathBuf, Vec<Recorded>)> {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
    let folders = |path: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    };
    let studies = folders(&results).into_iter().map(|study| {
        let name = study.file_name().unwrap().to_string_lossy().into_owned();
        let runs = folders(&study.join("runs")).into_iter().map(recorded).collect();
        (study.join(format!("{name}.toml")), runs)
    });
    studies.collect()
}

fn recorded(folder: PathBuf) -> Recorded {
    let run = RunDirectory::at(&folder);
    let (specification, record) = (run.read_specification().unwrap(), run.read_record().unwrap());
    Recorded { specification, hash: record.specification_hash, request_hash: record.request_hash, folder }
}

#[test]
fn every_published_specification_hashes_to_the_name_of_its_run() {
    let mut count = 0;
    for run in published().iter().flat_map(|(_, runs)| runs) {
        assert_eq!(run.specification.hash(), run.hash, "{}", run.folder.display());
        let name = run.folder.file_name().unwrap().to_string_lossy();
        assert!(name.ends_with(&format!("-{}", &run.hash[..8])), "{name}");
        count += 1;
    }
    assert!(count >= 300, "{count} runs were found");
}

/// The sets of images that published studies name: height and width of the images, classes, and the numbers of training and test images.
const IMAGE_SETS: &[(&str, usize, usize, usize, usize)] =
    &[("cifar10_jpeg", 32, 10, 50_000, 10_000), ("tinyimagenet32", 32, 200, 100_000, 10_000)];

/// Writes black images under the name of a set. Only the hash of its content shows that it is another one.
fn write_stand_in(
    directory: &DataDirectory,
    (name, size, classes, train, test): (&str, usize, usize, usize, usize),
) {
    let shape = ImageShape { height: size, width: size, channels: 3 };
    let split = |count: usize| {
        let labels = (0..count).map(|image| (image % classes) as u16).collect();
        Split::new(vec![0; count * size * size * 3], labels, shape)
    };
    let classes = (0..classes).map(|class| format!("class {class}")).collect();
    let source = Source { classes, shape, train: split(train), validation: None, test: split(test) };
    pack::write(&directory.pack(name), &source, name).unwrap();
}

#[test]
fn every_published_study_of_the_current_revisions_resolves_to_the_same_runs() {
    let folder = tempfile::tempdir().unwrap();
    let directory = DataDirectory::new(folder.path());
    let metric = |(name, revision, fits): (&str, u32, Fits)| MeasurableMetric {
        name: name.to_owned(),
        revision,
        of: if fits == Fits::Any { MeasuredOf::Any } else { MeasuredOf::Classifiers },
    };
    let resolver = Resolver::new(Arc::new(DataStore::new(directory.clone())), "cpu")
        .measuring(study_metrics().into_iter().map(metric).collect())
        .explaining(signal_explanations().map(|(name, _)| name.to_owned()).collect());
    let mut requested_again = 0;
    for (file, runs) in published() {
        let study = StudyFile::read(&file).unwrap();
        let planned = plan(&study);
        for run in &runs {
            // Runs of a search are requested with the rate that it found.
            let Some(again) = planned.iter().find(|planned| planned.request_hash == run.request_hash) else {
                continue;
            };
            let dataset = run.specification.data["dataset"].as_str().unwrap();
            let Some(set) = IMAGE_SETS.iter().find(|(name, ..)| *name == dataset) else { continue };
            if !directory.pack(dataset).exists() {
                std::fs::create_dir_all(directory.imported()).unwrap();
                write_stand_in(&directory, *set);
            }
            let mut resolved = resolver.resolve(&again.request).unwrap().specification;
            if differing(&resolved.numerics, &run.specification.numerics) {
                continue;
            }
            resolved.dataset_hash.clone_from(&run.specification.dataset_hash);
            assert_eq!(resolved.hash(), run.hash, "{}\nnow {resolved:#?}", run.folder.display());
            // The specification itself, read as a request, is the same run.
            let mut repeated = resolver.resolve(&request_again(&run.specification)).unwrap().specification;
            repeated.dataset_hash.clone_from(&run.specification.dataset_hash);
            assert_eq!(repeated.hash(), run.hash, "{}\nagain {repeated:#?}", run.folder.display());
            requested_again += 1;
        }
    }
    assert!(requested_again > 0, "no published run has the current revisions");
    println!("{requested_again} runs were requested again");
}

fn differing(now: &BTreeMap<String, u32>, then: &BTreeMap<String, u32>) -> bool {
    now.iter().any(|(part, revision)| then.get(part).is_some_and(|recorded| recorded != revision))
}
