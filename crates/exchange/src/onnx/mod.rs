//! ONNX: networks and operators as models of core nodes, which every runtime has.

mod nodes;
mod protobuf;

use std::path::Path;

use allconv_nets::{Parameter, Walk};
use allconv_operators::lowering::{BATCH, Graph, Value};
use allconv_record::write_atomically;

use crate::lowered::Lowered;
use crate::{ExchangeError, Export, ExportFormat};
use nodes::{OnnxGraph, Size, value_info};
use protobuf::Message;

/// Version of the operator set.
pub const OPSET: i64 = 17;

/// Version of the file format that came with the operator set.
const IR_VERSION: i64 = 8;

/// A model of the network in evaluation.
pub(crate) struct Onnx;

impl ExportFormat for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn about(&self) -> &'static str {
        "a model for ONNX runtimes (opset 17), any number of images"
    }

    fn default_name(&self) -> &'static str {
        "model.onnx"
    }

    fn takes_pixels(&self) -> bool {
        true
    }

    fn write(&self, export: &Export<'_>, path: &Path) -> Result<(), ExchangeError> {
        let trained = export.trained;
        let weights = trained.weights();
        let Lowered { graph, images, output } = Lowered::of_export(export, &weights);
        let name = if trained.returns_pictures() { "map" } else { "logits" };
        let facts = facts(export, &graph, trained.subject().walk().size_multiple());
        let parameters =
            |path: &str| weights.get(path).map(|tensor| tensor.values.clone()).unwrap_or_default();
        let bytes = model(&graph, [images, output], name, &parameters, &facts);
        Ok(write_atomically(path, &bytes)?)
    }
}

/// Returns what the model says of itself, by key.
fn facts(export: &Export<'_>, graph: &Graph, multiple: usize) -> Vec<(String, String)> {
    let (trained, provenance) = (export.trained, export.provenance);
    let size = match trained.returns_pictures() && !graph.is_sized() {
        true => format!("multiples of {multiple}"),
        false => "fixed".to_owned(),
    };
    let mut facts = vec![
        ("allconv.run".to_owned(), provenance.run.clone()),
        ("allconv.specification_hash".to_owned(), provenance.specification_hash.clone()),
        ("allconv.images".to_owned(), export.pixels.words(trained).to_owned()),
        ("allconv.height_and_width".to_owned(), size),
    ];
    if !trained.classes().is_empty() {
        let classes = serde_json::Value::from(trained.classes()).to_string();
        facts.push(("allconv.classes".to_owned(), classes));
    }
    facts
}

/// Returns the bytes of a model of `walk` with these parameters, in evaluation: `images` in, `map` out.
pub fn network_model(walk: &Walk, parameters: &[Parameter]) -> Vec<u8> {
    let Lowered { graph, images, output } = Lowered::of_walk(walk, parameters);
    let values = |path: &str| {
        let found = parameters.iter().find(|parameter| parameter.path == path);
        found.map(|parameter| parameter.values.clone()).unwrap_or_default()
    };
    model(&graph, [images, output], "map", &values, &[])
}

/// Returns the bytes of a ModelProto: `ends` are the images and the result, `result` its name.
pub(crate) fn model(
    graph: &Graph,
    [images, output]: [Value; 2],
    result: &str,
    parameters: &dyn Fn(&str) -> Vec<f32>,
    facts: &[(String, String)],
) -> Vec<u8> {
    let is_map = graph.shape(output).len() == 4;
    let sizes = |value: Value, names: [&'static str; 2]| {
        let size = |(axis, size): (usize, &usize)| match axis {
            0 if *size == BATCH => Size::Any("batch"),
            2 | 3 if is_map && !graph.is_sized() => Size::Any(names[axis - 2]),
            _ => Size::Fixed(*size),
        };
        graph.shape(value).iter().enumerate().map(size).collect::<Vec<_>>()
    };
    let input = value_info("images", &sizes(images, ["height", "width"]));
    let info = value_info(result, &sizes(output, ["height_out", "width_out"]));
    let mut translated = OnnxGraph::new(graph, "images", parameters);
    translated.rename(output, result);
    let body = translated.message("allconv", &input, &info);
    // ModelProto: ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8, metadata_props = 14;
    // OperatorSetIdProto: domain = 1, version = 2; StringStringEntryProto: key = 1, value = 2.
    let opset = Message::default().text(1, "").number(2, OPSET);
    let model =
        Message::default().number(1, IR_VERSION).text(2, "allconv").text(3, env!("CARGO_PKG_VERSION"));
    let model = model.message(7, &body).message(8, &opset);
    let entry = |(key, value): &(String, String)| Message::default().text(1, key).text(2, value);
    facts.iter().fold(model, |model, fact| model.message(14, &entry(fact))).into_bytes()
}
