//! `allconv data`: the list of data sets, and their import, download and verification.

use allconv_data::{DataDirectory, HashCheck, fetch, list, verify};
use allconv_document::Table;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::data_augment::{self, Shown};
use super::{data_import, data_pack};
use crate::arguments::{DataArguments, DataCommand};
use crate::table::Format;
use crate::{exit, output};

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
        DataCommand::Import(arguments) => data_import::import(arguments)?,
        DataCommand::Pack(arguments) => data_pack::pack(arguments)?,
        DataCommand::Augment { name, picture, augment, view, images, epochs, data } => {
            let shown = Shown { images: *images, epochs: *epochs, view: *view };
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

pub(super) fn directory(arguments: &DataArguments) -> DataDirectory {
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
