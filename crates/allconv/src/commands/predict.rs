//! `allconv predict`: the output of a trained network for images that belong to no data set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use allconv_data::{DataError, ImageShape};
use allconv_document::Table;
use allconv_inspect::{TrainedNetwork, files_below};
use allconv_record::{RecordError, create_folder, write_atomically};
use allconv_train::Prediction;
use anyhow::Context;
use serde_json::{Value, json};

use super::eval::{load, store};
use crate::arguments::PredictArguments;
use crate::exit::{self, UsageError};
use crate::output;

/// Number of classes that are listed for an image.
const CLASSES_SHOWN: usize = 5;

/// Runs the command.
///
/// An image that cannot be used is named on standard error and in the exit code; the others are processed.
pub(crate) fn run(arguments: &PredictArguments) -> anyhow::Result<u8> {
    let trained = load(&arguments.trained, &store(&arguments.trained))?;
    let pictures = pictures(&arguments.images)?;
    if trained.returns_pictures() {
        check_outputs(&pictures, &arguments.out)?;
    }
    let columns = [("image", "Image"), ("result", "Result"), ("value", "Value")];
    let mut table = Table::data("allconv.predictions/1", &columns);
    let mut code = exit::OK;
    for asked in &pictures {
        match answer(&trained, asked, arguments) {
            Ok(rows) => rows.into_iter().for_each(|row| table.push(row)),
            // Results that cannot be written would fail for every image.
            Err(error) if error.is::<RecordError>() => return Err(error),
            Err(error) => {
                output::note(format_args!("no answer: {}", exit::message(&error)));
                code = exit::code(&error);
            }
        }
    }
    output::print(&arguments.format.write(&table))?;
    Ok(code)
}

/// An image, and the path of its result below `--out` if the result is an image.
struct Asked {
    source: PathBuf,
    target: PathBuf,
}

/// Lists the images that the arguments name; of a folder, those in it and in the folders below, in the order of their names.
///
/// # Errors
/// [`InspectError`](allconv_inspect::InspectError) for a folder without images, and for one that cannot be read.
fn pictures(arguments: &[PathBuf]) -> anyhow::Result<Vec<Asked>> {
    let mut pictures = Vec::new();
    for argument in arguments {
        if !argument.is_dir() {
            let target = PathBuf::from(argument.file_name().unwrap_or_default()).with_extension("png");
            pictures.push(Asked { source: argument.clone(), target });
            continue;
        }
        let found = files_below(argument)?;
        pictures.extend(found.into_iter().map(|source| {
            let below = source.strip_prefix(argument).unwrap_or(&source);
            Asked { target: below.with_extension("png"), source }
        }));
    }
    Ok(pictures)
}

/// Refuses results of the same name, and those that would overwrite an input image.
///
/// # Errors
/// [`UsageError`] naming both.
fn check_outputs(pictures: &[Asked], out: &Path) -> Result<(), UsageError> {
    let mut targets: BTreeMap<&Path, &Path> = BTreeMap::new();
    let sources: BTreeSet<PathBuf> =
        pictures.iter().filter_map(|asked| asked.source.canonicalize().ok()).collect();
    for Asked { source, target } in pictures {
        let file = out.join(target);
        if let Some(other) = targets.insert(target, source) {
            return Err(UsageError(format!(
                "{} and {} would both be written to {}; rename one",
                other.display(),
                source.display(),
                file.display()
            )));
        }
        if file.canonicalize().is_ok_and(|file| sources.contains(&file)) {
            return Err(UsageError(format!(
                "{} would overwrite its own source; give another --out",
                file.display()
            )));
        }
    }
    Ok(())
}

/// Returns the rows of the table for one image, and writes a result that is an image.
fn answer(
    trained: &TrainedNetwork,
    asked: &Asked,
    arguments: &PredictArguments,
) -> anyhow::Result<Vec<Vec<Value>>> {
    let name = asked.source.display().to_string();
    let unreadable = |source| DataError::Io { action: "read", path: asked.source.clone(), source };
    let bytes = std::fs::read(&asked.source).map_err(unreadable)?;
    let row = |result: &str, value: Value| vec![json!(name), json!(result), value];
    let written = |shape: ImageShape, png: &[u8]| -> anyhow::Result<Vec<Value>> {
        let file = arguments.out.join(&asked.target);
        create_folder(file.parent().unwrap_or(&arguments.out))?;
        write_atomically(&file, png)?;
        Ok(row(&file.display().to_string(), json!(format!("{}×{}", shape.width, shape.height))))
    };
    let fractions = |classes: &[(String, f64)]| -> Vec<Vec<Value>> {
        classes.iter().map(|(class, share)| row(class, json!(rounded(*share)))).collect()
    };
    Ok(match trained.predict(&name, &bytes, arguments.tile)? {
        Prediction::Classes(classes) => fractions(&classes[..classes.len().min(CLASSES_SHOWN)]),
        Prediction::Picture(result) => {
            for note in &result.notes {
                output::note(format_args!("{name}: {note}"));
            }
            let mut png = Vec::new();
            result.write_png(&mut png).with_context(|| format!("{name}: the result is no PNG"))?;
            vec![written(result.shape, &png)?]
        }
        Prediction::Regions { picture, fractions: classes } => {
            [vec![written(picture.shape(), &picture.png()?)?], fractions(&classes)].concat()
        }
    })
}

fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}
