//! The model folder: configuration, weights, preprocessing and a model card.

use std::path::Path;

use allconv_inspect::ModelFolder;
use allconv_record::write_atomically;

use crate::card::model_card;
use crate::{ExchangeError, Export, ExportFormat};

/// A folder in the layout of the Hugging Face hub, from which this program predicts without the run and without its data.
pub(crate) struct Folder;

impl ExportFormat for Folder {
    fn name(&self) -> &'static str {
        "folder"
    }

    fn about(&self) -> &'static str {
        "a folder with weights, preprocessing, classes and a model card, which needs nothing else"
    }

    fn default_name(&self) -> &'static str {
        "model"
    }

    fn write(&self, export: &Export<'_>, path: &Path) -> Result<(), ExchangeError> {
        let trained = export.trained;
        let folder = ModelFolder::at(path);
        let (specification, provenance) = (trained.specification(), export.provenance.clone());
        let config = folder.write(specification, trained.kept(), provenance, &trained.weights())?;
        let card = model_card(&config, trained.subject().walk());
        Ok(write_atomically(&path.join("README.md"), card.as_bytes())?)
    }
}
