//! `allconv eval`: a trained network's verdict on a split.

use std::sync::Arc;

use allconv_data::DataDirectory;
use allconv_inspect::{CheckpointChoice, Trained};
use allconv_record::{RunDirectory, SplitName};
use allconv_train::DataStore;
use serde_json::json;

use crate::arguments::{EvalArguments, SplitArgument, TrainedArguments, Weights};
use crate::table::Table;
use crate::{device, exit, runner};

/// Runs the command.
pub(crate) fn run(arguments: &EvalArguments) -> anyhow::Result<u8> {
    let trained = load(&arguments.trained)?;
    let split = match arguments.split {
        SplitArgument::Train => SplitName::Train,
        SplitArgument::Valid => SplitName::Valid,
        SplitArgument::Test => SplitName::Test,
    };
    let evaluation = trained.evaluate(split)?;
    let columns = [("class", "Class"), ("images", "Images"), ("wrong", "Wrong"), ("error", "Error")];
    let mut table = Table::new("allconv.evaluation/1", &columns);
    for (class, name) in trained.classes().iter().enumerate() {
        let of_class = evaluation.outcomes.0.iter().filter(|outcome| usize::from(outcome.label) == class);
        let (images, wrong) =
            of_class.fold((0u64, 0u64), |(n, wrong), o| (n + 1, wrong + u64::from(o.label != o.predicted)));
        table.push(vec![
            json!(name),
            json!(images),
            json!(wrong),
            json!(rounded(wrong as f64 / images.max(1) as f64)),
        ]);
    }
    let images = evaluation.outcomes.0.len();
    table.push(vec![
        json!("all"),
        json!(images),
        json!(evaluation.wrong),
        json!(rounded(evaluation.error())),
    ]);
    print!("{}", table.render(arguments.format));
    eprintln!("mean cross-entropy on {}: {:.4} nats", split.name(), evaluation.loss);
    Ok(exit::OK)
}

/// Loads what the arguments name.
pub(crate) fn load(arguments: &TrainedArguments) -> anyhow::Result<Trained> {
    let data = Arc::new(DataStore::new(DataDirectory::new(&arguments.data.data_dir)));
    let choice = match arguments.checkpoint {
        Weights::Last => CheckpointChoice::Last,
        Weights::Best => CheckpointChoice::Best,
    };
    let run = RunDirectory::at(&arguments.run);
    let isa = runner::isa(arguments.isa.as_deref())?;
    let device = device::choose("cpu")?.device;
    Ok(Trained::load(&run, choice, arguments.weights.as_deref(), &data, isa, &device)?)
}

fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}
