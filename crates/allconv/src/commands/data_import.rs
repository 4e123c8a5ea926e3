//! `allconv data import`: the import of images, of photographs, and of images with label maps.

use std::path::Path;

use allconv_data::import::layout::SplitName;
use allconv_data::{
    Background, DataDirectory, ImageNetFiles, ImportOptions, LeftOut, PictureKind, PictureLayout,
    SharedImages, TestShare, import_pictures, parse_labels,
};

use super::data::directory;
use crate::arguments::{ImportArguments, LayoutArgument};
use crate::exit::UsageError;
use crate::output;

/// Runs the command.
pub(super) fn import(arguments: &ImportArguments) -> anyhow::Result<()> {
    let is = |layout: LayoutArgument| arguments.layout == layout;
    for (given, fits, message) in [
        (arguments.table.is_some(), is(LayoutArgument::Classes), "--table belongs to --layout classes"),
        (
            arguments.test_share.is_some(),
            is(LayoutArgument::Classes),
            "--test-share belongs to --layout classes",
        ),
        (
            arguments.labels.is_some(),
            is(LayoutArgument::Segmentation),
            "--labels belongs to --layout segmentation",
        ),
    ] {
        if given && !fits {
            return Err(UsageError(message.to_owned()).into());
        }
    }
    let background = arguments.background.as_deref().map(Background::parse).transpose()?;
    let select = arguments.select.clone();
    let kind = match arguments.layout {
        LayoutArgument::Classes => {
            let share = |share| TestShare { share, seed: arguments.split_seed };
            let options = ImportOptions {
                select,
                background,
                table: arguments.table.clone(),
                test_share: arguments.test_share.map(share),
                ..ImportOptions::default()
            };
            return import_classes(arguments, &options);
        }
        LayoutArgument::Photographs => PictureKind::Photographs,
        LayoutArgument::Segmentation => PictureKind::Segmentation {
            labels: arguments.labels.as_deref().map(parse_labels).transpose()?.unwrap_or_default(),
        },
    };
    let layout = PictureLayout { select, background, kind };
    import_of_pictures(&arguments.source, &arguments.name, &layout, &directory(&arguments.data))
}

/// The official files of ImageNet, if the arguments name them.
fn imagenet(arguments: &ImportArguments) -> Result<Option<ImageNetFiles>, UsageError> {
    let (Some(train), Some(validation), Some(devkit)) = (&arguments.train, &arguments.val, &arguments.devkit)
    else {
        return Ok(None);
    };
    if arguments.source != Path::new("imagenet") {
        let source = arguments.source.display();
        return Err(UsageError(format!(
            "--train belongs to `allconv data import imagenet`, not to {source}"
        )));
    }
    let [train, validation, devkit] = [train, validation, devkit].map(Clone::clone);
    Ok(Some(ImageNetFiles { train, validation, devkit }))
}

fn import_classes(arguments: &ImportArguments, options: &ImportOptions) -> anyhow::Result<()> {
    let (name, directory) = (&arguments.name, directory(&arguments.data));
    let report = match imagenet(arguments)? {
        Some(files) => allconv_data::import_imagenet(&files, name, &directory, options)?,
        None => allconv_data::import(&arguments.source, name, &directory, options)?,
    };
    let [train, validation, test] = report.counts;
    let (sizes, kept) = match report.size {
        Some([height, width]) => (format!("{width}×{height}"), "packed"),
        None => ("different sizes".to_owned(), "kept as they are"),
    };
    output::print_line(format_args!(
        "{} {}: {train} training, {validation} validation and {test} test images of {sizes} in {} classes, {kept} in {}",
        report.name,
        import_verb(report.already_present),
        report.classes.len(),
        report.path.display()
    ))?;
    if report.tests_on_validation {
        output::note(format_args!(
            "there is no test split: the validation images are tested on, as with ImageNet, and `validation` holds out training images"
        ));
    }
    if report.size.is_none() && !report.already_present {
        output::note(format_args!(
            "give a view in [data], the part of each image that is the network's input, e.g. view = {{ size = 64 }}"
        ));
    }
    say_left_out("no images of a split", &report.left_out);
    say_shared(&report.shared);
    Ok(())
}

fn import_of_pictures(
    source: &Path,
    name: &str,
    layout: &PictureLayout,
    directory: &DataDirectory,
) -> anyhow::Result<()> {
    let report = import_pictures(source, name, layout, directory)?;
    let header = &report.header;
    let kind = match header.classes.as_slice() {
        [] => "photographs".to_owned(),
        classes => format!("images with label maps of {}", classes.join(", ")),
    };
    let [train, validation, test] =
        [SplitName::Train, SplitName::Validation, SplitName::Test].map(|split| header.count(split));
    let divided = match (validation, test) {
        (0, 0) => "without splits".to_owned(),
        _ => format!("{train} training, {validation} validation, {test} test"),
    };
    output::print_line(format_args!(
        "{name} {}: {} {kind}, {divided}, packed in {}",
        import_verb(report.already_present),
        header.pictures.len(),
        report.pack.display()
    ))?;
    say_left_out("not read", &report.left_out);
    say_shared(&report.shared);
    Ok(())
}

fn import_verb(already_present: bool) -> &'static str {
    if already_present { "was already present" } else { "imported" }
}

/// The largest number of folders with images left out that are listed, one a line.
const FOLDERS_NAMED: usize = 8;

fn say_left_out(what: &str, left_out: &LeftOut) {
    if left_out.files == 0 {
        return;
    }
    output::note(format_args!("{} files are {what}: {}", left_out.files, left_out.examples.join(", ")));
    let images = left_out.image_count();
    if images == 0 {
        return;
    }
    output::note(format_args!(
        "warning: {images} of them have the names of images; their folders do not fit the layout:"
    ));
    for (folder, count) in left_out.images.iter().take(FOLDERS_NAMED) {
        output::note(format_args!("  {}/ ({count})", if folder.is_empty() { "." } else { folder }));
    }
    if left_out.images.len() > FOLDERS_NAMED {
        output::note(format_args!("  and {} more folders", left_out.images.len() - FOLDERS_NAMED));
    }
}

fn say_shared(shared: &[SharedImages]) {
    for SharedImages { of, with, count, labelled_otherwise, first: [copy, original] } in shared {
        let labels = match labelled_otherwise {
            0 => String::new(),
            number => format!(", {number} of them with another label"),
        };
        output::note(format_args!(
            "warning: {count} {} images are {} images too{labels} (the first: {copy} is {original})",
            of.folder(),
            with.folder()
        ));
    }
}
