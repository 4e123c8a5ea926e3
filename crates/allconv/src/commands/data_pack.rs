//! `allconv data pack`: a data set, a folder or an archive as tar shards.

use allconv_data::{list, pack_dataset, pack_files};

use super::data::directory;
use super::data_import::file_options;
use crate::arguments::{FileArguments, PackArguments};
use crate::exit::UsageError;
use crate::output;

/// Runs the command.
pub(super) fn pack(arguments: &PackArguments) -> anyhow::Result<()> {
    let PackArguments { source, out, shuffle, files, data } = arguments;
    let directory = directory(data);
    let known = list(&directory)?.into_iter().map(|set| set.name);
    let name =
        source.to_str().filter(|source| known.into_iter().any(|name| name == *source) || !exists(source));
    let header = match name {
        Some(name) => {
            let FileArguments { select, background, table, test_share, .. } = files;
            for (given, option) in [
                (select.is_some(), "--select"),
                (background.is_some(), "--background"),
                (table.is_some(), "--table"),
                (test_share.is_some(), "--test-share"),
            ] {
                if given {
                    let message =
                        format!("{option} is for folders and archives, and {name} names a data set");
                    return Err(UsageError(message).into());
                }
            }
            pack_dataset(name, &directory, out, *shuffle)?
        }
        None if shuffle.is_some() => {
            let source = source.display();
            let message =
                format!("--shuffle is for data sets: import {source} first, then pack the set by its name");
            return Err(UsageError(message).into());
        }
        None => pack_files(source, out, &file_options(files)?)?,
    };
    output::print_line(format_args!(
        "{} training, {} validation and {} test images in {} classes packed into {} shards in {}, content {}",
        header.train,
        header.validation,
        header.test,
        header.classes.len(),
        header.shards.len(),
        out.display(),
        header.content_hash
    ))?;
    Ok(())
}

fn exists(source: &str) -> bool {
    std::path::Path::new(source).exists()
}
