//! `allconv bench operators`: each operator by itself, forward and with its gradients, its answer verified before it is timed.

use std::time::Instant;

use crate::output;
use allconv_document::Table;
use allconv_kernels::{Accuracy, Engine};
use allconv_nets::{
    ActivationKind, DescriptionError, DownsampleConfig, Initialisation, Mode, Network, OperatorError, Slot,
    Switches, UpsampleConfig, UpsamplePair, images_to_tensor, walk_stages,
};
use allconv_random::Stream;
use allconv_random::elementary::square;
use allconv_record::Spread;
use anyhow::ensure;
use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::{Value, json};

use crate::arguments::BenchOperatorsArguments;
use crate::exit::{self, UsageError};
use crate::machine;

/// Rounds of each pass before timing begins.
const WARM_UP: usize = 2;
/// Names the stream of the inputs.
const NOISE: u64 = 0x0000_0002_0000_0001;

/// Images whose results are compared with f64: operators treat each image by itself.
const VERIFIED_IMAGES: usize = 2;

/// Bound on the distance from f64 relative to its length, both as root mean squares. Single precision keeps seven digits; sums of
/// a thousand products and the exponentials of an importance gate, e^12, cost two or three of them.
const VERIFIED_ERROR: f64 = 1e-4;

/// Runs the command.
pub(super) fn run(arguments: &BenchOperatorsArguments) -> anyhow::Result<u8> {
    if arguments.rounds == 0 || arguments.threads == Some(0) {
        return Err(UsageError("--rounds and --threads must be at least 1".to_owned()).into());
    }
    let shape = shape(&arguments.shape)?;
    let (pool, threads) = machine::thread_pool(arguments.threads)?;
    let engine = Engine::new(machine::isa(arguments.isa.as_deref())?, Accuracy::F32);
    let columns = [
        ("operator", "Operator"),
        ("way", "Direction"),
        ("shape", "Larger feature map"),
        ("threads", "Threads"),
        ("forward_ms", "Forward (ms)"),
        ("forward_min_ms", "fastest"),
        ("forward_max_ms", "slowest"),
        ("forward_backward_ms", "With gradients (ms)"),
        ("forward_backward_min_ms", "fastest"),
        ("forward_backward_max_ms", "slowest"),
        ("error", "Distance from f64"),
    ];
    let mut table = Table::data("allconv.bench.operators/1", &columns);
    for operator in operators(&arguments.names)? {
        let timed = pool.install(|| time(&operator, shape, arguments.rounds, &engine));
        let Some(Timed { error, forward, both }) = timed? else {
            if !arguments.names.is_empty() {
                let message = format!("{} computes nothing by itself; it cannot be timed", operator.name());
                return Err(UsageError(message).into());
            }
            continue;
        };
        let mut row =
            vec![json!(operator.name()), json!(operator.way()), json!(arguments.shape), json!(threads)];
        row.extend([forward, both].into_iter().flat_map(spread));
        row.push(json!(format!("{error:.1e}")));
        table.push(row);
    }
    output::print(&arguments.format.write(&table))?;
    Ok(exit::OK)
}

/// What is timed.
enum Operator {
    Down(DownsampleConfig),
    Up(UpsampleConfig),
}

impl Operator {
    fn name(&self) -> &'static str {
        match self {
            Operator::Down(operator) => operator.name(),
            Operator::Up(operator) => operator.name(),
        }
    }

    fn way(&self) -> &'static str {
        match self {
            Operator::Down(_) => "down",
            Operator::Up(_) => "up",
        }
    }
}

/// The defaults of the operators called so; of all without names.
fn operators(names: &[String]) -> anyhow::Result<Vec<Operator>> {
    let all = DownsampleConfig::NAMES.iter().chain(UpsampleConfig::NAMES);
    let all: Vec<String> = all.map(|name| (*name).to_owned()).collect();
    let names = if names.is_empty() { &all } else { names };
    let default = |name: &String| -> anyhow::Result<Operator> {
        if let Ok(examples) = UpsampleConfig::named(name) {
            return Ok(Operator::Up(examples[0].clone()));
        }
        let examples = DownsampleConfig::named(name).map_err(|error| UsageError(error.to_string()))?;
        Ok(Operator::Down(examples[0].clone()))
    };
    names.iter().map(default).collect()
}

fn shape(text: &str) -> anyhow::Result<[usize; 4]> {
    let sizes: Vec<usize> = text.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    match <[usize; 4]>::try_from(sizes) {
        Ok(shape) if !shape.contains(&0) && text.split(',').count() == 4 => Ok(shape),
        _ => {
            let message =
                format!("--shape is `{text}`, but must be images,channels,rows,columns, each at least 1");
            Err(UsageError(message).into())
        }
    }
}

/// An operator with its parameters, and the input it takes.
struct Subject {
    computing: Computing,
    x: Tensor<4>,
}

enum Computing {
    Down(Network),
    Up(Box<(UpsamplePair, Switches)>),
}

impl Subject {
    /// Returns the operator with noise of `shape`, or for upsampling with noise of the shape that its usual partner makes of it; `None` where it
    /// computes nothing by itself.
    fn new(
        operator: &Operator,
        (shape, dtype): ([usize; 4], DType),
        engine: &Engine,
        device: &Device,
    ) -> Result<Option<Subject>, DescriptionError> {
        let input = [shape[1], shape[2], shape[3]];
        let noise = |[batch, channels, rows, columns]: [usize; 4]| {
            let values = noise([batch, channels, rows, columns]);
            images_to_tensor(values, [batch, rows, columns, channels], device).cast(dtype)
        };
        let is_double = dtype == DType::F64;
        match operator {
            Operator::Down(operator) => {
                let mut stages = Vec::new();
                let placed = Slot::new(&mut stages, shape[1], ActivationKind::Relu).place(operator);
                // Some operators only change the stage before or after them.
                if matches!(placed, Err(DescriptionError::Operator(OperatorError::Misplaced { .. })))
                    || stages.is_empty()
                {
                    return Ok(None);
                }
                placed?;
                let walk = walk_stages(&stages, input)?;
                let network = Network::from_walk(&walk, Initialisation::He, 0, engine.clone(), device);
                let network = if is_double { network.in_double_precision() } else { network };
                Ok(Some(Subject { computing: Computing::Down(network), x: noise(shape) }))
            }
            Operator::Up(operator) => {
                let pair = UpsamplePair::new(operator, &operator.partner(), input, engine, device)?;
                let pair = if is_double { pair.in_double_precision() } else { pair };
                let (x, switches) = pair.reduce(noise(shape));
                // Values other than the partner's output, as the layers between the two return them.
                let x = noise(x.dims());
                let computing = Computing::Up(Box::new((pair, switches)));
                Ok(Some(Subject { computing, x }))
            }
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.computing {
            Computing::Down(network) => network.forward_map(x, Mode::Evaluate),
            Computing::Up(up) => up.0.enlarge(x, &up.1),
        }
    }

    /// The result, and the gradient of the input for this gradient of the result.
    fn with_gradient(&self, upstream: impl Fn([usize; 4]) -> Tensor<4>) -> (Vec<f64>, Vec<f64>) {
        let leaf = self.x.clone().detach().require_grad();
        let y = self.forward(leaf.clone());
        let gradients = (y.clone() * upstream(y.dims())).sum().backward();
        let dx = leaf.grad(&gradients).map_or_else(Vec::new, host);
        (host(y), dx)
    }
}

/// What was measured of one operator, in milliseconds.
struct Timed {
    error: f64,
    forward: Vec<f64>,
    both: Vec<f64>,
}

fn time(
    operator: &Operator,
    shape: [usize; 4],
    rounds: usize,
    engine: &Engine,
) -> anyhow::Result<Option<Timed>> {
    let (plain, tracked) = (Device::flex(), Device::flex().autodiff());
    let usage = |error: DescriptionError| UsageError(format!("{}: {error}", operator.name()));
    let subject = |dtype, device| Subject::new(operator, (shape, dtype), engine, device).map_err(usage);
    let Some(with_gradients) = subject(DType::F32, &tracked)? else { return Ok(None) };
    let error = distance_from_double(operator, &with_gradients, shape, engine)?;
    ensure!(
        error < VERIFIED_ERROR,
        "{} is {error:e} away from f64, {VERIFIED_ERROR:e} is allowed; nothing was timed",
        operator.name()
    );
    let Some(forward_only) = subject(DType::F32, &plain)? else { return Ok(None) };
    let forward = milliseconds(rounds, || drop(forward_only.forward(forward_only.x.clone())));
    let both = milliseconds(rounds, || {
        // The gradient of every result is 1, in the memory layout of feature maps, as in a network.
        let leaf = with_gradients.x.clone().detach().require_grad();
        let gradients = with_gradients.forward(leaf.clone()).permute([0, 2, 3, 1]).backward();
        drop(leaf.grad(&gradients));
    });
    Ok(Some(Timed { error, forward, both }))
}

/// The larger of the distances of result and gradient from f64, on the first images.
fn distance_from_double(
    operator: &Operator,
    single: &Subject,
    shape: [usize; 4],
    engine: &Engine,
) -> anyhow::Result<f64> {
    let few = [shape[0].min(VERIFIED_IMAGES), shape[1], shape[2], shape[3]];
    let device = Device::flex().autodiff();
    let double = Subject::new(operator, (few, DType::F64), engine, &device)?;
    let Some(double) = double else { return Ok(0.0) };
    let upstream = |dtype| {
        let device = device.clone();
        move |dims: [usize; 4]| {
            let data = TensorData::new(noise(dims), dims);
            Tensor::<4>::from_data(data, (&device, DType::F32)).cast(dtype)
        }
    };
    let (y, dx) = single.with_gradient(upstream(DType::F32));
    let (exact_y, exact_dx) = double.with_gradient(upstream(DType::F64));
    Ok(distance(&y, &exact_y).max(distance(&dx, &exact_dx)))
}

/// The root mean square of the difference of the first values, relative to that of the exact ones.
fn distance(found: &[f64], exact: &[f64]) -> f64 {
    let difference: f64 = found.iter().zip(exact).map(|(found, exact)| square(found - exact)).sum();
    let length: f64 = exact.iter().map(|exact| square(*exact)).sum();
    if found.len() < exact.len() || exact.is_empty() { f64::INFINITY } else { (difference / length).sqrt() }
}

fn host(tensor: Tensor<4>) -> Vec<f64> {
    match tensor.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("a tensor could not be read from its device: {error}"),
    }
}

/// Values in [−1, 1), a function of their position: the first images of a batch are those of a smaller one.
fn noise(shape: [usize; 4]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let mut stream = Stream::of_key(NOISE);
    (0..count).map(|_| 2.0 * stream.unit() - 1.0).collect()
}

fn milliseconds(rounds: usize, mut pass: impl FnMut()) -> Vec<f64> {
    (0..WARM_UP).for_each(|_| pass());
    let timed = |_| {
        let began = Instant::now();
        pass();
        1e3 * began.elapsed().as_secs_f64()
    };
    (0..rounds).map(timed).collect()
}

/// Median, smallest and largest time, to a microsecond; nothing without a round.
fn spread(times: Vec<f64>) -> [Value; 3] {
    let times = Spread::of(times);
    let rounded = |read: fn(Spread) -> f64| json!(times.map(|times| (read(times) * 1e3).round() / 1e3));
    [rounded(|times| times.median), rounded(|times| times.least), rounded(|times| times.greatest)]
}
