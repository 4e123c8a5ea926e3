//! `allconv operators list`: the operators in a table, all or those of a kind.

use allconv_document::Table;
use allconv_nets::{DownsampleConfig, UpsampleConfig, Walk, slot_parameters};
use allconv_operators::{Description, Direction, Enlargement, Kind, OPERATORS};
use serde_json::{Value, json};

use super::operators::in_model_c;
use crate::arguments::KindArgument;
use crate::exit::UsageError;
use crate::table::Format;

/// Columns that people see, as many as eighty characters hold; programs get all.
const SHOWN: [&str; 4] = ["name", "way", "kind", "statement"];

/// Channels, rows and columns of the map on which parameters are counted.
const MAP: [usize; 3] = [16, 16, 16];

/// The operators that are listed.
pub(super) struct Chosen<'a> {
    /// Those with this word in name or description.
    pub(super) search: Option<&'a str>,
    /// Those of this kind.
    pub(super) kind: Option<KindArgument>,
    /// Those with learned parameters only.
    pub(super) learned: bool,
}

impl From<KindArgument> for Kind {
    fn from(kind: KindArgument) -> Kind {
        match kind {
            KindArgument::Pooling => Kind::Pooling,
            KindArgument::Convolution => Kind::Convolution,
            KindArgument::Rearrangement => Kind::Rearrangement,
            KindArgument::Filter => Kind::Filter,
            KindArgument::Selection => Kind::Selection,
        }
    }
}

impl Chosen<'_> {
    fn has(&self, description: &Description, learned: bool) -> bool {
        let text = format!("{} {}", description.name, description.statement).to_lowercase();
        self.search.is_none_or(|word| text.contains(&word.to_lowercase()))
            && self.kind.is_none_or(|kind| description.kind == Kind::from(kind))
            && (learned || !self.learned)
    }
}

/// One line for each operator: downsampling operators with the cost that their default gives model C, upsampling operators with
/// the operator that they undo.
pub(super) fn list(chosen: &Chosen<'_>, format: Format) -> anyhow::Result<String> {
    let columns = [
        ("name", "Name"),
        ("way", "Direction"),
        ("statement", "What it does"),
        ("parameters", "Parameters in model C"),
        ("macs", "MACs in model C"),
        ("receptive_field", "Receptive field in model C (px)"),
        ("partner", "Usual partner"),
        ("kind", "Kind"),
        ("learned", "Learned"),
    ];
    let mut table = Table::data("allconv.operators/3", &columns);
    for (direction, description) in OPERATORS {
        let (learned, [parameters, macs, field, partner]) = match direction {
            Direction::Down => down(description.name)?,
            Direction::Up => up(description.name)?,
        };
        if !chosen.has(description, learned) {
            continue;
        }
        table.push(vec![
            json!(description.name),
            json!(if *direction == Direction::Down { "down" } else { "up" }),
            json!(description.statement),
            parameters,
            macs,
            field,
            partner,
            json!(description.kind.name()),
            json!(if learned { "yes" } else { "no" }),
        ]);
    }
    if table.rows.is_empty() {
        let words = "no operator is like that; `allconv operators list` has them all";
        return Err(UsageError(words.to_owned()).into());
    }
    Ok(if format == Format::Table { format.write(&table.select(&SHOWN)) } else { format.write(&table) })
}

/// Returns whether a downsampling operator has parameters, and the columns about it.
fn down(name: &str) -> anyhow::Result<(bool, [Value; 4])> {
    let default = &DownsampleConfig::named(name)?[0];
    let cost = in_model_c(default);
    // One that needs a stage before it has no parameters of its own.
    let learned = slot_parameters(default, MAP).is_ok_and(|count| count > 0);
    let columns = [
        json!(cost.as_ref().map(Walk::parameters)),
        json!(cost.as_ref().map(Walk::macs)),
        json!(cost.as_ref().map(Walk::receptive_field)),
        Value::Null,
    ];
    Ok((learned, columns))
}

/// Returns whether an upsampling operator has parameters, and the columns about it.
fn up(name: &str) -> anyhow::Result<(bool, [Value; 4])> {
    let default = &UpsampleConfig::named(name)?[0];
    let partner = default.partner();
    let switches = partner.switches();
    let [channels, height, width] = MAP;
    let entering = default.channels_in(channels, switches).unwrap_or(channels);
    let enlargement = Enlargement { input: [entering, height / 2, width / 2], output: MAP, switches };
    let has_parameters = default.parameter_count(&enlargement) > 0;
    Ok((has_parameters, [Value::Null, Value::Null, Value::Null, json!(partner.name())]))
}
