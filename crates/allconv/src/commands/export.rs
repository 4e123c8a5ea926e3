//! `allconv export`: weights for other programs.

use anyhow::Context;

use crate::arguments::{ExportArguments, ExportFormat};
use crate::commands::eval::{load, store};
use crate::exit;
use crate::output;

/// Runs the command.
pub(crate) fn run(arguments: &ExportArguments) -> anyhow::Result<u8> {
    let trained = load(&arguments.trained, &store(&arguments.trained))?;
    let ExportFormat::Safetensors = arguments.to;
    let default = || arguments.trained.run.join("export").join("model.safetensors");
    let file = arguments.file.clone().unwrap_or_else(default);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    trained.export_safetensors(&file)?;
    output::print_line(format_args!("{}", file.display()))?;
    Ok(exit::OK)
}
