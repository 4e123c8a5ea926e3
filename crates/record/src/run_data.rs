//! `data.json`: the part of its data that a run keeps, so that its network can be used where the data are absent or have changed.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{RecordError, RunDirectory, write_atomically};

/// The `schema` field of `data.json`.
pub const RUN_DATA_SCHEMA: &str = "allconv.run_data/1";

const FORMAT: &str = "data.json";

/// The data that a network needs in addition to its weights. Fitted preprocessing has a file of its own, [`RunDirectory::preprocess_path`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunData {
    /// [`RUN_DATA_SCHEMA`].
    pub schema: String,
    /// Registry name of the data set.
    pub dataset: String,
    /// Hash of its content, as in the specification.
    pub content_hash: String,
    /// Names of the classes, in the order of the network's outputs; none where the task has no classes.
    pub classes: Vec<String>,
    /// Channels, rows and columns of the network's training inputs.
    pub input: [usize; 3],
    /// Images that are in two splits at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Copies>,
}

/// Images of one split whose pixels are those of an image of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copies {
    /// The split with the copies: `val` or `test`.
    pub split: String,
    /// The split with the images that they repeat.
    pub of: String,
    /// Number of copies.
    pub count: u64,
    /// How many of them have another label than the image they repeat.
    pub labelled_otherwise: u64,
}

impl RunDirectory {
    /// `preprocess.f32`, the fitted preprocessing; absent where nothing was fitted.
    pub fn preprocess_path(&self) -> PathBuf {
        self.path().join("preprocess.f32")
    }

    /// Writes `data.json`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write_data(&self, data: &RunData) -> Result<(), RecordError> {
        let path = self.path().join(FORMAT);
        let malformed = |error: serde_json::Error| RecordError::Malformed {
            path: path.clone(),
            format: FORMAT,
            reason: error.to_string(),
        };
        let mut text = serde_json::to_string_pretty(data).map_err(malformed)?;
        text.push('\n');
        write_atomically(&path, text.as_bytes())
    }

    /// Reads `data.json`; `None` for runs of versions that did not write it.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when it is cut off or of another schema.
    pub fn read_data(&self) -> Result<Option<RunData>, RecordError> {
        let path = self.path().join(FORMAT);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(RecordError::io("read", &path))?,
        };
        let malformed =
            |reason: String| RecordError::Malformed { path: path.clone(), format: FORMAT, reason };
        let data: RunData = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if data.schema != RUN_DATA_SCHEMA {
            return Err(malformed(format!("schema `{}` is not `{RUN_DATA_SCHEMA}`", data.schema)));
        }
        Ok(Some(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_older_runs_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        assert_eq!(run.read_data().unwrap(), None);
        let data = RunData {
            schema: RUN_DATA_SCHEMA.to_owned(),
            dataset: "mine".to_owned(),
            content_hash: "d5".to_owned(),
            classes: vec!["apple".to_owned(), "mango".to_owned()],
            input: [3, 32, 32],
            copies: vec![Copies {
                split: "test".to_owned(),
                of: "train".to_owned(),
                count: 5,
                labelled_otherwise: 1,
            }],
        };
        run.write_data(&data).unwrap();
        assert_eq!(run.read_data().unwrap(), Some(data));
        let path = folder.path().join(FORMAT);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("run_data/1", "run_data/9")).unwrap();
        assert!(run.read_data().is_err());
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(run.read_data().is_err());
    }
}
