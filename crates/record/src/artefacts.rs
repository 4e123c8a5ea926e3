//! `artefacts/`: a few small pictures of what a finished network returns, and `index.json`, which says what they show.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{RecordError, write_atomically};

/// The index's name and version.
pub const ARTEFACTS_SCHEMA: &str = "allconv.artefacts/1";

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureRole {
    /// What the network sees.
    Input,
    /// The baseline of super-resolution.
    Bicubic,
    /// What the network returns.
    Output,
    /// What it should return.
    Target,
}

/// One picture of the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtefactPicture {
    /// File name beside the index.
    pub file: String,
    /// Name of the example, as in `scores.json`.
    pub example: String,
    /// What it shows.
    pub role: PictureRole,
    /// Metrics of the whole example that belong under the picture; empty for inputs and targets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

/// `index.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefacts {
    /// [`ARTEFACTS_SCHEMA`].
    pub schema: String,
    /// The pictures, those of an example together.
    pub pictures: Vec<ArtefactPicture>,
}

impl Artefacts {
    /// Writes pictures (with their PNG bytes) and the index, which comes last, into `folder`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write(folder: &Path, pictures: &[(ArtefactPicture, Vec<u8>)]) -> Result<(), RecordError> {
        std::fs::create_dir_all(folder).map_err(RecordError::io("create", folder))?;
        for (picture, png) in pictures {
            write_atomically(&folder.join(&picture.file), png)?;
        }
        let index = Artefacts {
            schema: ARTEFACTS_SCHEMA.to_owned(),
            pictures: pictures.iter().map(|(picture, _)| picture.clone()).collect(),
        };
        let path = folder.join("index.json");
        let mut text =
            serde_json::to_string_pretty(&index).map_err(|error| malformed(&path, error.to_string()))?;
        text.push('\n');
        write_atomically(&path, text.as_bytes())
    }

    /// Reads the index of `folder`.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when the schema is another, or a file lies elsewhere.
    pub fn read(folder: &Path) -> Result<Artefacts, RecordError> {
        let path = folder.join("index.json");
        let text = std::fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
        let index: Artefacts =
            serde_json::from_str(&text).map_err(|error| malformed(&path, error.to_string()))?;
        if index.schema != ARTEFACTS_SCHEMA {
            return Err(malformed(&path, format!("schema {}, expected {ARTEFACTS_SCHEMA}", index.schema)));
        }
        let strays =
            |picture: &&ArtefactPicture| picture.file.contains(['/', '\\']) || picture.file.starts_with('.');
        if let Some(picture) = index.pictures.iter().find(strays) {
            return Err(malformed(&path, format!("file {:?} does not lie beside the index", picture.file)));
        }
        Ok(index)
    }
}

fn malformed(path: &Path, reason: String) -> RecordError {
    RecordError::Malformed { path: path.to_path_buf(), format: "index of artefacts", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_files_elsewhere_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let picture = ArtefactPicture {
            file: "baby-output.png".into(),
            example: "baby".into(),
            role: PictureRole::Output,
            metrics: BTreeMap::from([("psnr_y".to_owned(), 33.5)]),
        };
        Artefacts::write(folder.path(), &[(picture.clone(), vec![1, 2, 3])]).unwrap();
        assert_eq!(Artefacts::read(folder.path()).unwrap().pictures, [picture]);
        assert_eq!(std::fs::read(folder.path().join("baby-output.png")).unwrap(), [1, 2, 3]);
        let index = folder.path().join("index.json");
        let text = std::fs::read_to_string(&index).unwrap().replace("baby-output.png", "../baby.png");
        std::fs::write(&index, text).unwrap();
        assert!(Artefacts::read(folder.path()).unwrap_err().to_string().contains("beside the index"));
    }
}
