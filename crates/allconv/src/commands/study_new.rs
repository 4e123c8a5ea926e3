//! `allconv study new`: an annotated study file for a task and a data set, to begin from.

use std::fs::OpenOptions;
use std::io::Write as _;

use allconv_data::{
    Crops, DataDirectory, DatasetOptions, Filter, PictureOptions, View, needs_view, open, open_pictures,
};
use anyhow::Context;

use crate::arguments::{StudyNewArguments, TaskArgument};
use crate::{exit, output};

const CLASSIFICATION: &str = include_str!("templates/classification.toml");
const SEGMENTATION: &str = include_str!("templates/segmentation.toml");
const SUPER_RESOLUTION: &str = include_str!("templates/super_resolution.toml");

/// The line of a data set whose images differ in size.
const VIEW: &str = "
# The images differ in size: their shorter edge is resized to 73 pixels, and the 64×64 pixels at the centre are the network's input.
view       = { size = 64 }";

/// One in so many training images is held out.
const HELD_OUT: usize = 10;

/// Runs the command.
pub(super) fn run(arguments: &StudyNewArguments) -> anyhow::Result<u8> {
    let view = match arguments.task {
        TaskArgument::Classification => view(arguments)?,
        TaskArgument::Segmentation | TaskArgument::SuperResolution => None,
    };
    let (template, validation) = match arguments.task {
        TaskArgument::Classification => (CLASSIFICATION, of_classes(arguments, view)?),
        TaskArgument::Segmentation => (SEGMENTATION, of_images(arguments)?),
        TaskArgument::SuperResolution => (SUPER_RESOLUTION, of_images(arguments)?),
    };
    let text = template
        .replace("DATASET", &arguments.dataset)
        .replace("VALIDATION", &validation.to_string())
        .replace("VIEW", if view.is_some() { VIEW } else { "" });
    let path = &arguments.file;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("cannot create {}; an existing file is not replaced", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    output::print_line(path.display())?;
    output::note(format_args!("next: allconv study check {}", path.display()));
    Ok(exit::OK)
}

/// Returns the view that [`VIEW`] writes, for images that differ in size.
fn view(arguments: &StudyNewArguments) -> anyhow::Result<Option<View>> {
    let view = View { size: 64, resize: None, filter: Filter::default(), crops: Crops::default() };
    let directory = DataDirectory::new(&arguments.data.data_dir);
    Ok(needs_view(&arguments.dataset, &directory)?.then_some(view))
}

/// Returns a tenth of the training images, the same number of each class; 0 where the data set brings validation images.
fn of_classes(arguments: &StudyNewArguments, view: Option<View>) -> anyhow::Result<usize> {
    let directory = DataDirectory::new(&arguments.data.data_dir);
    let options = DatasetOptions { validation: 0, train_images: None, synthetic: Default::default(), view };
    let dataset = open(&arguments.dataset, &directory, &options)?;
    let classes = dataset.classes.len();
    Ok(match dataset.validation {
        Some(_) => 0,
        None => (dataset.train.len() / HELD_OUT / classes).max(1) * classes,
    })
}

/// Returns a tenth of the training images of a dense task, at least one.
fn of_images(arguments: &StudyNewArguments) -> anyhow::Result<usize> {
    let directory = DataDirectory::new(&arguments.data.data_dir);
    let options = PictureOptions { validation: 0, ..PictureOptions::default() };
    let pictures = open_pictures(&arguments.dataset, &directory, &options)?;
    Ok(if pictures.validation.is_empty() { (pictures.train.len() / HELD_OUT).max(1) } else { 0 })
}
