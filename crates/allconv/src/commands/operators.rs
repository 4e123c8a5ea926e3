//! `allconv operators`: what may stand in the downsampling slot.

use std::fmt::Write as _;
use std::path::Path;

use allconv_inspect::operator_picture;
use allconv_nets::downsample::Promises;
use allconv_nets::{Architecture, Base, DownsampleConfig, NetworkSpec, Springenberg, Walk, walk};
use anyhow::Context;
use serde_json::{Value, json};

use crate::arguments::OperatorsCommand;
use crate::exit;
use crate::table::{Format, Table};

/// Runs the command.
pub(crate) fn run(command: &OperatorsCommand) -> anyhow::Result<u8> {
    match command {
        OperatorsCommand::List { format } => print!("{}", list(*format)?),
        OperatorsCommand::Show { name: Some(name), markdown } => print!("{}", show(name, *markdown)?),
        OperatorsCommand::Show { name: None, markdown } => {
            for name in DownsampleConfig::NAMES {
                println!("{}", show(name, *markdown)?);
            }
        }
        OperatorsCommand::Pictures { folder } => pictures(folder)?,
    }
    Ok(exit::OK)
}

/// A picture for each operator's default that can stand behind nothing.
fn pictures(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for name in DownsampleConfig::NAMES {
        match operator_picture(&DownsampleConfig::named(name)?[0]) {
            Ok(picture) => {
                let path = folder.join(format!("{name}.png"));
                picture.save(&path).with_context(|| format!("cannot write {}", path.display()))?;
            }
            Err(reason) => eprintln!("no picture of {name}: {reason}"),
        }
    }
    Ok(())
}

/// One line for each operator, with the cost that its default gives model C.
fn list(format: Format) -> anyhow::Result<String> {
    let columns = [
        ("name", "Name"),
        ("statement", "What it does"),
        ("parameters", "Parameters in model C"),
        ("macs", "MACs in model C"),
        ("receptive_field", "Receptive field in model C (px)"),
    ];
    let mut table = Table::new("allconv.operators/2", &columns);
    for name in DownsampleConfig::NAMES {
        let default = &DownsampleConfig::named(name)?[0];
        let cost = in_model_c(default);
        let number = |value: Option<u64>| value.map_or(Value::Null, |value| json!(value));
        table.push(vec![
            json!(name),
            json!(default.card().statement),
            number(cost.as_ref().map(Walk::parameters)),
            number(cost.as_ref().map(Walk::macs)),
            number(cost.as_ref().map(|walk| walk.receptive_field() as u64)),
        ]);
    }
    Ok(table.render(format))
}

fn in_model_c(operator: &DownsampleConfig) -> Option<Walk> {
    let net = Architecture::Springenberg(Springenberg { base: Base::C, width: 1.0 });
    let spec = NetworkSpec { downsample: Some(operator.clone()), ..NetworkSpec::new(net) };
    walk(&spec, [3, 32, 32], 10).ok()
}

/// The card of an operator, with what each of its examples promises and costs.
fn show(name: &str, markdown: bool) -> anyhow::Result<String> {
    let examples = DownsampleConfig::named(name)?;
    let card = examples[0].card();
    let mut text = if markdown {
        format!("## {name}\n\n{}\n\n", card.statement)
    } else {
        format!("{name}\n{}\n\n", card.statement)
    };
    if markdown && operator_picture(&examples[0]).is_ok() {
        writeln!(text, "![{name} on a test image and on a zone plate](images/operators/{name}.png)\n")?;
    }
    let fields = [
        ("Formula", card.formula),
        ("Shape", card.shape),
        ("Boundary", card.boundary),
        ("Cost per output value", card.cost),
        ("Source", card.source),
        ("Note", card.note),
    ];
    for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        if markdown {
            writeln!(text, "- **{field}:** {}", value.replace('*', "\\*").replace('|', "\\|"))?;
        } else {
            writeln!(text, "{field:<22} {value}")?;
        }
    }
    text.push('\n');
    let columns = [
        ("configuration", "In a study file"),
        ("promises", "Promises, each measured by a test"),
        ("parameters", "Parameters in model C"),
        ("macs", "MACs in model C"),
    ];
    let mut table = Table::new("allconv.operator/1", &columns);
    for example in &examples {
        let cost = in_model_c(example);
        let number = |value: Option<u64>| value.map_or(json!("does not fit"), |value| json!(value));
        table.push(vec![
            json!(inline(example)?),
            json!(in_words(&example.promises())),
            number(cost.as_ref().map(Walk::parameters)),
            number(cost.as_ref().map(Walk::macs)),
        ]);
    }
    text.push_str(&table.render(if markdown { Format::Md } else { Format::Table }));
    Ok(text)
}

/// What holds for an operator, as a list of words.
fn in_words(promises: &Promises) -> String {
    let mut words = Vec::new();
    match promises.gain {
        Some(gain) => words.push(format!("gain {}", (gain * 1000.0).round() / 1000.0)),
        None => words.push("no fixed gain".to_owned()),
    }
    for (holds, word) in [
        (promises.linear, "linear"),
        (promises.channel_wise, "channel by channel"),
        (promises.differs_in_training, "draws in training"),
        (promises.shifts_by_one, "equivariant to every circular shift"),
        (
            promises.shifts_by_stride && !promises.shifts_by_one,
            "equivariant to circular shifts by the stride",
        ),
        (promises.slot_rule.is_none(), "a shape rule of its own"),
    ] {
        if holds {
            words.push(word.to_owned());
        }
    }
    words.join(", ")
}

/// The configuration as one line of a study file.
fn inline(operator: &DownsampleConfig) -> anyhow::Result<String> {
    Ok(toml::Value::try_from(operator)?.to_string())
}
