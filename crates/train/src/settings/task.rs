//! `task` in `[data]`: the task and its settings.

use allconv_data::Symmetry;
use allconv_data::pairs::{Pairing, PatchSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SettingError;
use crate::DenseLoss;

/// The task and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskSettings {
    /// The class of an image; the same as naming no task.
    Classification {},
    /// A picture from its antialiased bicubic reduction.
    SuperResolution(SuperResolutionSettings),
    /// A class for every pixel.
    Segmentation(PatchesSettings),
    /// A picture without noise from one with noise.
    Denoising(DenoisingSettings),
    /// The picture itself, from the unchanged picture.
    Autoencoding(PatchesSettings),
}

/// Settings of the training patches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatchesSettings {
    /// Height and width of the input patch, in pixels.
    pub patch: usize,
    /// Patches that each picture gives an epoch.
    pub patches: usize,
    /// Orientations under which patches are shown: `square` (all eight), `mirror` or `none`.
    pub symmetry: Symmetry,
}

/// `super_resolution`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperResolutionSettings {
    /// Height and width of the picture relative to those of the network's input, 2 to 8.
    pub scale: usize,
    /// Height and width of the input patch, in pixels; the target has `scale` times as many.
    #[serde(default = "default_patch")]
    pub patch: usize,
    /// Patches that each picture gives an epoch.
    #[serde(default = "default_patches")]
    pub patches: usize,
    /// Orientations under which patches are shown.
    #[serde(default)]
    pub symmetry: Symmetry,
}

/// `denoising`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenoisingSettings {
    /// Standard deviation of the Gaussian noise in grey levels of 255, above 0.
    pub sigma: f64,
    /// Height and width of the patch, in pixels.
    #[serde(default = "default_patch")]
    pub patch: usize,
    /// Patches that each picture gives an epoch.
    #[serde(default = "default_patches")]
    pub patches: usize,
    /// Orientations under which patches are shown.
    #[serde(default)]
    pub symmetry: Symmetry,
}

fn default_patch() -> usize {
    48
}

fn default_patches() -> usize {
    16
}

impl Default for PatchesSettings {
    fn default() -> PatchesSettings {
        PatchesSettings { patch: default_patch(), patches: default_patches(), symmetry: Symmetry::default() }
    }
}

impl TaskSettings {
    /// Returns the task's name in study files.
    pub fn name(&self) -> &'static str {
        match self {
            TaskSettings::Classification {} => "classification",
            TaskSettings::SuperResolution(_) => "super_resolution",
            TaskSettings::Segmentation(_) => "segmentation",
            TaskSettings::Denoising(_) => "denoising",
            TaskSettings::Autoencoding(_) => "autoencoding",
        }
    }

    /// Returns the revision of the numbers of the task: its pairs, losses, metrics and their order of summation; raised with them.
    pub fn revision(&self) -> u32 {
        2
    }

    /// Returns how training patches are cut and paired; `None` where whole images are classified.
    pub fn patches(&self) -> Option<PatchSettings> {
        let patches = |patches: &PatchesSettings, pairing| PatchSettings {
            size: patches.patch,
            per_picture: patches.patches,
            symmetry: patches.symmetry,
            pairing,
        };
        match self {
            TaskSettings::Classification {} => None,
            TaskSettings::SuperResolution(SuperResolutionSettings { scale, patch, patches, symmetry }) => {
                let pairing = Pairing::Shrunk { factor: *scale };
                Some(PatchSettings { size: *patch, per_picture: *patches, symmetry: *symmetry, pairing })
            }
            TaskSettings::Denoising(DenoisingSettings { sigma, patch, patches, symmetry }) => {
                let pairing = Pairing::Noisy { sigma: *sigma };
                Some(PatchSettings { size: *patch, per_picture: *patches, symmetry: *symmetry, pairing })
            }
            TaskSettings::Segmentation(settings) => Some(patches(settings, Pairing::Labelled)),
            TaskSettings::Autoencoding(settings) => Some(patches(settings, Pairing::Noisy { sigma: 0.0 })),
        }
    }

    /// Returns the loss where `[train]` names none.
    pub fn default_loss(&self) -> Option<DenseLoss> {
        match self {
            TaskSettings::Classification {} => None,
            TaskSettings::SuperResolution(_) => Some(DenseLoss::L1),
            TaskSettings::Segmentation(_) => Some(DenseLoss::CrossEntropyDice),
            TaskSettings::Denoising(_) | TaskSettings::Autoencoding(_) => Some(DenseLoss::Mse),
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`SettingError`] naming the field inside `task`, its value and its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let field = |name: &str| format!("task.{}.{name}", self.name());
        if let TaskSettings::SuperResolution(settings) = self {
            let range = "from 2 to 8";
            SettingError::unless((2..=8).contains(&settings.scale), field("scale"), settings.scale, range)?;
        }
        if let TaskSettings::Denoising(DenoisingSettings { sigma, .. }) = self {
            let holds = *sigma > 0.0 && *sigma <= 255.0;
            SettingError::unless(holds, field("sigma"), sigma, "above 0 and at most 255")?;
        }
        let Some(PatchSettings { size, per_picture, .. }) = self.patches() else { return Ok(()) };
        SettingError::unless((4..=4096).contains(&size), field("patch"), size, "from 4 to 4096")?;
        let range = "from 1 to 100000";
        SettingError::unless((1..=100_000).contains(&per_picture), field("patches"), per_picture, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TaskSettings {
        #[derive(Deserialize)]
        struct Section {
            task: TaskSettings,
        }
        toml::from_str::<Section>(&format!("task = {text}")).unwrap().task
    }

    #[test]
    fn a_task_is_one_value_with_defaults() {
        let task = read("{ super_resolution = { scale = 2 } }");
        let patches = task.patches().unwrap();
        assert_eq!(
            (patches.size, patches.per_picture, patches.pairing),
            (48, 16, Pairing::Shrunk { factor: 2 })
        );
        assert_eq!(read("{ segmentation = { patch = 128 } }").patches().unwrap().size, 128);
        assert_eq!(read("{ autoencoding = {} }").patches().unwrap().pairing, Pairing::Noisy { sigma: 0.0 });
        assert_eq!(read("{ classification = {} }").patches(), None);
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (text, field) in [
            ("{ super_resolution = { scale = 1 } }", "task.super_resolution.scale"),
            ("{ denoising = { sigma = 0.0 } }", "task.denoising.sigma"),
            ("{ segmentation = { patch = 3 } }", "task.segmentation.patch"),
            ("{ autoencoding = { patches = 0 } }", "task.autoencoding.patches"),
        ] {
            assert_eq!(read(text).check().unwrap_err().field, field);
        }
    }
}
