//! `allconv data import`: the import of images, of photographs, and of images with label maps.

use std::path::{Path, PathBuf};

use allconv_data::import::layout::SplitName;
use allconv_data::{
    Background, DataDirectory, ImageNetFiles, ImportOptions, ImportReport, LeftOut, PictureKind,
    PictureLayout, ShardOptions, SharedImages, Storage, TestShare, find_shards, import_pictures,
    import_shards, parse_labels,
};

use super::data::directory;
use crate::arguments::{FileArguments, ImportArguments, LayoutArgument};
use crate::exit::UsageError;
use crate::output;

/// Runs the command.
pub(super) fn import(arguments: &ImportArguments) -> anyhow::Result<()> {
    check(arguments)?;
    let kind = match arguments.layout {
        LayoutArgument::Classes => {
            // The word `imagenet` is no path, even where a folder has this name.
            let shards = if arguments.train.is_some() { None } else { find_shards(&arguments.source)? };
            return match shards {
                Some(shards) => import_of_shards(arguments, &shards),
                None => import_classes(arguments),
            };
        }
        LayoutArgument::Shards => {
            let shards = find_shards(&arguments.source)?;
            return import_of_shards(arguments, &shards.unwrap_or_else(|| vec![arguments.source.clone()]));
        }
        LayoutArgument::Photographs => PictureKind::Photographs,
        LayoutArgument::Segmentation => PictureKind::Segmentation {
            labels: arguments.labels.as_deref().map(parse_labels).transpose()?.unwrap_or_default(),
            ignore: arguments.ignore,
        },
    };
    let background = arguments.files.background.as_deref().map(Background::parse).transpose()?;
    let layout = PictureLayout { select: arguments.files.select.clone(), background, kind };
    import_of_pictures(&arguments.source, &arguments.name, &layout, &directory(&arguments.data))
}

/// Refuses options that the layout does not have.
fn check(arguments: &ImportArguments) -> Result<(), UsageError> {
    use LayoutArgument::{Classes, Segmentation, Shards};
    let ImportArguments { files, layout, labels, ignore, keep_encoded, label_field, .. } = arguments;
    let rules: [(bool, &[LayoutArgument], &str); 6] = [
        (files.table.is_some(), &[Classes], "--table belongs to --layout classes"),
        (
            files.test_share.is_some(),
            &[Classes, Shards],
            "--test-share belongs to --layout classes and shards",
        ),
        (*keep_encoded, &[Classes], "--keep-encoded belongs to --layout classes"),
        (label_field.is_some(), &[Classes, Shards], "--label-field belongs to --layout shards"),
        (labels.is_some(), &[Segmentation], "--labels belongs to --layout segmentation"),
        (ignore.is_some(), &[Segmentation], "--ignore belongs to --layout segmentation"),
    ];
    for (given, layouts, message) in rules {
        if given && !layouts.contains(layout) {
            return Err(UsageError(message.to_owned()));
        }
    }
    Ok(())
}

/// How the files of a folder or an archive are read.
pub(super) fn file_options(files: &FileArguments) -> anyhow::Result<ImportOptions> {
    Ok(ImportOptions {
        select: files.select.clone(),
        background: files.background.as_deref().map(Background::parse).transpose()?,
        table: files.table.clone(),
        test_share: test_share(files),
        ..ImportOptions::default()
    })
}

fn test_share(files: &FileArguments) -> Option<TestShare> {
    files.test_share.map(|share| TestShare { share, seed: files.split_seed })
}

fn import_of_shards(arguments: &ImportArguments, shards: &[PathBuf]) -> anyhow::Result<()> {
    let FileArguments { select, background, table, .. } = &arguments.files;
    for (given, option) in [
        (select.is_some(), "--select"),
        (background.is_some(), "--background"),
        (table.is_some(), "--table"),
        (arguments.keep_encoded, "--keep-encoded"),
    ] {
        if given {
            let message = format!(
                "{option} is for folders and archives of images, and {} names tar shards, which stay as they are",
                arguments.source.display()
            );
            return Err(UsageError(message).into());
        }
    }
    let options = ShardOptions {
        label_field: arguments.label_field.clone(),
        test_share: test_share(&arguments.files),
        ..ShardOptions::default()
    };
    let report = import_shards(shards, &arguments.name, &directory(&arguments.data), &options)?;
    let stay = format!("read where they lie, in {} shards", shards.len());
    say_classes(&report, &stay)
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

fn import_classes(arguments: &ImportArguments) -> anyhow::Result<()> {
    if arguments.label_field.is_some() {
        let source = arguments.source.display();
        return Err(
            UsageError(format!("--label-field belongs to tar shards, and {source} names none")).into()
        );
    }
    let mut options = file_options(&arguments.files)?;
    if arguments.keep_encoded {
        options.storage = Storage::Encoded;
    }
    let (name, directory) = (&arguments.name, directory(&arguments.data));
    let report = match imagenet(arguments)? {
        Some(files) => allconv_data::import_imagenet(&files, name, &directory, &options)?,
        None => allconv_data::import(&arguments.source, name, &directory, &options)?,
    };
    let kept = match report.storage {
        Storage::BySize => "packed",
        Storage::Encoded => "kept as they are",
    };
    say_classes(&report, kept)
}

/// Prints what was imported of images with classes.
fn say_classes(report: &ImportReport, kept: &str) -> anyhow::Result<()> {
    let [train, validation, test] = report.counts;
    let sizes = match report.size {
        Some([height, width]) => format!("{width}×{height}"),
        None => "different sizes".to_owned(),
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
    if header.classes.len() > 2 && header.classes.iter().any(|class| class == "value_255") {
        output::note(format_args!(
            "255 is a class; where it marks pixels of none, as in Pascal VOC, import the set with --ignore 255"
        ));
    }
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
    if !left_out.unread.is_empty() {
        let unread = left_out.unread_text();
        output::note(format_args!("warning: {unread} of them are images in formats that are not read"));
    }
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
