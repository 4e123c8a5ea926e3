//! Test examples as PNG files for reports, from the data sets of the runs.

use std::sync::Arc;

use allconv_data::Dataset;
use allconv_record::{Examples, RunSpecification};
use allconv_train::{DataStore, RunSettings};

/// The data sets of this process for a report.
pub(crate) struct ExampleImages {
    data: Arc<DataStore>,
}

impl ExampleImages {
    /// Shows what is in the store.
    pub(crate) fn new(data: Arc<DataStore>) -> ExampleImages {
        ExampleImages { data }
    }

    /// The data set of a run, if it is here with the content that the run was made with.
    fn dataset(&self, specification: &RunSpecification) -> Option<Arc<Dataset>> {
        let settings = RunSettings::read(specification).ok()?;
        // Runs of the other tasks keep their own images.
        if settings.data.task.is_some() {
            return None;
        }
        let dataset = self.data.dataset(&settings.data).ok()?;
        (dataset.content_hash == specification.dataset_hash).then_some(dataset)
    }
}

impl Examples for ExampleImages {
    fn class_names(&self, specification: &RunSpecification) -> Option<Vec<String>> {
        Some(self.dataset(specification)?.classes.clone())
    }

    fn png(&self, specification: &RunSpecification, sample: u32) -> Option<Vec<u8>> {
        let dataset = self.dataset(specification)?;
        let sample = sample as usize;
        (sample < dataset.test.len()).then(|| dataset.test.png(sample).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_data::DataDirectory;
    use allconv_record::{Request, Resolve};
    use allconv_train::Resolver;

    #[test]
    fn the_picture_has_the_example_s_pixels_and_another_content_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let data = Arc::new(DataStore::new(DataDirectory::new(folder.path())));
        let request = Request {
            seed: 0,
            data: toml::from_str(
                "dataset = 'synthetic'\nvalidation = 10\nsynthetic = { size = 16, train = 60, test = 20 }",
            )
            .unwrap(),
            net: toml::from_str("architecture = { springenberg = { base = 'c', width = 0.1 } }").unwrap(),
            train: toml::from_str("preset = 'fast'").unwrap(),
        };
        let mut specification =
            Resolver::new(Arc::clone(&data), "cpu").resolve(&request).unwrap().specification;
        let examples = ExampleImages::new(Arc::clone(&data));
        let png = examples.png(&specification, 7).unwrap();
        let picture = image::load_from_memory(&png).unwrap().to_rgb8();
        let dataset = examples.dataset(&specification).unwrap();
        assert_eq!(picture.into_raw(), *dataset.test.read(7).unwrap());
        assert_eq!(examples.class_names(&specification).unwrap(), dataset.classes);
        assert_eq!(examples.png(&specification, 20), None, "there are 20 examples");
        specification.dataset_hash = "another".into();
        assert_eq!(examples.png(&specification, 7), None);
    }
}
