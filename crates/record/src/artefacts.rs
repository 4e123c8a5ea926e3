//! `artefacts/index.json`: the index of the images of the final evaluation in a run directory.
//!
//! `{"schema": "allconv.artefacts/1", "pictures": [{"file": "img_001.png", "example": "img_001", "role": "output", "metrics":
//! {"psnr_y": 33.1}}]}`. The files are in the folder of the index. Where an image is a crop, its metrics are those of the whole image.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{RecordError, create_folder, write_atomically};

/// The `schema` field of `artefacts/index.json`.
pub const ARTEFACTS_SCHEMA: &str = "allconv.artefacts/1";

/// Name of the index inside of `artefacts/`.
const INDEX: &str = "index.json";

const FORMAT: &str = "artefacts/index.json";

/// The content of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureRole {
    /// The network's input.
    Input,
    /// The target.
    Target,
    /// The result of bicubic interpolation, the reference of super-resolution.
    Bicubic,
    /// The network's output.
    Output,
    /// An explanation: signals that were propagated back to the image.
    Explanation,
}

impl PictureRole {
    /// Returns the name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            PictureRole::Input => "input",
            PictureRole::Target => "target",
            PictureRole::Bicubic => "bicubic",
            PictureRole::Output => "output",
            PictureRole::Explanation => "explanation",
        }
    }
}

/// One image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtefactPicture {
    /// Name of the PNG file in the folder of the index.
    pub file: String,
    /// Name of the test image, as in `scores.json`.
    pub example: String,
    /// Its content.
    pub role: PictureRole,
    /// The parts of the image, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Metrics of the image by name; empty for inputs and targets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

/// The images of a run, in the order of display.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Artefacts {
    /// The images.
    pub pictures: Vec<ArtefactPicture>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexFile {
    schema: String,
    pictures: Vec<ArtefactPicture>,
}

impl Artefacts {
    /// Writes images with their PNG bytes, and then the index, into the folder `artefacts`, making it as needed.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] when an image's file is not a plain name, or a metric is not finite; [`RecordError::Io`].
    pub fn write(folder: &Path, pictures: &[(ArtefactPicture, Vec<u8>)]) -> Result<(), RecordError> {
        let path = folder.join(INDEX);
        let index = Artefacts { pictures: pictures.iter().map(|(picture, _)| picture.clone()).collect() };
        index.check().map_err(|reason| malformed(&path, reason))?;
        create_folder(folder)?;
        for (picture, png) in pictures {
            write_atomically(&folder.join(&picture.file), png)?;
        }
        let file = IndexFile { schema: ARTEFACTS_SCHEMA.to_string(), pictures: index.pictures };
        let text =
            serde_json::to_string_pretty(&file).map_err(|error| malformed(&path, error.to_string()))?;
        write_atomically(&path, text.as_bytes())
    }

    /// Reads the index of the folder `artefacts`.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when it is cut off, of another schema, or breaks a rule of the format.
    pub fn read(folder: &Path) -> Result<Artefacts, RecordError> {
        let path = folder.join(INDEX);
        let bytes = std::fs::read(&path).map_err(RecordError::io("read", &path))?;
        let file: IndexFile =
            serde_json::from_slice(&bytes).map_err(|error| malformed(&path, error.to_string()))?;
        if file.schema != ARTEFACTS_SCHEMA {
            return Err(malformed(&path, format!("schema `{}` is not `{ARTEFACTS_SCHEMA}`", file.schema)));
        }
        let artefacts = Artefacts { pictures: file.pictures };
        artefacts.check().map_err(|reason| malformed(&path, reason))?;
        Ok(artefacts)
    }

    /// A file name with a folder in it could lead a reader out of the run directory.
    fn check(&self) -> Result<(), String> {
        for picture in &self.pictures {
            let name = &picture.file;
            let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':']);
            if !is_plain || !name.ends_with(".png") {
                return Err(format!("`{name}` is not the plain name of a PNG file"));
            }
            if let Some((metric, value)) = picture.metrics.iter().find(|(_, value)| !value.is_finite()) {
                return Err(format!("`{metric}` of `{name}` is {value}, must be finite"));
            }
        }
        Ok(())
    }
}

fn malformed(path: &Path, reason: String) -> RecordError {
    RecordError::Malformed { path: path.to_path_buf(), format: FORMAT, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Vec<(ArtefactPicture, Vec<u8>)> {
        let picture = |file: &str, role, metrics: &[(&str, f64)]| ArtefactPicture {
            file: file.into(),
            example: "img_001".into(),
            role,
            caption: (role == PictureRole::Output).then(|| "left and right".to_owned()),
            metrics: metrics.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
        };
        vec![
            (picture("img_001-target.png", PictureRole::Target, &[]), vec![1, 2]),
            (picture("img_001.png", PictureRole::Output, &[("psnr_y", 33.1)]), vec![3]),
        ]
    }

    #[test]
    fn what_is_written_is_read_back_and_every_truncation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("artefacts");
        Artefacts::write(&folder, &example()).unwrap();
        let read = Artefacts::read(&folder).unwrap();
        for (found, (picture, png)) in read.pictures.iter().zip(example()) {
            assert_eq!(*found, picture);
            assert_eq!(std::fs::read(folder.join(&found.file)).unwrap(), png);
        }
        let path = folder.join(INDEX);
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(Artefacts::read(&folder).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn a_file_outside_the_folder_is_neither_written_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("artefacts");
        for name in ["../run.json", "a/b.png", "", ".png", "c:\\x.png", "picture.svg"] {
            let mut pictures = example();
            pictures[0].0.file = name.into();
            let message = Artefacts::write(&inside, &pictures).unwrap_err().to_string();
            assert!(message.contains("not the plain name"), "{message}");
            let text = serde_json::json!({
                "schema": ARTEFACTS_SCHEMA,
                "pictures": [{ "file": name, "example": "x", "role": "output" }],
            });
            std::fs::write(folder.path().join(INDEX), text.to_string()).unwrap();
            assert!(Artefacts::read(folder.path()).is_err(), "{name}");
        }
        assert!(!inside.exists());
    }
}
