//! The registry of datasets: the names that studies and commands use.

use std::fs;
use std::sync::Arc;

use crate::dataset::cifar::{CIFAR10, CIFAR100, CifarLayout};
use crate::dataset::{self, Dataset, DatasetOptions, Source, SyntheticSettings, pack, synthetic};
use crate::directory::DataDirectory;
use crate::download::catalogue::{fetchable, image_archives};
use crate::download::manifest::HashManifest;
use crate::error::DataError;
use crate::import::layout::SplitName;
use crate::pictures::{self, PictureSource};
use crate::shards::{SetHeader, ShardedSet};

/// The origin of the images of a built-in dataset.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Cifar(&'static CifarLayout),
    Synthetic,
}

/// The built-in datasets, one line each.
const BUILT_IN: [(&str, Kind); 3] = [
    ("cifar10", Kind::Cifar(&CIFAR10)),
    ("cifar100", Kind::Cifar(&CIFAR100)),
    ("synthetic", Kind::Synthetic),
];

/// One line of `allconv data list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSummary {
    /// Registry name.
    pub name: String,
    /// A short description.
    pub description: String,
    /// True if it can be opened without fetching or importing anything.
    pub present: bool,
}

/// The hashes that a dataset's content is compared with when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashCheck {
    /// Hashes recorded when the files were fetched or imported.
    Recorded,
    /// None: the files were put there by hand. Sizes, labels and class counts are checked nevertheless.
    NotRecorded,
    /// None: the images are drawn, not stored.
    Drawn,
}

/// Opens a dataset by name, checks it, and holds out its validation split.
///
/// # Errors
/// An unknown name (with the nearest valid one), missing or broken files, impossible options.
pub fn open(name: &str, directory: &DataDirectory, options: &DatasetOptions) -> Result<Dataset, DataError> {
    options.view.map_or(Ok(()), |view| view.check())?;
    if let Some(set) = sharded(name, directory)? {
        return dataset::of_shards(name, Arc::new(set), options);
    }
    read_source(name, directory, &options.synthetic)?.into_dataset(name, options)
}

/// Lists the built-in datasets and what has been imported into the directory.
pub fn list(directory: &DataDirectory) -> Result<Vec<DatasetSummary>, DataError> {
    let mut summaries = Vec::new();
    for (name, kind) in BUILT_IN {
        let (description, present) = match kind {
            Kind::Cifar(layout) => (
                format!(
                    "{} training and {} test images, 32×32 RGB, {} classes (official binaries)",
                    layout.train_records * layout.train_files.len(),
                    layout.test_records,
                    layout.classes.len()
                ),
                layout.is_present(directory),
            ),
            Kind::Synthetic => {
                ("coloured shapes and textures, any size and number, 10 classes".to_string(), true)
            }
        };
        summaries.push(DatasetSummary { name: name.to_string(), description, present });
    }
    for archive in image_archives().into_iter().filter(|archive| !directory.pack(&archive.name).exists()) {
        let description =
            format!("image folders at a public address (`allconv data fetch {}`)", archive.name);
        summaries.push(DatasetSummary { name: archive.name, description, present: false });
    }
    for name in imported_names(directory, "pack")? {
        let header = pack::read_header(&directory.pack(&name))?;
        let validation = header.validation.map_or(String::new(), |count| format!("{count} validation, "));
        let description = format!(
            "{} training, {validation}{} test images, {}×{}, {} classes (imported)",
            header.train,
            header.test,
            header.width,
            header.height,
            header.classes.len()
        );
        summaries.push(DatasetSummary { name, description, present: true });
    }
    for name in imported_names(directory, "shards")? {
        let description = of_shards(&ShardedSet::read_header(&directory.shards(&name))?);
        summaries.push(DatasetSummary { name, description, present: true });
    }
    for name in imported_names(directory, "pictures")? {
        let header = pictures::pack::read_header(&directory.pictures(&name))?;
        let counts =
            [SplitName::Train, SplitName::Validation, SplitName::Test].map(|split| header.count(split));
        let [train, validation, test] = counts;
        let divided = match (validation, test) {
            (0, 0) => String::new(),
            _ => format!(" ({train} training, {validation} validation, {test} test)"),
        };
        let kind = match header.classes.len() {
            0 => "photographs of any size".to_string(),
            classes => format!("pictures with label maps of {classes} classes"),
        };
        let description = format!("{} {kind}{divided} (imported)", header.pictures.len());
        summaries.push(DatasetSummary { name, description, present: true });
    }
    Ok(summaries)
}

/// Sizes of a data set's splits that are known without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingImages {
    /// Training images.
    pub train: usize,
    /// Images of a validation split of its own.
    pub validation: usize,
}

/// Returns the sizes of the splits of an imported data set, from its header; `None` for a built-in one, and for one that is absent or
/// cannot be read, which [`open`] reports.
pub fn training_images(name: &str, directory: &DataDirectory) -> Option<TrainingImages> {
    let is_imported =
        |kind| imported_names(directory, kind).is_ok_and(|names| names.iter().any(|known| known == name));
    if is_imported("pack") {
        let header = pack::read_header(&directory.pack(name)).ok()?;
        return Some(TrainingImages { train: header.train, validation: header.validation.unwrap_or(0) });
    }
    if is_imported("shards") {
        let header = ShardedSet::read_header(&directory.shards(name)).ok()?;
        return Some(TrainingImages { train: header.train, validation: header.validation });
    }
    if is_imported("pictures") {
        let header = pictures::pack::read_header(&directory.pictures(name)).ok()?;
        let [train, validation] = [SplitName::Train, SplitName::Validation].map(|split| header.count(split));
        return Some(TrainingImages { train, validation });
    }
    None
}

fn of_shards(header: &SetHeader) -> String {
    let validation = match header.validation {
        0 => String::new(),
        count => format!("{count} validation, "),
    };
    let (train, test, classes) = (header.train, header.test, header.classes.len());
    format!(
        "{train} training, {validation}{test} test images of any size, {classes} classes (imported, kept encoded)"
    )
}

/// Reads everything a dataset holds.
pub(crate) fn read_source(
    name: &str,
    directory: &DataDirectory,
    synthetic_settings: &SyntheticSettings,
) -> Result<Source, DataError> {
    if let Some((_, kind)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return match kind {
            Kind::Cifar(layout) => layout.read(directory),
            Kind::Synthetic => synthetic::draw(synthetic_settings),
        };
    }
    if imported_names(directory, "pack")?.iter().any(|known| known == name) {
        return pack::read(&directory.pack(name)).map(|(_, source)| source);
    }
    let pictures = imported_names(directory, "pictures")?;
    if pictures.iter().any(|known| known == name) {
        return Err(DataError::BadOption {
            field: "dataset",
            value: format!("\"{name}\""),
            limit: "it holds pictures of any size without classes".to_string(),
            fix: "name a task for it, e.g. task = { super_resolution = { scale = 2 } }".to_string(),
        });
    }
    Err(unknown(name, directory))
}

/// Reads everything that a set of pictures holds; a set for classification can be used too, without its classes.
pub(crate) fn read_pictures(
    name: &str,
    directory: &DataDirectory,
    synthetic_settings: &SyntheticSettings,
) -> Result<PictureSource, DataError> {
    if let Some((_, Kind::Synthetic)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return PictureSource::drawn(synthetic_settings);
    }
    if imported_names(directory, "pictures")?.iter().any(|known| known == name) {
        return pictures::pack::read(&directory.pictures(name));
    }
    if let Some(set) = sharded(name, directory)? {
        return PictureSource::of_shards(&set);
    }
    Ok(PictureSource::of_classified(&read_source(name, directory, synthetic_settings)?))
}

/// Returns the set of encoded images of this name, if there is one.
pub(crate) fn sharded(name: &str, directory: &DataDirectory) -> Result<Option<ShardedSet>, DataError> {
    match imported_names(directory, "shards")?.iter().any(|known| known == name) {
        true => ShardedSet::open(&directory.shards(name)).map(Some),
        false => Ok(None),
    }
}

/// Returns whether a data set can be opened with a [`View`](crate::View) only, because its images differ in size.
///
/// # Errors
/// [`DataError`] when the set cannot be read.
pub fn needs_view(name: &str, directory: &DataDirectory) -> Result<bool, DataError> {
    Ok(sharded(name, directory)?.is_some_and(|set| set.common_size().is_none()))
}

/// Returns whether the name is that of an imported set of pictures.
pub(crate) fn holds_pictures(name: &str, directory: &DataDirectory) -> Result<bool, DataError> {
    Ok(imported_names(directory, "pictures")?.iter().any(|known| known == name))
}

/// Tells whether a dataset that can be read was compared with recorded hashes.
pub(crate) fn hash_check(name: &str, directory: &DataDirectory) -> Result<HashCheck, DataError> {
    Ok(match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((_, Kind::Synthetic)) => HashCheck::Drawn,
        Some((_, Kind::Cifar(layout))) => match HashManifest::read(&layout.path(directory))? {
            Some(_) => HashCheck::Recorded,
            None => HashCheck::NotRecorded,
        },
        None => HashCheck::Recorded,
    })
}

/// Refuses names that cannot be given to an imported dataset.
pub(crate) fn check_importable(name: &str) -> Result<(), DataError> {
    let plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    let refuse = |limit: String| DataError::BadOption {
        field: "name",
        value: format!("\"{}\"", name.escape_debug()),
        limit,
        fix: "choose another name".to_string(),
    };
    if BUILT_IN.iter().any(|(known, _)| *known == name) {
        return Err(refuse(
            "the name belongs to a built-in dataset, and must not be given to a copy".to_string(),
        ));
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase())
        || !name.chars().all(plain)
        || name.len() > 64
    {
        return Err(refuse("a name has 1 to 64 of a-z, 0-9 and _, the first a letter".to_string()));
    }
    Ok(())
}

/// Returns the names of the packed files with this extension, sorted.
fn imported_names(directory: &DataDirectory, extension: &str) -> Result<Vec<String>, DataError> {
    let folder = directory.imported();
    let listing = match fs::read_dir(&folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DataError::io("list", &folder)(error)),
    };
    let mut names = Vec::new();
    for item in listing {
        let item = item.map_err(DataError::io("list", &folder))?;
        if let Some((name, found)) = item.file_name().to_str().and_then(|file| file.rsplit_once('.'))
            && found == extension
        {
            names.push(name.to_string());
        }
    }
    names.sort();
    Ok(names)
}

fn unknown(name: &str, directory: &DataDirectory) -> DataError {
    // If the listing cannot be read any more, the built-in names are still valid.
    let of = |extension| imported_names(directory, extension).unwrap_or_default();
    let imported: Vec<String> = ["pack", "shards", "pictures"].into_iter().flat_map(of).collect();
    let known: Vec<&str> =
        BUILT_IN.iter().map(|(known, _)| *known).chain(imported.iter().map(String::as_str)).collect();
    if fetchable().iter().any(|known| known == name) {
        let suggestion =
            format!("`allconv data fetch {name}` brings it into the folder that --data-dir names");
        return DataError::UnknownDataset { name: name.to_string(), suggestion };
    }
    let mut suggestion = nearest(name, &known);
    if !suggestion.ends_with('?') {
        suggestion += "; import your own images with `allconv data import`; they are read from the folder that --data-dir names";
    }
    DataError::UnknownDataset { name: name.to_string(), suggestion }
}

/// "did you mean" for close names, otherwise all names.
pub(crate) fn nearest(name: &str, known: &[&str]) -> String {
    let closest =
        known.iter().map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate)).min();
    match closest {
        // A name with more than a third of its letters wrong gets no suggestion.
        Some((distance, candidate)) if distance * 3 <= name.len().max(3) => {
            format!("did you mean \"{candidate}\"?")
        }
        _ => format!("valid names are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> (tempfile::TempDir, DataDirectory) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path());
        (folder, directory)
    }

    #[test]
    fn every_name_that_can_be_had_is_listed_once_and_only_synthetic_needs_no_files() {
        let (_folder, directory) = empty();
        let summaries = list(&directory).expect("a listing");
        let names: Vec<&str> = summaries.iter().map(|summary| summary.name.as_str()).collect();
        assert_eq!(names, ["cifar10", "cifar100", "synthetic", "cifar10_jpeg"]);
        let present: Vec<bool> = summaries.iter().map(|summary| summary.present).collect();
        assert_eq!(present, [false, false, true, false]);
    }

    #[test]
    fn unknown_names_get_the_nearest_valid_one() {
        let (_folder, directory) = empty();
        let message =
            |name| open(name, &directory, &DatasetOptions::default()).expect_err("unknown").to_string();
        assert_eq!(message("cifar-10"), "there is no dataset named \"cifar-10\"; did you mean \"cifar10\"?");
        assert!(message("mnist").contains("valid names are cifar10, cifar100, synthetic"));
        assert!(message("cifar10_jpeg").contains("`allconv data fetch cifar10_jpeg`"));
    }

    #[test]
    fn an_imported_copy_never_takes_a_built_in_or_unsafe_name() {
        for name in ["cifar10", "synthetic", "", "../x", "-x", "a/b", "A", "9x", "a.b"] {
            assert!(check_importable(name).is_err(), "{name}");
        }
        check_importable("cifar10_jpeg").expect("a plain name");
    }

    #[test]
    fn opening_holds_out_the_validation_split() {
        let (_folder, directory) = empty();
        let options = DatasetOptions {
            validation: 40,
            train_images: Some(100),
            synthetic: SyntheticSettings { size: 8, train: 200, test: 50, ..SyntheticSettings::default() },
            view: None,
        };
        let dataset = open("synthetic", &directory, &options).expect("valid options");
        assert_eq!(dataset.train.len(), 100);
        assert_eq!(dataset.validation.as_ref().map(|split| split.len()), Some(40));
        assert_eq!(dataset.test.len(), 50);
        let all = DatasetOptions { validation: 0, train_images: None, ..options };
        let whole = open("synthetic", &directory, &all).expect("valid options");
        assert!(whole.validation.is_none());
        assert_eq!(whole.content_hash, dataset.content_hash, "the hash names the source, not the division");
    }
}
