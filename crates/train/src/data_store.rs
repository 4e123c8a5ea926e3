//! Opened and prepared data sets, and trained weights to begin from, shared by all runs of a process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use allconv_data::{
    DataDirectory, DataError, Dataset, PictureDataset, PreparedDataset, TrainingImages, open, open_pictures,
    prepare,
};
use allconv_record::RecordError;

use crate::DataSettings;
use crate::start::StartWeights;

/// Opens and prepares each data set once; clones of the result share the images.
#[derive(Debug)]
pub struct DataStore {
    directory: DataDirectory,
    opened: Mutex<HashMap<String, Arc<Dataset>>>,
    prepared: Mutex<HashMap<String, Arc<PreparedDataset>>>,
    pictures: Mutex<HashMap<String, Arc<PictureDataset>>>,
    weights: Mutex<HashMap<String, Arc<StartWeights>>>,
}

impl DataStore {
    /// Returns a store over the data in `directory`.
    pub fn new(directory: DataDirectory) -> DataStore {
        DataStore {
            directory,
            opened: Mutex::default(),
            prepared: Mutex::default(),
            pictures: Mutex::default(),
            weights: Mutex::default(),
        }
    }

    /// Returns the data set as stored on disk, divided into its splits.
    ///
    /// # Errors
    /// [`DataError`] when it is absent, damaged or cannot be divided as requested.
    pub fn dataset(&self, settings: &DataSettings) -> Result<Arc<Dataset>, DataError> {
        // The lock is held while opening, so that two runs that start together do not open the same data twice.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{} {:?}", settings.dataset, settings.options());
        if let Some(dataset) = opened.get(&key) {
            return Ok(Arc::clone(dataset));
        }
        let dataset = Arc::new(open(&settings.dataset, &self.directory, &settings.options())?);
        opened.insert(key, Arc::clone(&dataset));
        Ok(dataset)
    }

    /// Returns the sizes of an imported data set without opening it, if it is there.
    pub(crate) fn training_images(&self, name: &str) -> Option<TrainingImages> {
        allconv_data::training_images(name, &self.directory)
    }

    /// Returns the pictures of a task over maps, divided into their splits.
    ///
    /// # Errors
    /// [`DataError`] when they are absent, damaged or cannot be divided as requested.
    pub fn pictures(&self, settings: &DataSettings) -> Result<Arc<PictureDataset>, DataError> {
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{} {:?}", settings.dataset, settings.picture_options());
        if let Some(found) = pictures.get(&key) {
            return Ok(Arc::clone(found));
        }
        let opened = open_pictures(&settings.dataset, &self.directory, &settings.picture_options())?;
        let opened = Arc::new(opened);
        pictures.insert(key, Arc::clone(&opened));
        Ok(opened)
    }

    /// Reads the trained weights in a file, kept for the runs that begin from them.
    pub(crate) fn read_weights(&self, path: &Path) -> Result<Arc<StartWeights>, RecordError> {
        let weights = StartWeights::read(path)?;
        let mut kept = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(kept.entry(weights.sha256.clone()).or_insert_with(|| Arc::new(weights))))
    }

    /// Returns the trained weights of this SHA-256, if they have been read.
    pub(crate) fn weights(&self, sha256: &str) -> Option<Arc<StartWeights>> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned()
    }

    /// Returns the data set after preprocessing.
    ///
    /// # Errors
    /// As [`dataset`](Self::dataset), and [`DataError`] when a step cannot be fitted.
    pub fn prepared(&self, settings: &DataSettings) -> Result<Arc<PreparedDataset>, DataError> {
        let dataset = self.dataset(settings)?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{} {:?} {:?}", settings.dataset, settings.options(), settings.preprocess);
        if let Some(found) = prepared.get(&key) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(prepare(&dataset, &settings.preprocess, &self.directory)?);
        prepared.insert(key, Arc::clone(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_data::{Preprocess, SyntheticSettings};

    #[test]
    fn the_same_settings_share_one_copy_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = DataStore::new(DataDirectory::new(folder.path()));
        let settings = DataSettings {
            dataset: "synthetic".into(),
            preprocess: vec![Preprocess::Standardize],
            augment: allconv_data::Augmentation::default(),
            validation: 10,
            train_images: None,
            view: None,
            synthetic: Some(SyntheticSettings { seed: 0, size: 8, train: 50, test: 10 }),
            task: None,
            test_dataset: None,
            fold: None,
        };
        let first = store.prepared(&settings).unwrap();
        assert!(Arc::ptr_eq(&first, &store.prepared(&settings).unwrap()));
        let raw = DataSettings { preprocess: vec![], ..settings };
        assert!(!Arc::ptr_eq(&first, &store.prepared(&raw).unwrap()));
    }
}
