//! The readers of files, each given the bytes of one file.

use std::path::{Path, PathBuf};

use allconv_data::import::decode::{decode_as_stored, decode_rgb};
use allconv_data::{
    DataDirectory, ImportOptions, PictureKind, PictureLayout, import, import_pictures, parse_labels, verify,
};
use allconv_inspect::{ModelFolder, read_weights};
use allconv_record::{Outcomes, RunDirectory, Scores, read_journal};
use allconv_study::{StudyFile, check_statistics, plan};
use allconv_train::read_safetensors;

use crate::seeds;

/// A reader of files.
pub(crate) struct Target {
    /// Its name, and that of its folder in the corpus.
    pub(crate) name: &'static str,
    /// Valid files.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Reads a file; the folder is its own.
    pub(crate) read: fn(&Path, &[u8]),
    /// How many times longer an execution takes than most.
    pub(crate) cost: u64,
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "study-file", seeds: seeds::studies, read: study_file, cost: 4 },
    Target { name: "specification", seeds: seeds::specifications, read: specification, cost: 1 },
    Target { name: "run-record", seeds: seeds::records, read: run_record, cost: 1 },
    Target { name: "journal", seeds: seeds::journals, read: journal, cost: 1 },
    Target { name: "outcomes", seeds: seeds::outcomes, read: outcomes, cost: 1 },
    Target { name: "scores", seeds: seeds::scores, read: scores, cost: 1 },
    Target { name: "safetensors", seeds: seeds::safetensors, read: safetensors, cost: 1 },
    Target { name: "foreign-weights", seeds: seeds::foreign_weights, read: foreign_weights, cost: 1 },
    Target { name: "model-config", seeds: seeds::model_configs, read: model_config, cost: 1 },
    Target { name: "image", seeds: seeds::images, read: image, cost: 1 },
    Target { name: "archive", seeds: seeds::archives, read: archive, cost: 10 },
    Target { name: "label-maps", seeds: seeds::label_archives, read: label_maps, cost: 10 },
    Target { name: "label-list", seeds: seeds::label_lists, read: label_list, cost: 1 },
    Target { name: "pack", seeds: packs, read: pack, cost: 1 },
    Target { name: "pictures", seeds: pictures_files, read: pictures, cost: 1 },
    Target { name: "shards-header", seeds: shards_headers, read: shards_header, cost: 2 },
    Target { name: "shards-index", seeds: shards_indices, read: shards_index, cost: 2 },
];

/// Writes the bytes to a file of the folder, and returns its path.
fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn study_file(_: &Path, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Ok(study) = StudyFile::parse("study.toml", text) {
        let _ = check_statistics(&study);
        if study.arms.len() as u64 * u64::from(study.seeds.count) < 1000 {
            let _ = plan(&study);
        }
    }
}

fn run_with(folder: &Path, name: &str, bytes: &[u8]) -> RunDirectory {
    written(folder, &format!("run/{name}"), bytes);
    RunDirectory::at(folder.join("run"))
}

fn specification(folder: &Path, bytes: &[u8]) {
    if let Ok(specification) = run_with(folder, "spec.toml", bytes).read_specification() {
        let _ = specification.short_hash();
    }
}

fn run_record(folder: &Path, bytes: &[u8]) {
    let _ = run_with(folder, "run.json", bytes).read_record();
}

fn journal(folder: &Path, bytes: &[u8]) {
    let _ = read_journal(&written(folder, "metrics.jsonl", bytes));
}

fn outcomes(folder: &Path, bytes: &[u8]) {
    let _ = Outcomes::read(&written(folder, "outcomes.bin", bytes));
}

fn scores(folder: &Path, bytes: &[u8]) {
    let _ = Scores::read(&written(folder, "scores.json", bytes));
}

fn safetensors(folder: &Path, bytes: &[u8]) {
    let _ = read_safetensors(&written(folder, "model.safetensors", bytes));
}

fn foreign_weights(folder: &Path, bytes: &[u8]) {
    let names = ["features.1.weight".to_owned()];
    let _ = read_weights(&written(folder, "weights", bytes), &names);
}

fn model_config(folder: &Path, bytes: &[u8]) {
    written(folder, "model/config.json", bytes);
    let _ = ModelFolder::at(folder.join("model")).read_config();
}

fn image(_: &Path, bytes: &[u8]) {
    let _ = decode_rgb(bytes);
    let _ = decode_as_stored(bytes);
}

/// An empty data folder.
fn data(folder: &Path) -> DataDirectory {
    let data = folder.join("data");
    let _ = std::fs::remove_dir_all(&data);
    DataDirectory::new(data)
}

/// Whether the bytes are a zip archive, whose name must say so.
fn archive_name(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"PK") { "images.zip" } else { "images.tar" }
}

fn archive(folder: &Path, bytes: &[u8]) {
    let source = written(folder, archive_name(bytes), bytes);
    let data = data(folder);
    if import(&source, "set", &data, &ImportOptions::default()).is_ok() {
        verify("set", &data).expect("what was imported verifies");
    }
}

fn label_maps(folder: &Path, bytes: &[u8]) {
    let source = written(folder, archive_name(bytes), bytes);
    let kind = PictureKind::Segmentation { labels: Vec::new(), ignore: None };
    let layout = PictureLayout { select: None, background: None, kind };
    let data = data(folder);
    if import_pictures(&source, "set", &layout, &data).is_ok() {
        verify("set", &data).expect("what was imported verifies");
    }
}

fn label_list(_: &Path, bytes: &[u8]) {
    let _ = parse_labels(&String::from_utf8_lossy(bytes));
}

/// Files of a set that was imported from the first or second of the archives, or that of label maps.
fn imported(name: &str) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    match name {
        "set.pictures" => label_maps(folder.path(), &seeds::label_archives()[0]),
        "set.pack" => archive(folder.path(), &seeds::archives()[0]),
        _ => archive(folder.path(), &seeds::archives()[1]),
    }
    vec![std::fs::read(data.imported().join(name)).unwrap()]
}

fn packs() -> Vec<Vec<u8>> {
    imported("set.pack")
}

fn pack(folder: &Path, bytes: &[u8]) {
    written(folder, "data/imported/set.pack", bytes);
    let _ = verify("set", &DataDirectory::new(folder.join("data")));
}

fn pictures_files() -> Vec<Vec<u8>> {
    imported("set.pictures")
}

fn pictures(folder: &Path, bytes: &[u8]) {
    written(folder, "pictures/imported/set.pictures", bytes);
    let _ = verify("set", &DataDirectory::new(folder.join("pictures")));
}

fn shards_headers() -> Vec<Vec<u8>> {
    imported("set.shards/set.json")
}

fn shards_indices() -> Vec<Vec<u8>> {
    imported("set.shards/index.bin")
}

fn shards_header(folder: &Path, bytes: &[u8]) {
    shards(folder, "set.json", bytes);
}

fn shards_index(folder: &Path, bytes: &[u8]) {
    shards(folder, "index.bin", bytes);
}

/// A sharded set that is whole but for one file.
fn shards(folder: &Path, name: &str, bytes: &[u8]) {
    let folder = folder.join(name);
    let data = DataDirectory::new(folder.join("data"));
    let set = data.imported().join("set.shards");
    if !set.exists() {
        archive(&folder, &seeds::archives()[1]);
    }
    let whole = std::fs::read(set.join(name)).unwrap();
    std::fs::write(set.join(name), bytes).unwrap();
    let _ = verify("set", &data);
    std::fs::write(set.join(name), whole).unwrap();
}
