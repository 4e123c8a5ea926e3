//! `scores.json`: what the final evaluation said of every test example, for tasks whose verdicts are numbers rather than classes.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{RecordError, write_atomically};

/// The format's name and version.
pub const SCORES_SCHEMA: &str = "allconv.scores/1";

/// Metrics of every test example, in the order of the examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// [`SCORES_SCHEMA`].
    pub schema: String,
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// The examples.
    pub examples: Vec<ExampleScores>,
}

/// The metrics of one example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleScores {
    /// Name of the example, unique within its split.
    pub name: String,
    /// A finite value for each metric.
    pub values: Vec<f64>,
}

impl Scores {
    /// Joins metrics and examples.
    ///
    /// # Panics
    /// If an example has another number of values than there are metrics, or one that is not finite, which JSON cannot hold.
    pub fn new(metrics: Vec<String>, examples: Vec<ExampleScores>) -> Scores {
        for example in &examples {
            assert_eq!(example.values.len(), metrics.len(), "values of {}", example.name);
            assert!(example.values.iter().all(|value| value.is_finite()), "{example:?}");
        }
        Scores { schema: SCORES_SCHEMA.to_owned(), metrics, examples }
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| malformed(path, error.to_string()))?;
        text.push('\n');
        write_atomically(path, text.as_bytes())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when the schema is another, or values are missing.
    pub fn read(path: &Path) -> Result<Scores, RecordError> {
        let text = std::fs::read_to_string(path).map_err(RecordError::io("read", path))?;
        let scores: Scores =
            serde_json::from_str(&text).map_err(|error| malformed(path, error.to_string()))?;
        if scores.schema != SCORES_SCHEMA {
            return Err(malformed(path, format!("schema {}, expected {SCORES_SCHEMA}", scores.schema)));
        }
        if let Some(example) =
            scores.examples.iter().find(|example| example.values.len() != scores.metrics.len())
        {
            let (values, metrics) = (example.values.len(), scores.metrics.len());
            return Err(malformed(
                path,
                format!("{} has {values} values for {metrics} metrics", example.name),
            ));
        }
        Ok(scores)
    }

    /// The mean of a metric over the examples; `None` if there is no such metric or no example.
    pub fn mean(&self, metric: &str) -> Option<f64> {
        let place = self.metrics.iter().position(|name| name == metric)?;
        let sum: f64 = self.examples.iter().map(|example| example.values[place]).sum();
        (!self.examples.is_empty()).then(|| sum / self.examples.len() as f64)
    }
}

fn malformed(path: &Path, reason: String) -> RecordError {
    RecordError::Malformed { path: path.to_path_buf(), format: "scores.json", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Scores {
        let scores =
            |name: &str, values: [f64; 2]| ExampleScores { name: name.into(), values: values.into() };
        let examples = vec![scores("a", [30.5, 0.9]), scores("b", [33.5, 0.7])];
        Scores::new(vec!["psnr_y".into(), "ssim_y".into()], examples)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.json");
        example().write(&path).unwrap();
        assert_eq!(Scores::read(&path).unwrap(), example());
        assert_eq!(example().mean("psnr_y"), Some(32.0));
        assert_eq!(example().mean("error"), None);
    }

    #[test]
    fn missing_values_and_other_schemas_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.json");
        let text = serde_json::to_string(&example()).unwrap();
        for (from, to, reason) in
            [("allconv.scores/1", "allconv.scores/9", "schema"), ("[30.5,0.9]", "[30.5]", "1 values for 2")]
        {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let error = Scores::read(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
