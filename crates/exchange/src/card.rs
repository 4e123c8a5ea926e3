//! The model card: `README.md` of a model folder, written from its configuration.

use allconv_document::{Block, Cell, Column, Content, Format, Table, Text, markdown};
use allconv_inspect::ModelConfig;
use allconv_nets::Walk;
use allconv_record::ReportedMetric;
use serde_json::{Value, json};

/// Classes that the card names; more are left to `config.json`.
const CLASSES_NAMED: usize = 20;

/// The text of the card.
pub(crate) fn model_card(config: &ModelConfig, walk: &Walk) -> String {
    let blocks = [
        introduction(config, walk),
        results(config),
        use_it(config),
        data(config),
        training(config),
        limits(config),
        licence_and_citation(),
    ]
    .concat();
    format!("{}\n{}", header(config), markdown::blocks(&blocks))
}

/// What programs read: YAML between two lines, written as JSON values, which YAML contains.
fn header(config: &ModelConfig) -> String {
    let task = hub_task(&config.task);
    let metric = |reported: &ReportedMetric| {
        let name = format!("{} ({})", reported.metric, reported.split.name());
        json!({ "type": reported.metric, "name": name, "value": reported.value })
    };
    let metrics: Vec<Value> = config.provenance.results.iter().map(metric).collect();
    let dataset = json!({ "name": config.data.dataset, "type": config.data.dataset });
    let index = json!([{
        "name": config.provenance.run,
        "results": [{ "task": { "type": task }, "dataset": dataset, "metrics": metrics }],
    }]);
    let tags = json!(["allconv", config.architecture, config.task]);
    format!("---\nlibrary_name: allconv\npipeline_tag: {task}\ntags: {tags}\nmodel-index: {index}\n---\n")
}

/// The name of a task on the Hugging Face hub.
fn hub_task(task: &str) -> &'static str {
    match task {
        "classification" => "image-classification",
        "segmentation" => "image-segmentation",
        _ => "image-to-image",
    }
}

fn introduction(config: &ModelConfig, walk: &Walk) -> Vec<Block> {
    let [channels, height, width] = config.data.input;
    let operator = |name: &Option<String>| Text::code(name.as_deref().unwrap_or("the architecture's own"));
    let mut facts = vec![
        ("Architecture".to_owned(), Text::code(&config.architecture)),
        ("Downsampling".to_owned(), operator(&config.downsample)),
    ];
    if config.upsample.is_some() {
        facts.push(("Upsampling".to_owned(), operator(&config.upsample)));
    }
    facts.extend([
        ("Task".to_owned(), Text::code(&config.task)),
        ("Parameters".to_owned(), Text::plain(&Format::Grouped.write(walk.parameters() as f64))),
        (
            "Training input".to_owned(),
            Text::plain(&format!("{channels} × {height} × {width} (channels, height, width)")),
        ),
    ]);
    vec![
        Block::Heading(1, Text::plain(&config.provenance.run)),
        Block::paragraph(Text::plain(
            "A network trained with allconv, a program that compares downsampling operators.",
        )),
        Block::Facts(facts),
    ]
}

fn results(config: &ModelConfig) -> Vec<Block> {
    let heading = Block::heading(2, "Results");
    if config.provenance.results.is_empty() {
        return vec![heading, Block::paragraph("No metric was recorded for these weights.")];
    }
    let table = Table::of(&config.provenance.results)
        .column(Column::text("Metric"), |one| Cell::code(&one.metric))
        .column(Column::text("Split"), |one| one.split.name().to_owned())
        .column(Column::number("These weights"), |one| Content::Number(one.value, Format::Stored))
        .column(Column::number("Mean over seeds"), |one| match one.seeds {
            Some(seeds) => Content::Number(seeds.mean, Format::Stored),
            None => Content::Missing,
        })
        .column(Column::text("Interval"), |one| match one.seeds {
            Some(seeds) => Content::Interval((seeds.low, seeds.high), Format::Stored),
            None => Content::Missing,
        })
        .column(Column::number("Runs"), |one| Content::Whole(one.seeds.map_or(1, |seeds| seeds.n as i64)))
        .table();
    let level = config.provenance.results.iter().find_map(|one| one.seeds).map(|seeds| seeds.level);
    let explained = match level {
        Some(level) => format!(
            "The interval is Student's t interval at level {level} for the mean over runs of the study that differ in the seed alone."
        ),
        None => "There is one run with this specification, so the spread over seeds is not known.".to_owned(),
    };
    vec![heading, Block::Table(table), Block::paragraph(Text::plain(&explained))]
}

fn use_it(config: &ModelConfig) -> Vec<Block> {
    let maps = config.task != "classification";
    let result = match config.task.as_str() {
        "classification" => "the most probable classes of each picture, by name",
        _ => "one picture for each picture, below `--out`",
    };
    let mut blocks = vec![
        Block::heading(2, "How to use it"),
        Block::paragraph(format!("With allconv, from this folder alone: {result}.")),
        Block::code("sh", "allconv predict FOLDER my-pictures/ --format json\n"),
    ];
    if !maps {
        blocks.push(Block::paragraph(
            "The error on pictures of your own, each in a folder with the name of its class:",
        ));
        blocks.push(Block::code("sh", "allconv eval FOLDER --images my-pictures/\n"));
    }
    blocks.extend([
        Block::paragraph("In PyTorch, as a module that needs torch alone, on preprocessed images:"),
        Block::code("sh", "allconv export FOLDER --to pytorch --out pytorch\n"),
        Block::code("python", PYTORCH),
        Block::paragraph("In ONNX Runtime, on the grey levels of a picture, with the preprocessing inside:"),
        Block::code("sh", "allconv export FOLDER --to onnx --with-preprocessing --out model.onnx\n"),
        Block::code("python", ONNX_RUNTIME),
    ]);
    blocks.push(Block::paragraph("In Rust, with the crates of allconv:"));
    blocks.push(Block::code(
        "rust",
        "let folder = allconv_inspect::ModelFolder::at(\"FOLDER\");\nlet weights = allconv_inspect::RunWeights::Checkpoint(Default::default());\nlet trained =\n    allconv_inspect::TrainedNetwork::of_folder(&folder, &weights, allconv_kernels::Isa::detect(), &device)?;\n",
    ));
    blocks
}

fn data(config: &ModelConfig) -> Vec<Block> {
    let steps: Vec<&str> = config.preprocess.iter().map(|step| step.name()).collect();
    let preprocessing = match steps.is_empty() {
        true => "None beyond the scale of the pixels".to_owned(),
        false => steps.join(", then "),
    };
    let pixels = match config.pixels {
        allconv_inspect::PixelScale::Levels => "grey levels from 0 to 255",
        allconv_inspect::PixelScale::Centred => "value / 255 − 1/2",
    };
    let mut facts = vec![
        ("Data set".to_owned(), Text::code(&config.data.dataset)),
        ("Hash of its content".to_owned(), Text::code(&config.data.content_hash)),
        ("Pixels".to_owned(), Text::plain(pixels)),
        ("Preprocessing".to_owned(), Text::plain(&preprocessing)),
    ];
    let classes = &config.data.classes;
    if !classes.is_empty() {
        let named = classes.iter().take(CLASSES_NAMED).map(|name| Text::code(name));
        let further = match classes.len().saturating_sub(CLASSES_NAMED) {
            0 => Text::default(),
            more => Text::plain(&format!(" and {more} more, see config.json")),
        };
        facts.push(("Classes".to_owned(), Text::joined(named, ", ") + further));
    }
    vec![Block::heading(2, "Data"), Block::Facts(facts)]
}

fn training(config: &ModelConfig) -> Vec<Block> {
    let provenance = &config.provenance;
    let facts = vec![
        ("Study".to_owned(), Text::code(&provenance.study)),
        ("Arm".to_owned(), Text::code(&provenance.arm)),
        ("Seed".to_owned(), Text::plain(&provenance.seed.to_string())),
        ("Steps".to_owned(), Text::plain(&format!("{} of {}", provenance.step, provenance.total_steps))),
        ("Weights".to_owned(), Text::code(&provenance.weights)),
        ("Hash of the specification".to_owned(), Text::code(&provenance.specification_hash)),
        (
            "Program".to_owned(),
            Text::plain(&format!("allconv {}, commit {}", provenance.allconv, provenance.commit)),
        ),
    ];
    let section = |name: &str, table: &toml::Table| {
        let table = toml::Table::from_iter([(name.to_owned(), toml::Value::Table(table.clone()))]);
        toml::to_string(&table).unwrap_or_default()
    };
    let specification = &config.specification;
    let text = [
        section("data", &specification.data),
        section("net", &specification.net),
        section("train", &specification.train),
    ]
    .join("\n");
    vec![
        Block::heading(2, "Training"),
        Block::Facts(facts),
        Block::paragraph("The specification, by which allconv makes the same run again:"),
        Block::code("toml", text),
    ]
}

fn limits(config: &ModelConfig) -> Vec<Block> {
    let [_, height, width] = config.data.input;
    let size = match config.task.as_str() {
        "classification" => format!("It takes pictures of {height} × {width} pixels and no others."),
        _ => format!(
            "It was trained on patches of {height} × {width} pixels; larger pictures are computed in tiles."
        ),
    };
    let classes = match config.data.classes.len() {
        0 => Vec::new(),
        _ => vec![Text::plain(
            "It knows the classes above and no others: each picture gets one of them, whatever it shows.",
        )],
    };
    let list = [
        vec![Text::plain(&size)],
        classes,
        vec![Text::plain(&format!(
            "The metrics hold for the splits of {} named above; on other data nothing was measured.",
            config.data.dataset
        ))],
    ]
    .concat();
    vec![Block::heading(2, "Limits"), Block::List(list)]
}

fn licence_and_citation() -> Vec<Block> {
    vec![
        Block::heading(2, "Licence"),
        Block::paragraph(
            "The program allconv is licensed under MIT or Apache-2.0. These weights have the licence that their owner writes here; the terms of the data set apply to them as well.",
        ),
        Block::heading(2, "Citation"),
        Block::code("bibtex", CITATION),
    ]
}

/// The exported module with its weights; `pytorch` is the folder.
const PYTORCH: &str = "\
from pytorch.model import Model
from safetensors.torch import load_file

model = Model().eval()
model.load_state_dict(load_file(\"pytorch/model.safetensors\"), strict=True)
";

/// A picture through the exported model.
const ONNX_RUNTIME: &str = "\
import numpy as np
import onnxruntime
from PIL import Image

picture = np.asarray(Image.open(\"picture.png\"), dtype=np.float32)
images = np.atleast_3d(picture).transpose(2, 0, 1)[None]
session = onnxruntime.InferenceSession(\"model.onnx\")
(answer,) = session.run(None, {\"images\": images})
";

/// The program, and the paper whose networks it rebuilds.
const CITATION: &str = "\
@software{allconv,
  title  = {allconv: how should a network reduce resolution?},
  author = {{The allconv developers}},
  year   = {2026}
}
@inproceedings{springenberg2015striving,
  title     = {Striving for Simplicity: The All Convolutional Net},
  author    = {Springenberg, Jost Tobias and Dosovitskiy, Alexey and Brox, Thomas and Riedmiller, Martin},
  booktitle = {ICLR 2015 workshop track},
  year      = {2015}
}
";
