//! `allconv bench conv`: every convolution of a network by itself, with the chosen algorithm and its alternatives.

use std::time::Instant;

use crate::output;
use allconv_document::Table;
use allconv_kernels::{
    Accuracy, Algorithm, ConvBackward, ConvForward, ConvGeometry, Convolution, Engine, Epilogue, Padding,
    measured_peak,
};
use allconv_nets::{StageShape, StageSpec, models, walk};
use anyhow::Context;
use serde_json::json;

use super::bench_time::tenth;
use crate::arguments::BenchArguments;
use crate::exit::{self, UsageError};
use crate::machine;

/// How much longer than the fastest alternative a chosen algorithm may take: timings on a busy machine differ by less.
const TOLERATED: f64 = 1.10;

/// The columns, by key and heading.
const COLUMNS: [(&str, &str); 9] = [
    ("layer", "Layer"),
    ("map", "Feature map"),
    ("pass", "Pass"),
    ("algorithm", "Algorithm"),
    ("chosen", "Chosen"),
    ("milliseconds", "ms"),
    ("gflops", "GFLOP/s (direct-equivalent)"),
    ("percent_of_peak", "% of peak"),
    ("relative_time", "Time / fastest"),
];

/// One convolution of the network.
struct Layer {
    name: String,
    geometry: ConvGeometry,
    /// Whether training needs the gradient of its input.
    input_gradient: bool,
}

/// The two halves of training: the output, and the gradients of input, weight and bias.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Forward,
    Gradients,
}

/// The fastest round of one algorithm.
struct Timed {
    algorithm: Algorithm,
    seconds: f64,
}

/// Runs the command.
pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<u8> {
    let accuracy =
        Accuracy::named(&arguments.precision).map_err(|error| UsageError(format!("--precision: {error}")))?;
    let isa = machine::isa(arguments.isa.as_deref())?;
    let engine = Engine::new(isa, accuracy);
    let layers = layers(arguments)?;
    let (pool, _) = machine::thread_pool(arguments.threads)?;
    let (table, lagging) = pool.install(|| measure(&layers, &engine, arguments.steps))?;
    output::print(&arguments.format.write(&table))?;
    for line in &lagging {
        output::note(format_args!("{line}"));
    }
    Ok(if arguments.assert && !lagging.is_empty() { exit::MISSED } else { exit::OK })
}

/// The convolutions of the network, in order.
fn layers(arguments: &BenchArguments) -> anyhow::Result<Vec<Layer>> {
    let usage = |error: allconv_nets::DescriptionError| UsageError(error.to_string());
    let model = models::find(&arguments.model).map_err(usage)?;
    let [channels, ..] = model.input;
    let input = arguments.size.map_or(model.input, |size| [channels, size, size]);
    let shapes = walk(&model.spec().with_width(arguments.width), input, model.classes).map_err(usage)?;
    let convolutions =
        shapes.stages.iter().filter_map(|shape| Some((shape.label(), geometry(shape, arguments.batch)?)));
    let layers = convolutions.enumerate();
    Ok(layers.map(|(place, (name, geometry))| Layer { name, geometry, input_gradient: place > 0 }).collect())
}

/// Returns the kernels' geometry of a stage that is a convolution.
fn geometry(shape: &StageShape, batch: usize) -> Option<ConvGeometry> {
    let StageSpec::Convolution(convolution) = &shape.stage else { return None };
    let [channels_in, height_in, width_in] = shape.input;
    let (before, after) = (convolution.border.before, convolution.border.after);
    Some(ConvGeometry {
        batch,
        height_in,
        width_in,
        channels_in,
        channels_out: convolution.channels_out,
        kernel: convolution.kernel,
        stride: convolution.stride,
        padding: Padding { top: before, bottom: after, left: before, right: after },
        dilation: convolution.dilation,
        groups: convolution.groups,
    })
}

/// Returns the table, and a line for every chosen algorithm that is too slow.
fn measure(layers: &[Layer], engine: &Engine, rounds: usize) -> anyhow::Result<(Table, Vec<String>)> {
    let peak = measured_peak(engine);
    let mut table = Table::data("allconv.bench-conv/1", &COLUMNS);
    let mut lagging = Vec::new();
    for layer in layers {
        let ConvGeometry { height_in, width_in, channels_in, channels_out, .. } = layer.geometry;
        let map = format!("{channels_in}→{channels_out} {height_in}×{width_in}");
        let chosen = Convolution::plan(engine, &layer.geometry).chosen().algorithm;
        let macs = layer.geometry.multiply_accumulates().context("the network's walk has checked this")?;
        for (pass, timed) in time(layer, engine, rounds)? {
            let (name, products) = match pass {
                Pass::Forward => ("forward", 1.0),
                Pass::Gradients => ("gradients", if layer.input_gradient { 2.0 } else { 1.0 }),
            };
            let fastest = timed.iter().map(|timed| timed.seconds).fold(f64::INFINITY, f64::min);
            for Timed { algorithm, seconds } in timed {
                let rate = 2.0 * products * macs as f64 / seconds;
                let relative = seconds / fastest;
                table.push(vec![
                    json!(layer.name),
                    json!(map),
                    json!(name),
                    json!(algorithm.name()),
                    json!(algorithm == chosen),
                    json!((seconds * 1e6).round() / 1e3),
                    tenth(rate / 1e9),
                    tenth(100.0 * rate / peak),
                    json!((relative * 100.0).round() / 100.0),
                ]);
                if algorithm == chosen && relative > TOLERATED {
                    lagging.push(format!(
                        "{} {name}: {} takes {relative:.2} times as long as the fastest alternative",
                        layer.name,
                        algorithm.name()
                    ));
                }
            }
        }
    }
    Ok((table, lagging))
}

/// The fastest of `rounds` of every algorithm for both passes; the algorithms take turns.
fn time(layer: &Layer, engine: &Engine, rounds: usize) -> anyhow::Result<[(Pass, Vec<Timed>); 2]> {
    let geometry = &layer.geometry;
    // Values of one order of magnitude; zeros or denormals would not do.
    let wave = |len: usize| (0..len).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect::<Vec<_>>();
    let outputs = geometry.output_len()?;
    let (x, weight, bias, dy) =
        (wave(geometry.input_len()), wave(geometry.weight_len()), wave(geometry.channels_out), wave(outputs));
    let (mut y, mut dx) = (vec![0.0; outputs], vec![0.0; x.len()]);
    let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    let (planned, epilogue) = (Convolution::plan(engine, geometry), Epilogue::RELU);
    let algorithms = planned.candidates();
    let timed = || algorithms.iter().map(|&algorithm| Timed { algorithm, seconds: f64::INFINITY }).collect();
    let mut passes: [(Pass, Vec<Timed>); 2] = [(Pass::Forward, timed()), (Pass::Gradients, timed())];
    for _ in 0..rounds {
        for (pass, timed) in &mut passes {
            for Timed { algorithm, seconds } in timed {
                let convolution = planned.clone().preferring(*algorithm);
                let start = Instant::now();
                let prepared = convolution.prepare(&weight);
                if *pass == Pass::Forward {
                    prepared.forward(ConvForward { x: &x, bias: Some(&bias), epilogue, y: &mut y });
                } else {
                    prepared.backward(ConvBackward {
                        x: &x,
                        y: &y,
                        dy: &dy,
                        epilogue,
                        dx: layer.input_gradient.then_some(&mut dx[..]),
                        dweight: &mut dweight,
                        dbias: Some(&mut dbias),
                    });
                }
                *seconds = seconds.min(start.elapsed().as_secs_f64());
            }
        }
    }
    Ok(passes)
}
