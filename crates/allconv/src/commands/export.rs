//! `allconv export`: trained networks for other machines and other programs.

use allconv_exchange::{Export, FORMATS, Pixels};
use allconv_inspect::ModelFolder;
use anyhow::Context;

use crate::arguments::ExportArguments;
use crate::commands::eval::{load, store};
use crate::exit::{self, UsageError};
use crate::output;
use crate::seeds::add_seeds;

/// Runs the command.
pub(crate) fn run(arguments: &ExportArguments) -> anyhow::Result<u8> {
    let trained = load(&arguments.trained, &store(&arguments.trained))?;
    let format = FORMATS
        .into_iter()
        .find(|format| format.name() == arguments.to)
        .with_context(|| format!("there is no format {}", arguments.to))?;
    let pixels = match arguments.with_preprocessing {
        true if !format.takes_pixels() => {
            let able: Vec<&str> =
                FORMATS.iter().filter(|format| format.takes_pixels()).map(|format| format.name()).collect();
            let reason = format!(
                "--to {} cannot hold the preprocessing; --with-preprocessing goes with --to {}",
                arguments.to,
                able.join(" or ")
            );
            return Err(UsageError(reason).into());
        }
        true => Pixels::Levels,
        false => Pixels::Prepared,
    };
    let source = &arguments.trained.run;
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None if ModelFolder::is_at(source) => {
            let reason =
                format!("name the file or folder to write with --out; {} is not a run", source.display());
            return Err(UsageError(reason).into());
        }
        None => source.join("export").join(format.default_name()),
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut provenance = trained.provenance()?;
    if !ModelFolder::is_at(source) {
        add_seeds(&mut provenance, source)?;
    }
    format.write(&Export { trained: &trained, provenance: &provenance, pixels }, &file)?;
    output::print_line(format_args!("{}", file.display()))?;
    Ok(exit::OK)
}
