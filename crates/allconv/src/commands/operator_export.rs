//! `allconv operators export`: one operator for another program.

use std::path::Path;

use allconv_exchange::{AnyOperator, operator_module};
use allconv_nets::{DownsampleConfig, UpsampleConfig};
use allconv_record::write_atomically;
use anyhow::Context;

use super::train_request::written;
use crate::arguments::{OperatorExportArguments, OperatorFormat};
use crate::exit::UsageError;
use crate::output;

/// Runs the command.
pub(super) fn run(arguments: &OperatorExportArguments) -> anyhow::Result<()> {
    let operator = operator(&arguments.operator)?;
    let shape: [usize; 3] = arguments.shape.clone().try_into().map_err(|shape: Vec<usize>| {
        UsageError(format!("--shape has {} numbers; write channels,height,width, e.g. 16,32,32", shape.len()))
    })?;
    if shape.contains(&0) {
        return Err(UsageError(format!("--shape {shape:?}: every number must be at least 1")).into());
    }
    let OperatorFormat::Pytorch = arguments.to;
    let text = operator_module(&operator, shape)?;
    match &arguments.out {
        None => output::print(&text),
        Some(path) => write(path, &text),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_atomically(path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    output::print_line(format_args!("{}", path.display()))
}

/// Returns the operator that an argument names, with its settings.
fn operator(argument: &str) -> anyhow::Result<AnyOperator> {
    let mut table = toml::Table::new();
    written(&mut table, "operator", "OPERATOR", Some(&argument.to_owned()))?;
    let value = table.remove("operator").context("no operator was named")?;
    let name = match &value {
        toml::Value::String(name) => name.clone(),
        toml::Value::Table(table) if table.len() == 1 => table.keys().next().cloned().unwrap_or_default(),
        _ => {
            let reason =
                format!("OPERATOR {argument}: name one operator, e.g. `{{ blur_pool = {{ taps = 5 }} }}`");
            return Err(UsageError(reason).into());
        }
    };
    let is_up = UpsampleConfig::NAMES.contains(&name.as_str());
    if value.is_str() {
        return Ok(match is_up {
            true => AnyOperator::Up(UpsampleConfig::named(&name)?.remove(0)),
            false => AnyOperator::Down(
                DownsampleConfig::named(&name).map_err(|error| UsageError(error.to_string()))?.remove(0),
            ),
        });
    }
    let read = match is_up {
        true => value.try_into().map(AnyOperator::Up),
        false => value.try_into().map(AnyOperator::Down),
    };
    Ok(read.map_err(|error| UsageError(format!("OPERATOR {argument}: {}", error.message())))?)
}
