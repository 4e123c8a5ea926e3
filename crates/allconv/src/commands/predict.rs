//! `allconv predict`: what a trained network makes of pictures that belong to no data set.

use std::path::{Path, PathBuf};

use allconv_data::Picture;
use allconv_record::write_atomically;
use allconv_train::Prediction;
use anyhow::Context;
use serde_json::json;

use super::eval::load;
use crate::arguments::PredictArguments;
use crate::exit::{self, UsageError};
use crate::table::Table;

/// Classes that are named for a picture.
const CLASSES_SHOWN: usize = 5;

/// Runs the command.
pub(crate) fn run(arguments: &PredictArguments) -> anyhow::Result<u8> {
    let files = outputs(arguments)?;
    let trained = load(&arguments.trained)?;
    let columns = [("image", "Image"), ("result", "Result"), ("value", "Value")];
    let mut table = Table::new("allconv.predictions/1", &columns);
    for (image, file) in arguments.images.iter().zip(files) {
        let name = image.display().to_string();
        let bytes = std::fs::read(image).with_context(|| format!("cannot read {name}"))?;
        let picture = Picture::decode(&name, &bytes)?;
        let mut row =
            |result: &str, value: serde_json::Value| table.push(vec![json!(name), json!(result), value]);
        match trained.predict(&name, &picture, arguments.tile)? {
            Prediction::Classes(classes) => {
                for (class, share) in classes.iter().take(CLASSES_SHOWN) {
                    row(class, json!(rounded(*share)));
                }
            }
            Prediction::Picture(result) => {
                write(&arguments.out, &file, &result)?;
                let shape = result.shape();
                row(&file.display().to_string(), json!(format!("{}×{}", shape.width, shape.height)));
            }
            Prediction::Regions { picture, shares } => {
                write(&arguments.out, &file, &picture)?;
                row(
                    &file.display().to_string(),
                    json!(format!("{}×{}", picture.shape().width, picture.shape().height)),
                );
                for (class, share) in shares {
                    row(&class, json!(rounded(share)));
                }
            }
        }
    }
    print!("{}", table.render(arguments.format));
    Ok(exit::OK)
}

/// Where the result of each picture goes.
///
/// # Errors
/// [`UsageError`] when two results would have one name, or a result would overwrite a picture it was made from.
fn outputs(arguments: &PredictArguments) -> Result<Vec<PathBuf>, UsageError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for image in &arguments.images {
        let stem = image.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let file = arguments.out.join(format!("{stem}.png"));
        if files.contains(&file) {
            return Err(UsageError(format!(
                "two images would both be written to {}; rename one",
                file.display()
            )));
        }
        if arguments.images.iter().any(|image| is_same_file(image, &file)) {
            return Err(UsageError(format!(
                "{} would overwrite its own source; give another --out",
                file.display()
            )));
        }
        files.push(file);
    }
    Ok(files)
}

fn is_same_file(first: &Path, second: &Path) -> bool {
    matches!((first.canonicalize(), second.canonicalize()), (Ok(first), Ok(second)) if first == second)
}

fn write(folder: &Path, file: &Path, picture: &Picture) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(write_atomically(file, &picture.png()?)?)
}

fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}
