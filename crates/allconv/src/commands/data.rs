//! `allconv data`: the list of data sets, and their import, download and verification.

use std::path::Path;

use crate::output;
use allconv_data::import::layout::SplitName;
use allconv_data::{
    DataDirectory, HashCheck, LeftOut, PictureKind, PictureLayout, SharedImages, fetch, import,
    import_pictures, list, parse_labels, verify,
};
use allconv_document::Table;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::data_augment::{self, Shown};
use crate::arguments::{DataArguments, DataCommand, LayoutArgument};
use crate::exit::{self, UsageError};
use crate::table::Format;

/// Runs the command.
pub(crate) fn run(command: &DataCommand) -> anyhow::Result<u8> {
    match command {
        DataCommand::List { data, format } => list_datasets(&directory(data), *format)?,
        DataCommand::Verify { name, data } => {
            let report = verify(name, &directory(data))?;
            let hashes = match report.hashes {
                HashCheck::Recorded => "hashes as recorded",
                HashCheck::NotRecorded => "no hashes were recorded for these files",
                HashCheck::Drawn => "drawn, nothing is stored",
            };
            output::print_line(format_args!(
                "{name}: {} training, {} validation and {} test images in {} classes, content {}; {}",
                report.train,
                report.validation.unwrap_or(0),
                report.test,
                report.classes.len(),
                report.content_hash,
                hashes
            ))?;
        }
        DataCommand::Import { source, name, layout, select, labels, data } => match layout {
            LayoutArgument::Classes if select.is_some() || labels.is_some() => {
                let message = "--select and --labels belong to --layout photographs or segmentation";
                return Err(UsageError(message.to_owned()).into());
            }
            LayoutArgument::Classes => import_classes(source, name, &directory(data))?,
            LayoutArgument::Photographs if labels.is_some() => {
                return Err(UsageError("--labels belongs to --layout segmentation".to_owned()).into());
            }
            LayoutArgument::Photographs => {
                let layout = PictureLayout { select: select.clone(), kind: PictureKind::Photographs };
                import_of_pictures(source, name, &layout, &directory(data))?;
            }
            LayoutArgument::Segmentation => {
                let labels = labels.as_deref().map(parse_labels).transpose()?.unwrap_or_default();
                let layout =
                    PictureLayout { select: select.clone(), kind: PictureKind::Segmentation { labels } };
                import_of_pictures(source, name, &layout, &directory(data))?;
            }
        },
        DataCommand::Augment { name, picture, augment, images, epochs, data } => {
            let shown = Shown { images: *images, epochs: *epochs };
            data_augment::augment(name, augment, &shown, &directory(data), picture)?;
        }
        DataCommand::Fetch { name, data } => {
            let bar = ProgressBar::new(1);
            bar.set_style(
                ProgressStyle::with_template("{bytes} of {total_bytes}  {bytes_per_sec}  {eta} left")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            let report = fetch(name, &directory(data), &mut |progress| {
                bar.set_length(progress.total.unwrap_or(progress.bytes));
                bar.set_position(progress.bytes);
            })?;
            bar.finish_and_clear();
            let verb = if report.already_present { "was already present" } else { "fetched and checked" };
            output::print_line(format_args!("{name} {verb}: {}", report.folder.display()))?;
        }
    }
    Ok(exit::OK)
}

fn import_classes(source: &Path, name: &str, directory: &DataDirectory) -> anyhow::Result<()> {
    let report = import(source, name, directory)?;
    let header = &report.header;
    output::print_line(format_args!(
        "{name} {}: {} training, {} validation and {} test images of {}×{} in {} classes, packed in {}",
        import_verb(report.already_present),
        header.train,
        header.validation.unwrap_or(0),
        header.test,
        header.width,
        header.height,
        header.classes.len(),
        report.pack.display()
    ))?;
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

fn directory(arguments: &DataArguments) -> DataDirectory {
    DataDirectory::new(&arguments.data_dir)
}

fn list_datasets(directory: &DataDirectory, format: Format) -> anyhow::Result<()> {
    let columns = [("name", "Name"), ("present", "Present"), ("description", "Description")];
    let mut table = Table::data("allconv.datasets/1", &columns);
    for dataset in list(directory)? {
        table.push(vec![json!(dataset.name), json!(dataset.present), json!(dataset.description)]);
    }
    output::print(&format.write(&table))?;
    Ok(())
}
