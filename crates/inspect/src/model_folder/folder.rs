//! Reading and writing the files of a model folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allconv_data::{FittedPreprocess, Preprocess};
use allconv_record::{Provenance, RecordError, RunSpecification, create_folder, write_atomically};
use allconv_train::{KeptData, NamedTensors, RunSettings, read_safetensors, write_safetensors};

use super::config::ModelConfig;
use super::preprocess::{PreprocessConstants, constants, fitted};
use crate::InspectError;

/// The largest `config.json` that is read.
const MOST_CONFIG_BYTES: u64 = 16 << 20;

/// A model folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolder {
    path: PathBuf,
}

impl ModelFolder {
    /// Takes `path` as a model folder, whether it exists or not.
    pub fn at(path: impl Into<PathBuf>) -> ModelFolder {
        ModelFolder { path: path.into() }
    }

    /// Whether `path` is a folder with a `config.json` and no run.
    pub fn is_at(path: &Path) -> bool {
        path.join("config.json").is_file() && !path.join("spec.toml").exists()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.json`.
    pub fn config_path(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// `model.safetensors`.
    pub fn weights_path(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// `preprocess.safetensors`; absent where nothing is whitened.
    pub fn preprocess_path(&self) -> PathBuf {
        self.path.join("preprocess.safetensors")
    }

    /// Writes configuration, weights and preprocessing, and returns the configuration.
    ///
    /// # Errors
    /// [`InspectError::Record`] when a file cannot be written.
    pub fn write(
        &self,
        specification: &RunSpecification,
        kept: &KeptData,
        provenance: Provenance,
        weights: &NamedTensors,
    ) -> Result<ModelConfig, InspectError> {
        let (steps, tensors) = constants(&kept.fitted);
        let config = ModelConfig::new(specification.clone(), kept.data.clone(), steps, provenance);
        let text = config.to_text().map_err(|error| self.wrong(self.config_path(), error.to_string()))?;
        create_folder(&self.path)?;
        write_safetensors(&self.weights_path(), weights)?;
        let whitening = self.preprocess_path();
        if tensors.is_empty() {
            match fs::remove_file(&whitening) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RecordError::io("remove", &whitening)(error).into());
                }
                _ => {}
            }
        } else {
            write_safetensors(&whitening, &tensors)?;
        }
        // The configuration is last: a folder with one is complete.
        write_atomically(&self.config_path(), text.as_bytes())?;
        Ok(config)
    }

    /// Reads `config.json`.
    ///
    /// # Errors
    /// [`InspectError::Folder`] when it is damaged or of a later version; [`InspectError::Record`] when it cannot be read.
    pub fn read_config(&self) -> Result<ModelConfig, InspectError> {
        let path = self.config_path();
        let bytes = fs::metadata(&path).map_err(RecordError::io("read", &path))?.len();
        if bytes > MOST_CONFIG_BYTES {
            let reason = format!("it has {bytes} bytes; at most {MOST_CONFIG_BYTES} are read");
            return Err(self.wrong(path, reason));
        }
        let bytes = fs::read(&path).map_err(RecordError::io("read", &path))?;
        let text = String::from_utf8(bytes).map_err(|error| self.wrong(path.clone(), error.to_string()))?;
        ModelConfig::from_text(&text).map_err(|reason| self.wrong(path, reason))
    }

    /// The preprocessing that `config` describes, and what the network needs of its data beside.
    ///
    /// # Errors
    /// [`InspectError::Folder`] when constants or tensors do not fit the specification; [`InspectError::Record`].
    pub fn read_kept(&self, config: &ModelConfig, settings: &RunSettings) -> Result<KeptData, InspectError> {
        let (shape, data) = (config.shape(), config.data.clone());
        let wanted = match settings.data.task().patches() {
            None => settings.data.preprocess.as_slice(),
            Some(_) => &[],
        };
        let wanted: Vec<&str> = wanted.iter().map(Preprocess::name).collect();
        let found: Vec<&str> = config.preprocess.iter().map(PreprocessConstants::name).collect();
        if found != wanted {
            let reason = format!("preprocess has the steps {found:?}, the specification {wanted:?}");
            return Err(self.wrong(self.config_path(), reason));
        }
        let whitens = found.contains(&"zca");
        let file = if whitens { self.preprocess_path() } else { self.config_path() };
        let tensors = if whitens { read_safetensors(&file)? } else { NamedTensors::new() };
        let fitted: FittedPreprocess =
            fitted(&config.preprocess, tensors, shape).map_err(|reason| self.wrong(file, reason))?;
        Ok(KeptData { data, fitted: Arc::new(fitted) })
    }

    /// The error for a file of this folder.
    pub(crate) fn wrong(&self, file: PathBuf, reason: String) -> InspectError {
        InspectError::Folder { file, reason }
    }
}
