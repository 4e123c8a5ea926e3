//! `allconv presets`: the training recipes and their settings.

use allconv_document::Table;
use allconv_train::{Length, PRESETS, Preset, TrainSettings};
use serde_json::json;

use crate::arguments::PresetsCommand;
use crate::exit::{self, UsageError};
use crate::output;
use crate::table::Format;

/// Runs the command.
pub(crate) fn run(command: &PresetsCommand) -> anyhow::Result<u8> {
    match command {
        PresetsCommand::List { format } => output::print(&list(*format))?,
        PresetsCommand::Show { name } => output::print(&show(named(name)?)?)?,
    }
    Ok(exit::OK)
}

fn list(format: Format) -> String {
    let columns = [
        ("name", "Name"),
        ("epochs", "Epochs"),
        ("batch", "Batch"),
        ("learning_rate", "Learning rate"),
        ("optimizer", "Optimiser"),
        ("summary", "Summary"),
    ];
    let mut table = Table::data("allconv.presets/1", &columns);
    for preset in &PRESETS {
        let settings = (preset.settings)();
        let optimizer = if settings.optimizer.is_some() { "adam" } else { "sgd" };
        table.push(vec![
            json!(preset.name),
            epochs(&settings),
            json!(settings.batch),
            json!(settings.learning_rate),
            json!(optimizer),
            json!(preset.summary),
        ]);
    }
    format.write(&table)
}

/// Returns the length in epochs; null where it is given in training images shown.
fn epochs(settings: &TrainSettings) -> serde_json::Value {
    match settings.length {
        Length::Epochs(epochs) => json!(epochs),
        Length::Presentations(_) => serde_json::Value::Null,
    }
}

fn named(name: &str) -> Result<&'static Preset, UsageError> {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    Preset::named(name)
        .ok_or_else(|| UsageError(format!("no preset is called `{name}`; there are {}", names.join(", "))))
}

/// Writes what a study file says without the preset: the settings of the training, and those of the network that a preset decides.
fn show(preset: &Preset) -> anyhow::Result<String> {
    let mut train = toml::Table::try_from((preset.settings)())?;
    if let Some(toml::Value::Table(length)) = train.remove("length") {
        train.extend(length);
    }
    let mut net = toml::Table::new();
    net.insert("input_dropout".to_owned(), preset.input_dropout.into());
    net.extend(preset.dropout.map(|rate| ("dropout".to_owned(), rate.into())));
    net.insert("last_relu".to_owned(), preset.last_relu.into());
    net.insert("initialisation".to_owned(), toml::Value::try_from(preset.initialisation)?);
    net.extend(preset.last_scale.map(|scale| ("last_scale".to_owned(), scale.into())));
    let section = |name: &str, table: &toml::Table| {
        let lines = table.iter().map(|(key, value)| format!("{key} = {value}\n"));
        format!("[base.{name}]\n{}", lines.collect::<String>())
    };
    let preset = format!("# {}: {}\n", preset.name, preset.summary);
    Ok(preset + &section("train", &train) + "\n" + &section("net", &net))
}
