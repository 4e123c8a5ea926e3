//! `scores.json`: the metrics of the final evaluation on every test image, which comparisons image by image read.
//!
//! One JSON object without a line end: `{"schema":"allconv.scores/1","metrics":["psnr_y"],"examples":[{"name":"img_001","values":[33.1]}]}`.
//! Every example has one value per metric, in the order of `metrics`; names of metrics and of examples occur once; values are finite.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{RecordError, write_atomically};

/// The `schema` field of `scores.json`.
pub const SCORES_SCHEMA: &str = "allconv.scores/1";

const FORMAT: &str = "scores.json";

/// The scores of every test image of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Names of the metrics, as in `metrics.jsonl`.
    pub metrics: Vec<String>,
    /// The images, in the order of the split.
    pub examples: Vec<ExampleScores>,
}

/// The scores of one test image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleScores {
    /// Name of the image, the same in every run on the same data.
    pub name: String,
    /// One value per metric.
    pub values: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoresFile {
    schema: String,
    metrics: Vec<String>,
    examples: Vec<ExampleScores>,
}

impl Scores {
    /// Joins metrics and examples; their consistency is checked when they are written.
    pub fn new(metrics: Vec<String>, examples: Vec<ExampleScores>) -> Scores {
        Scores { metrics, examples }
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] when an example has not one finite value per metric, or a name occurs twice; [`RecordError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        self.check().map_err(|reason| malformed(path, reason))?;
        let file = ScoresFile {
            schema: SCORES_SCHEMA.to_string(),
            metrics: self.metrics.clone(),
            examples: self.examples.clone(),
        };
        let text = serde_json::to_string(&file).map_err(|error| malformed(path, error.to_string()))?;
        write_atomically(path, text.as_bytes())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when it is cut off, of another schema, or breaks a rule of the format.
    pub fn read(path: &Path) -> Result<Scores, RecordError> {
        let bytes = std::fs::read(path).map_err(RecordError::io("read", path))?;
        let file: ScoresFile =
            serde_json::from_slice(&bytes).map_err(|error| malformed(path, error.to_string()))?;
        if file.schema != SCORES_SCHEMA {
            return Err(malformed(path, format!("schema `{}` is not `{SCORES_SCHEMA}`", file.schema)));
        }
        let scores = Scores::new(file.metrics, file.examples);
        scores.check().map_err(|reason| malformed(path, reason))?;
        Ok(scores)
    }

    /// The mean of a metric over the examples; `None` if there is no such metric or no example.
    pub fn mean(&self, metric: &str) -> Option<f64> {
        let place = self.metrics.iter().position(|name| name == metric)?;
        let sum: f64 = self.examples.iter().map(|example| example.values[place]).sum();
        (!self.examples.is_empty()).then(|| sum / self.examples.len() as f64)
    }

    fn check(&self) -> Result<(), String> {
        unique("metric", self.metrics.iter())?;
        unique("example", self.examples.iter().map(|example| &example.name))?;
        for example in &self.examples {
            let (found, wanted) = (example.values.len(), self.metrics.len());
            if found != wanted {
                return Err(format!("example `{}` has {found} values for {wanted} metrics", example.name));
            }
            if let Some(position) = example.values.iter().position(|value| !value.is_finite()) {
                let (metric, value) = (&self.metrics[position], example.values[position]);
                return Err(format!("`{metric}` of example `{}` is {value}, must be finite", example.name));
            }
        }
        Ok(())
    }
}

fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{kind} `{name}` occurs twice"));
        }
    }
    Ok(())
}

fn malformed(path: &Path, reason: String) -> RecordError {
    RecordError::Malformed { path: path.to_path_buf(), format: FORMAT, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Scores {
        Scores::new(
            vec!["psnr_y".into(), "ssim_y".into()],
            vec![
                ExampleScores { name: "img_001".into(), values: vec![33.1, 0.1 + 0.2] },
                ExampleScores { name: "img_002".into(), values: vec![-0.5, 1e-300] },
            ],
        )
    }

    #[test]
    fn what_is_written_is_read_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.json");
        example().write(&path).unwrap();
        assert_eq!(Scores::read(&path).unwrap(), example());
    }

    #[test]
    fn every_truncation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.json");
        example().write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(Scores::read(&path).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn scores_that_violate_the_format_are_neither_written_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.json");
        type BreakIt = fn(&mut Scores);
        let broken: [(BreakIt, &str); 4] = [
            (|scores| scores.examples[1].values.truncate(1), "1 values for 2 metrics"),
            (|scores| scores.examples[1].values[0] = f64::INFINITY, "`psnr_y` of example `img_002` is inf"),
            (|scores| scores.examples[1].name = "img_001".into(), "example `img_001` occurs twice"),
            (|scores| scores.metrics[1] = "psnr_y".into(), "metric `psnr_y` occurs twice"),
        ];
        for (break_it, reason) in broken {
            let mut scores = example();
            break_it(&mut scores);
            let message = scores.write(&path).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
        assert!(!path.exists());
        for (text, reason) in [
            (r#"{"schema":"allconv.scores/2","metrics":[],"examples":[]}"#, "allconv.scores/2"),
            (
                r#"{"schema":"allconv.scores/1","metrics":["a"],"examples":[{"name":"x","values":[]}]}"#,
                "0 values for 1",
            ),
            (r#"{"schema":"allconv.scores/1","metrics":[],"examples":[],"more":1}"#, "more"),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = Scores::read(&path).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
