//! `allconv data`: which data sets there are, and bringing them in.

use std::path::Path;

use crate::output;
use allconv_data::import::layout::SplitName;
use allconv_data::{
    DataDirectory, HashCheck, PictureKind, PictureLayout, fetch, import, import_pictures, list, parse_labels,
    verify,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::arguments::{DataArguments, DataCommand, LayoutArgument};
use crate::exit::{self, UsageError};
use crate::table::{Format, Table};

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
            let verb = if report.already_present { "was here before" } else { "fetched and checked" };
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
    say_ignored("no images of a split", report.ignored, &report.ignored_examples);
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
        classes => format!("pictures with label maps of {}", classes.join(", ")),
    };
    let [train, validation, test] =
        [SplitName::Train, SplitName::Validation, SplitName::Test].map(|split| header.count(split));
    let divided = match (validation, test) {
        (0, 0) => "in one pool".to_owned(),
        _ => format!("{train} training, {validation} validation, {test} test"),
    };
    output::print_line(format_args!(
        "{name} {}: {} {kind}, {divided}, packed in {}",
        import_verb(report.already_present),
        header.pictures.len(),
        report.pack.display()
    ))?;
    say_ignored("not read", report.ignored, &report.ignored_examples);
    Ok(())
}

fn import_verb(already_present: bool) -> &'static str {
    if already_present { "was here before" } else { "imported" }
}

fn say_ignored(what: &str, number: usize, examples: &[String]) {
    if number > 0 {
        output::note(format_args!("{number} files are {what}: {}", examples.join(", ")));
    }
}

fn directory(arguments: &DataArguments) -> DataDirectory {
    DataDirectory::new(&arguments.data_dir)
}

fn list_datasets(directory: &DataDirectory, format: Format) -> anyhow::Result<()> {
    let columns = [("name", "Name"), ("present", "Here"), ("description", "What it is")];
    let mut table = Table::new("allconv.datasets/1", &columns);
    for dataset in list(directory)? {
        table.push(vec![json!(dataset.name), json!(dataset.present), json!(dataset.description)]);
    }
    output::print(&table.render(format))?;
    Ok(())
}
