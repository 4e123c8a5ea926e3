//! The page of one operator: its description, and the properties and costs of each of its examples.

use allconv_document::{Block, Table};
use allconv_inspect::operator_picture;
use allconv_nets::Walk;
use allconv_operators::{
    Description, DownsampleConfig, Enlargement, SizeRule, UpsampleConfig, downsample, upsample,
};
use serde::Serialize;
use serde_json::json;

use super::operators::in_model_c;

/// Channels, height and width of the output for which the cost of an upsampling operator is counted: the first slot of model C.
const UPSAMPLED: [usize; 3] = [96, 32, 32];

/// The page of a downsampling operator.
pub(super) fn downsampler_page(name: &str, examples: &[DownsampleConfig]) -> anyhow::Result<Vec<Block>> {
    let has_picture = operator_picture(&examples[0]).is_ok();
    let picture = has_picture.then_some("on a test image and on a zone plate");
    let mut blocks = page(name, &examples[0].description(), &[], picture);
    let columns = [
        ("configuration", "In a study file"),
        ("promises", "Properties, each measured by a test"),
        ("parameters", "Parameters in model C"),
        ("macs", "MACs in model C"),
    ];
    let mut table = Table::data("allconv.operator/1", &columns);
    for example in examples {
        let cost = in_model_c(example);
        let number = |value: Option<u64>| value.map_or(json!("does not fit"), |value| json!(value));
        table.push(vec![
            json!(inline(example)?),
            json!(downsampling_properties(&example.properties())),
            number(cost.as_ref().map(Walk::parameters)),
            number(cost.as_ref().map(Walk::macs)),
        ]);
    }
    blocks.push(Block::Table(table));
    Ok(blocks)
}

/// The page of an upsampling operator.
pub(super) fn upsampler_page(name: &str, examples: &[UpsampleConfig]) -> anyhow::Result<Vec<Block>> {
    let default = &examples[0];
    let partner = default.partner().name();
    let others = default.partner_names();
    let undoes = match others.len() == DownsampleConfig::NAMES.len() {
        true => format!("{partner}; any other"),
        false => {
            let others: Vec<_> = others.into_iter().filter(|other| *other != partner).collect();
            if others.is_empty() {
                partner.to_owned()
            } else {
                format!("{partner}; also {}", others.join(", "))
            }
        }
    };
    let caption = format!("behind {partner}, on a test image and on a zone plate");
    let mut blocks = page(name, &default.description(), &[("Undoes", &undoes)], Some(&caption));
    let columns = [
        ("configuration", "In a study file"),
        ("promises", "Properties, each measured by a test"),
        ("parameters", "Parameters for 96×32×32"),
        ("macs", "MACs for 96×32×32"),
    ];
    let mut table = Table::data("allconv.operator/1", &columns);
    for example in examples {
        let switches = example.partner().switches();
        let [channels, rows, columns] = UPSAMPLED;
        let factor = match example.size_rule() {
            SizeRule::Factor(factor) => factor,
            SizeRule::NotSmaller | SizeRule::Switches => 2,
        };
        let entering = example.channels_in(channels, switches).unwrap_or(channels);
        let input = [entering, rows.div_ceil(factor), columns.div_ceil(factor)];
        let enlargement = Enlargement { input, output: UPSAMPLED, switches };
        table.push(vec![
            json!(inline(example)?),
            json!(upsampling_properties(&example.properties())),
            json!(example.parameter_count(&enlargement)),
            json!(example.macs(&enlargement)),
        ]);
    }
    blocks.push(Block::Table(table));
    Ok(blocks)
}

/// Returns heading, image and fields; `more` are fields that are not in the description.
fn page(name: &str, description: &Description, more: &[(&str, &str)], picture: Option<&str>) -> Vec<Block> {
    let fields = [
        ("Formula", description.formula),
        ("Shape", description.shape),
        ("Boundary", description.boundary),
        ("Cost per output value", description.cost),
        ("Source", description.source),
        ("Note", description.note),
    ];
    let fields = fields.iter().chain(more).filter(|(_, value)| !value.is_empty());
    let picture = picture.map(|caption| Block::Image {
        target: format!("images/operators/{name}.png"),
        description: format!("{name} {caption}"),
    });
    let mut blocks = vec![Block::heading(2, name), Block::paragraph(description.statement)];
    blocks.extend(picture);
    blocks.push(Block::Facts(fields.map(|(field, value)| ((*field).to_owned(), (*value).into())).collect()));
    blocks
}

fn downsampling_properties(properties: &downsample::Properties) -> String {
    property_list(
        properties.gain,
        &[
            (properties.linear, "linear"),
            (properties.channel_wise, "channel by channel"),
            (properties.differs_in_training, "draws in training"),
            (properties.shifts_by_one, "equivariant to every circular shift"),
            (
                properties.shifts_by_stride && !properties.shifts_by_one,
                "equivariant to circular shifts by the stride",
            ),
            (properties.slot_rule.is_none(), "a shape rule of its own"),
        ],
    )
}

fn upsampling_properties(properties: &upsample::Properties) -> String {
    property_list(
        properties.gain,
        &[
            (properties.linear, "linear"),
            (properties.channel_wise, "channel by channel"),
            (properties.shifts_with_the_input, "equivariant to circular shifts of the input"),
        ],
    )
}

/// Returns the properties of an operator as a list, its gain first.
fn property_list(gain: Option<f64>, holds: &[(bool, &'static str)]) -> String {
    let gain = gain.map_or_else(
        || "no fixed gain".to_owned(),
        |gain| format!("gain {}", (gain * 1000.0).round() / 1000.0),
    );
    let names = holds.iter().filter(|(holds, _)| *holds).map(|(_, name)| (*name).to_owned());
    std::iter::once(gain).chain(names).collect::<Vec<_>>().join(", ")
}

/// Returns the configuration as one line of a study file.
fn inline(operator: &impl Serialize) -> anyhow::Result<String> {
    Ok(toml::Value::try_from(operator)?.to_string())
}
