//! `allconv operators`: what may stand in the downsampling slot.

use allconv_nets::{Architecture, Base, DownsampleConfig, NetworkSpec, Springenberg, walk};
use serde_json::{Value, json};

use crate::arguments::OperatorsCommand;
use crate::exit;
use crate::table::Table;

/// Runs the command.
pub(crate) fn run(command: &OperatorsCommand) -> anyhow::Result<u8> {
    let OperatorsCommand::List { format } = command;
    let columns = [
        ("name", "Name"),
        ("configuration", "Example"),
        ("parameters", "Parameters in model C"),
        ("macs", "MACs in model C"),
        ("receptive_field", "Receptive field in model C (px)"),
    ];
    let mut table = Table::new("allconv.operators/1", &columns);
    for operator in DownsampleConfig::examples() {
        let net = Architecture::Springenberg(Springenberg { base: Base::C, width: 1.0 });
        let spec = NetworkSpec { downsample: Some(operator.clone()), ..NetworkSpec::new(net) };
        let cost = walk(&spec, [3, 32, 32], 10).ok();
        let number = |value: Option<u64>| value.map_or(Value::Null, |value| json!(value));
        table.push(vec![
            json!(operator.name()),
            json!(inline(&operator)?),
            number(cost.as_ref().map(|walk| walk.parameters())),
            number(cost.as_ref().map(|walk| walk.macs())),
            number(cost.as_ref().map(|walk| walk.receptive_field() as u64)),
        ]);
    }
    print!("{}", table.render(*format));
    Ok(exit::OK)
}

/// The configuration as one line of a study file.
fn inline(operator: &DownsampleConfig) -> anyhow::Result<String> {
    Ok(toml::Value::try_from(operator)?.to_string())
}
