//! `allconv models`: the networks, their shapes and their cost.

use allconv_document::Table;
use allconv_nets::{models, walk};
use serde_json::json;

use crate::arguments::ModelsCommand;
use crate::exit::{self, UsageError};
use crate::output;
use crate::table::Format;

/// Runs the command.
pub(crate) fn run(command: &ModelsCommand) -> anyhow::Result<u8> {
    match command {
        ModelsCommand::List { format } => list(*format),
        ModelsCommand::Show { name, width, classes, format } => show(name, *width, *classes, *format),
    }
}

fn list(format: Format) -> anyhow::Result<u8> {
    let columns = [
        ("name", "Name"),
        ("input", "Input"),
        ("classes", "Classes"),
        ("parameters", "Parameters"),
        ("macs", "MACs per image"),
        ("activation_bytes", "Activation bytes per image"),
        ("receptive_field", "Receptive field (px)"),
    ];
    let mut table = Table::data("allconv.models/1", &columns);
    for model in &models::MODELS {
        let walk = walk(&model.spec(), model.input, model.classes)?;
        let [channels, height, width] = model.input;
        table.push(vec![
            json!(model.name),
            json!(format!("{channels}×{height}×{width}")),
            json!(model.classes),
            json!(walk.parameters()),
            json!(walk.macs()),
            json!(walk.activation_bytes()),
            json!(walk.receptive_field()),
        ]);
    }
    output::print(&format.write(&table))?;
    Ok(exit::OK)
}

fn show(name: &str, width: f64, classes: Option<usize>, format: Format) -> anyhow::Result<u8> {
    let usage = |error: allconv_nets::DescriptionError| UsageError(error.to_string());
    let model = models::find(name).map_err(usage)?;
    let spec = model.spec().with_width(width);
    let classes = classes.unwrap_or(model.classes);
    let walk = walk(&spec, model.input, classes).map_err(usage)?;
    let columns = [
        ("stage", "Stage"),
        ("channels", "Channels"),
        ("height", "Height"),
        ("width", "Width"),
        ("parameters", "Parameters"),
        ("macs", "MACs"),
        ("receptive_field", "Receptive field (px)"),
    ];
    let mut table = Table::data("allconv.stages/1", &columns);
    for stage in &walk.stages {
        let [channels, height, width] = stage.output;
        table.push(vec![
            json!(stage.label()),
            json!(channels),
            json!(height),
            json!(width),
            json!(stage.parameters),
            json!(stage.macs),
            json!(stage.receptive_field),
        ]);
    }
    if format == Format::Json {
        let stages: serde_json::Value = serde_json::from_str(&Format::Json.write(&table))?;
        let [channels, height, width] = model.input;
        let description = json!({
            "schema": "allconv.model/1",
            "name": name,
            "input": [channels, height, width],
            "classes": classes,
            "parameters": walk.parameters(),
            "macs": walk.macs(),
            "activation_bytes": walk.activation_bytes(),
            "receptive_field": walk.receptive_field(),
            "stages": stages["rows"],
        });
        output::print_line(format_args!("{description:#}"))?;
    } else {
        output::print(&format.write(&table))?;
        if format == Format::Table {
            output::print_line(format_args!(
                "{name}: {} parameters, {} MACs, {} bytes of activations, receptive field {} px",
                walk.parameters(),
                walk.macs(),
                walk.activation_bytes(),
                walk.receptive_field()
            ))?;
        }
    }
    Ok(exit::OK)
}
