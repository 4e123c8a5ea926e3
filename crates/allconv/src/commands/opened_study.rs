//! A study file with its folders, its data and the resolver of its requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allconv_data::DataDirectory;
use allconv_study::StudyFile;
use allconv_train::{DataStore, Resolver};

use crate::arguments::StudyFileArguments;
use crate::device::{self, Chosen};
use crate::measures;

/// The folder with the finished runs of committed studies, read in addition to `--out`.
pub(super) const PUBLISHED: &str = "docs/results";

/// A study file, its folders and the resolver of its requests.
pub(super) struct Opened {
    pub(super) study: StudyFile,
    pub(super) folder: PathBuf,
    pub(super) published: Vec<PathBuf>,
    pub(super) data: Arc<DataStore>,
    pub(super) device: Chosen,
    pub(super) resolver: Resolver,
}

/// Reads the study file, and takes folders and device from the arguments.
pub(super) fn open(arguments: &StudyFileArguments) -> anyhow::Result<Opened> {
    let study = StudyFile::read_with(&arguments.file, &arguments.settings)?;
    let device = device::choose(&arguments.device)?;
    let data = Arc::new(DataStore::new(DataDirectory::new(&arguments.data.data_dir)));
    let folder = arguments.out.join(&study.name);
    let published = vec![Path::new(PUBLISHED).join(&study.name).join("runs")];
    let resolver = Resolver::new(Arc::clone(&data), device.kind)
        .measuring(measures::metrics())
        .explaining(measures::methods());
    Ok(Opened { study, folder, published, data, device, resolver })
}

impl Opened {
    /// The folder of the study's own runs.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What opens data sets.
    pub(super) fn data(&self) -> &Arc<DataStore> {
        &self.data
    }

    /// The device that tensors live on.
    pub(super) fn device(&self) -> &burn::tensor::Device {
        &self.device.device
    }

    /// Its kind, as records name it.
    pub(super) fn device_kind(&self) -> &'static str {
        self.device.kind
    }

    /// Every folder in which runs of the study may lie.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        std::iter::once(&self.folder).chain(&self.published).cloned().collect()
    }
}
