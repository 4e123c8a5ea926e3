//! `config.json`: what the weights of a model folder belong to.

use allconv_data::ImageShape;
use allconv_record::{Provenance, RUN_DATA_SCHEMA, RunData, RunSpecification};
use serde::{Deserialize, Serialize};

use super::preprocess::PreprocessConstants;

/// The `schema` field of `config.json`.
pub const MODEL_FOLDER_SCHEMA: &str = "allconv.model/1";

/// The `model_type` field of `config.json`, by which programs for such folders tell their own.
const MODEL_TYPE: &str = "allconv";

/// Most channels of an input, and most rows and columns.
const MOST_CHANNELS: usize = 64;
const LONGEST_SIDE: usize = 16_384;

/// The content of `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// [`MODEL_FOLDER_SCHEMA`].
    pub schema: String,
    /// `allconv`.
    pub model_type: String,
    /// Name of the architecture; as in the specification.
    pub architecture: String,
    /// Name of the downsampling operator; as in the specification, absent for the architecture's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downsample: Option<String>,
    /// Name of the upsampling operator; as in the specification, absent for the architecture's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upsample: Option<String>,
    /// Name of the task; as in the specification.
    pub task: String,
    /// How 8-bit pixels become numbers before the steps of `preprocess`.
    pub pixels: PixelScale,
    /// The steps of preprocessing in order, with their constants.
    pub preprocess: Vec<PreprocessConstants>,
    /// Classes and input shape, and the data set that they come from.
    pub data: RunData,
    /// Where the weights come from.
    pub provenance: Provenance,
    /// The whole specification of the run, from which the network is built.
    pub specification: RunSpecification,
}

/// How 8-bit pixels become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelScale {
    /// Grey levels from 0 to 255.
    Levels,
    /// `value/255 − 1/2`.
    Centred,
}

/// What `config.json` repeats of the specification for readers of other programs.
#[derive(Debug, PartialEq)]
struct Summary {
    architecture: String,
    downsample: Option<String>,
    upsample: Option<String>,
    task: String,
    pixels: PixelScale,
}

impl Summary {
    fn of(specification: &RunSpecification) -> Summary {
        let name = |value: Option<&toml::Value>| match value {
            Some(toml::Value::Table(table)) => table.keys().next().cloned(),
            Some(toml::Value::String(name)) => Some(name.clone()),
            _ => None,
        };
        let task = name(specification.data.get("task"));
        let pixels = match task.as_deref() {
            None | Some("classification") => PixelScale::Levels,
            Some(_) => PixelScale::Centred,
        };
        Summary {
            architecture: name(specification.net.get("architecture")).unwrap_or_default(),
            downsample: name(specification.net.get("downsample")),
            upsample: name(specification.net.get("upsample")),
            task: task.unwrap_or_else(|| "classification".to_owned()),
            pixels,
        }
    }
}

impl ModelConfig {
    /// Joins what a network was trained with.
    pub fn new(
        specification: RunSpecification,
        data: RunData,
        preprocess: Vec<PreprocessConstants>,
        provenance: Provenance,
    ) -> ModelConfig {
        let Summary { architecture, downsample, upsample, task, pixels } = Summary::of(&specification);
        ModelConfig {
            schema: MODEL_FOLDER_SCHEMA.to_owned(),
            model_type: MODEL_TYPE.to_owned(),
            architecture,
            downsample,
            upsample,
            task,
            pixels,
            preprocess,
            data,
            provenance,
            specification,
        }
    }

    /// The text of `config.json`.
    ///
    /// # Errors
    /// When a number is not finite.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Reads the text of `config.json`.
    ///
    /// # Errors
    /// The field, its value and the limit, or the line and the column.
    pub fn from_text(text: &str) -> Result<ModelConfig, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        // The schema is looked at before the fields: a later file may hold fields that this program does not know.
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(MODEL_FOLDER_SCHEMA) => {}
            Some(other) => {
                return Err(format!(
                    "schema `{other}` is not `{MODEL_FOLDER_SCHEMA}`, which this program reads"
                ));
            }
            None => return Err(format!("it has no field `schema` with the value `{MODEL_FOLDER_SCHEMA}`")),
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let config: ModelConfig = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let (path, reason) = (error.path().to_string(), error.inner().to_string());
            if path == "." { reason } else { format!("{path}: {reason}") }
        })?;
        config.check()?;
        Ok(config)
    }

    /// Rows, columns and channels of an input.
    pub fn shape(&self) -> ImageShape {
        let [channels, height, width] = self.data.input;
        ImageShape { height, width, channels }
    }

    /// Refuses fields that contradict each other or the limits.
    fn check(&self) -> Result<(), String> {
        let same = |field: &str, found: &str, wanted: &str| match found == wanted {
            true => Ok(()),
            false => Err(format!("{field} is `{found}`, where the rest of the file says `{wanted}`")),
        };
        same("model_type", &self.model_type, MODEL_TYPE)?;
        same("data.schema", &self.data.schema, RUN_DATA_SCHEMA)?;
        same(
            "provenance.specification_hash",
            &self.provenance.specification_hash,
            &self.specification.hash(),
        )?;
        same("data.content_hash", &self.data.content_hash, &self.specification.dataset_hash)?;
        let wanted = Summary::of(&self.specification);
        let absent = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        same("architecture", &self.architecture, &wanted.architecture)?;
        same("downsample", &absent(&self.downsample), &absent(&wanted.downsample))?;
        same("upsample", &absent(&self.upsample), &absent(&wanted.upsample))?;
        same("task", &self.task, &wanted.task)?;
        same("pixels", &format!("{:?}", self.pixels), &format!("{:?}", wanted.pixels))?;
        let [channels, height, width] = self.data.input;
        for (what, found, most) in [
            ("channels", channels, MOST_CHANNELS),
            ("rows", height, LONGEST_SIDE),
            ("columns", width, LONGEST_SIDE),
        ] {
            if found == 0 || found > most {
                return Err(format!("data.input has {found} {what}; 1 to {most} are possible"));
            }
        }
        if self.task == "classification" && self.data.classes.is_empty() {
            return Err("data.classes is empty; a classifier needs at least one name".to_owned());
        }
        Ok(())
    }
}
