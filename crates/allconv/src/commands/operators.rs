//! `allconv operators`: the downsampling and upsampling operators.

use std::path::Path;

use crate::output;
use allconv_document::{Block, Table, markdown, terminal};
use allconv_inspect::{operator_picture, pair_energies, upsampler_picture};
use allconv_nets::{
    Architecture, Base, DownsampleConfig, NetworkSpec, Springenberg, UpsampleConfig, Walk, walk,
};
use anyhow::Context;
use serde_json::json;

use super::operator_export;
use super::operator_list::{Chosen, list};
use super::operator_page::{downsampler_page, upsampler_page};
use crate::arguments::OperatorsCommand;
use crate::exit;
use crate::table::Format;

/// Runs the command.
pub(crate) fn run(command: &OperatorsCommand) -> anyhow::Result<u8> {
    match command {
        OperatorsCommand::List { search, kind, learned, format } => {
            let chosen = Chosen { search: search.as_deref(), kind: *kind, learned: *learned };
            output::print(&list(&chosen, *format)?)?;
        }
        OperatorsCommand::Show { name, markdown } => {
            let all = DownsampleConfig::NAMES.iter().chain(UpsampleConfig::NAMES).copied();
            let names: Vec<&str> = name.as_deref().map_or_else(|| all.collect(), |name| vec![name]);
            let pages = names.into_iter().map(page).collect::<anyhow::Result<Vec<_>>>()?.concat();
            let text =
                if *markdown { markdown::blocks(&pages) } else { terminal::blocks(&pages, output::width()) };
            output::print(&text)?;
        }
        OperatorsCommand::Export(arguments) => operator_export::run(arguments)?,
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
