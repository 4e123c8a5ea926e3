//! `allconv operators`: the downsampling and upsampling operators.

use std::path::Path;

use crate::output;
use allconv_document::{Block, Table, markdown, terminal};
use allconv_inspect::{operator_picture, pair_energies, upsampler_picture};
use allconv_nets::{
    Architecture, Base, DownsampleConfig, NetworkSpec, Springenberg, UpsampleConfig, Walk, walk,
};
use anyhow::Context;
use serde_json::{Value, json};

use super::operator_page::{downsampler_page, upsampler_page};
use crate::arguments::OperatorsCommand;
use crate::exit;
use crate::table::Format;

/// Runs the command.
pub(crate) fn run(command: &OperatorsCommand) -> anyhow::Result<u8> {
    match command {
        OperatorsCommand::List { format } => output::print(&list(*format)?)?,
        OperatorsCommand::Show { name, markdown } => {
            let all = DownsampleConfig::NAMES.iter().chain(UpsampleConfig::NAMES).copied();
            let names: Vec<&str> = name.as_deref().map_or_else(|| all.collect(), |name| vec![name]);
            let pages = names.into_iter().map(page).collect::<anyhow::Result<Vec<_>>>()?.concat();
            let write = if *markdown { markdown::blocks } else { terminal::blocks };
            output::print(&write(&pages))?;
        }
        OperatorsCommand::Pairs { all, format } => output::print(&pairs(*all, *format)?)?,
        OperatorsCommand::Pictures { folder } => pictures(folder)?,
    }
    Ok(exit::OK)
}

/// Writes an image for each downsampling operator that needs no stage before it, and for each upsampling operator after its partner.
fn pictures(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let down =
        DownsampleConfig::NAMES.iter().map(|name| operator_picture(&DownsampleConfig::named(name)?[0]));
    let up = UpsampleConfig::NAMES.iter().map(|name| upsampler_picture(&UpsampleConfig::named(name)?[0]));
    let names = DownsampleConfig::NAMES.iter().chain(UpsampleConfig::NAMES);
    for (name, picture) in names.zip(down.chain(up)) {
        match picture {
            Ok(picture) => {
                let path = folder.join(format!("{name}.png"));
                picture.save(&path).with_context(|| format!("cannot write {}", path.display()))?;
            }
            Err(reason) => output::note(format_args!("no image of {name}: {reason}")),
        }
    }
    Ok(())
}

/// Downsampling operators that are listed in addition to an upsampling operator's usual partner.
const COMMON: [&str; 6] =
    ["max_pool", "average_pool", "strided_conv", "blur_pool", "decimation", "pixel_unshuffle"];

/// One line for each pair of defaults: of every upsampling operator with its usual partner and the common downsampling operators, or with all.
fn pairs(all: bool, format: Format) -> anyhow::Result<String> {
    let columns = [
        ("up", "Up"),
        ("down", "Down"),
        ("reconstruction_error", "Reconstruction error"),
        ("aliasing_below", "Aliasing energy below the limit"),
        ("aliasing_above", "above"),
        ("checkerboard", "Checkerboard energy"),
        ("learned", "Weights"),
    ];
    let mut table = Table::data("allconv.pairs/1", &columns);
    // Three digits; rounding errors are written as 0.
    let digits = |value: f64| json!(if value < 1e-12 { "0".to_owned() } else { format!("{value:.3}") });
    for up in UpsampleConfig::NAMES {
        let up = &UpsampleConfig::named(up)?[0];
        let usual = up.partner();
        let others = DownsampleConfig::NAMES.iter().filter(|name| all || COMMON.contains(name));
        let mut partners = vec![usual.clone()];
        for name in others.filter(|name| **name != usual.name()) {
            partners.push(DownsampleConfig::named(name)?.remove(0));
        }
        for down in partners {
            // An impossible pair has no line.
            let Ok(found) = pair_energies(up, &down) else { continue };
            table.push(vec![
                json!(up.name()),
                json!(down.name()),
                digits(found.reconstruction_error),
                digits(found.aliasing_below),
                digits(found.aliasing_above),
                digits(found.checkerboard),
                json!(if found.learned { "as they start" } else { "none" }),
            ]);
        }
    }
    Ok(format.write(&table))
}

/// One line for each operator: downsampling operators with the cost that their default gives model C, upsampling operators with
/// the operator that they undo.
fn list(format: Format) -> anyhow::Result<String> {
    let columns = [
        ("name", "Name"),
        ("way", "Direction"),
        ("statement", "What it does"),
        ("parameters", "Parameters in model C"),
        ("macs", "MACs in model C"),
        ("receptive_field", "Receptive field in model C (px)"),
        ("partner", "Usual partner"),
    ];
    let mut table = Table::data("allconv.operators/3", &columns);
    for name in DownsampleConfig::NAMES {
        let default = &DownsampleConfig::named(name)?[0];
        let cost = in_model_c(default);
        let number = |value: Option<u64>| value.map_or(Value::Null, |value| json!(value));
        table.push(vec![
            json!(name),
            json!("down"),
            json!(default.description().statement),
            number(cost.as_ref().map(Walk::parameters)),
            number(cost.as_ref().map(Walk::macs)),
            number(cost.as_ref().map(|walk| walk.receptive_field() as u64)),
            Value::Null,
        ]);
    }
    for name in UpsampleConfig::NAMES {
        let default = &UpsampleConfig::named(name)?[0];
        let (statement, partner) = (default.description().statement, default.partner().name());
        let none = Value::Null;
        table.push(vec![
            json!(name),
            json!("up"),
            json!(statement),
            none.clone(),
            none.clone(),
            none,
            json!(partner),
        ]);
    }
    Ok(format.write(&table))
}

/// Model C of the paper with an operator in its slot; `None` where it does not fit.
pub(super) fn in_model_c(operator: &DownsampleConfig) -> Option<Walk> {
    let net = Architecture::Springenberg(Springenberg::plain(Base::C, 1.0));
    let spec = NetworkSpec { downsample: Some(operator.clone()), ..NetworkSpec::new(net) };
    walk(&spec, [3, 32, 32], 10).ok()
}

/// Returns the page of the operator called `name`, downsampling or upsampling.
fn page(name: &str) -> anyhow::Result<Vec<Block>> {
    match UpsampleConfig::named(name) {
        Ok(examples) => upsampler_page(name, &examples),
        Err(_) => downsampler_page(name, &DownsampleConfig::named(name)?),
    }
}
