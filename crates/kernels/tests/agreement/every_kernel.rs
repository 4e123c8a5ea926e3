//! Tests that every public kernel gives the same bits on every instruction set of this CPU, with one, two and three threads.

use allconv_kernels::{
    Accuracy, Activation, AverageDivisor, AxisMap, BlockGeometry, BlockOrder, ChannelMap, ConvBackward,
    ConvForward, ConvGeometry, ConvTransposeGeometry, Dropout, Elementwise, Engine, Epilogue, Isa,
    MixtureGradients, MixtureMaps, NormGeometry, NormSharing, Orders, Padding, PoolGeometry,
    ReassemblyGeometry, RegionLists, ResampleChannels, SgdStep, TransposedConvolution, WeightedPoolBackward,
    WindowFunction, assign_positions, assign_positions_backward, average_pool2d_backward,
    average_pool2d_forward, depth_to_space, drawn_positions, dropout_backward, dropout_forward,
    elementwise_backward, elementwise_forward, gather_positions, max_pool2d_backward, max_pool2d_forward,
    max_pool2d_values, median_positions, mixture_backward, mixture_forward, normalise_backward,
    normalise_forward, reassembly_backward, reassembly_forward, reassembly_weights, region_max_positions,
    resample, scatter_positions, sgd_momentum_step, space_to_depth, weighted_pool2d_backward,
    weighted_pool2d_forward,
};

use crate::case::{Case, Stream, epilogue, square};

/// Channels of most maps: a vector of four blocks, one block and channels that fill none.
const CHANNELS: usize = 43;
/// Values of maps without a shape: several of the pieces that tasks work on, the last one shorter.
const VALUES: usize = 70_004;

/// The results of all kernels, with their names.
#[derive(Default)]
struct Results(Vec<(String, Vec<u32>)>);

impl Results {
    fn add(&mut self, name: impl ToString, results: &[&[f32]]) {
        self.add_places(name, &results.iter().map(|values| bits(values)).collect::<Vec<_>>());
    }

    fn add_places(&mut self, name: impl ToString, results: &[Vec<u32>]) {
        self.0.push((name.to_string(), results.concat()));
    }
}

/// Returns the bits, the same for every NaN.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN } else { *value }.to_bits()).collect()
}

/// Returns values in [-1, 1), the same for the same key.
fn values(key: u32, len: usize) -> Vec<f32> {
    Stream { key, counter: 0 }.values(len)
}

#[test]
fn every_kernel_gives_the_same_bits_on_every_set_with_any_number_of_threads() {
    let mut first: Option<Results> = None;
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
            let found = pool.install(|| {
                let (engine, mut results) = (Engine::new(isa, Accuracy::F32), Results::default());
                convolutions(isa, &mut results);
                pools(&engine, &mut results);
                window_functions(&engine, &mut results);
                positions(&engine, &mut results);
                maps(&engine, &mut results);
                values_by_themselves(&engine, &mut results);
                results
            });
            let Some(first) = &first else {
                first = Some(found);
                continue;
            };
            assert_eq!(found.0.len(), first.0.len());
            for ((name, found), (_, expected)) in found.0.iter().zip(&first.0) {
                let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
                assert_eq!(
                    (differs, found.len()),
                    (None, expected.len()),
                    "{name}, {isa}, {threads} threads"
                );
            }
        }
    }
    let names: Vec<String> = first.into_iter().flat_map(|results| results.0).map(|(name, _)| name).collect();
    println!("compared on {:?}: {}", Isa::available(), names.join(", "));
}

fn convolutions(isa: Isa, results: &mut Results) {
    for (number, accuracy) in Accuracy::ALL.into_iter().enumerate() {
        let engine = Engine::new(isa, accuracy);
        for (kind, geometry) in [
            ("convolution", square(2, 10, [12, 20], 3, 1, 1)),
            ("strided convolution", square(2, 11, [10, 9], 3, 2, 1)),
            ("depthwise convolution", ConvGeometry { groups: 43, ..square(2, 7, [43, 43], 3, 1, 1) }),
        ] {
            let case = Case::new(geometry, epilogue(number, 5), number as u32);
            let passes = case.fast(&case.planned(&engine), &vec![1.0; case.dy.len()]);
            results.add(format!("{kind} {}", accuracy.name()), &passes.each_ref().map(|pass| &pass[..]));
        }
        for (kind, kernel, groups) in [("transposed", [3, 3], 2), ("block-wise transposed", [2, 2], 1)] {
            let geometry = ConvTransposeGeometry {
                batch: 2,
                height_in: 5,
                width_in: 6,
                channels_in: 12,
                channels_out: 16,
                kernel,
                stride: [2, 2],
                padding: Padding::NONE,
                output_padding: [0, 0],
                dilation: [1, 1],
                groups,
            };
            let adjoint = geometry.adjoint().expect("a valid geometry");
            let (x, weight) = (values(1, 2 * 5 * 6 * 12), values(2, adjoint.weight_len()));
            let (bias, dy) = (values(3, 16), values(4, adjoint.input_len()));
            let [mut y, mut dx] = [dy.clone(), x.clone()];
            let [mut dweight, mut dbias] = [weight.clone(), bias.clone()];
            let (convolution, epilogue) = (TransposedConvolution::plan(&engine, &geometry), Epilogue::RELU);
            let convolution = convolution.prepare(&weight);
            convolution.forward(ConvForward { x: &x, bias: Some(&bias), epilogue, y: &mut y });
            convolution.backward(ConvBackward {
                x: &x,
                y: &y,
                dy: &dy,
                epilogue,
                dx: Some(&mut dx),
                dweight: &mut dweight,
                dbias: Some(&mut dbias),
            });
            results.add(format!("{kind} convolution {}", accuracy.name()), &[&y, &dx, &dweight, &dbias]);
        }
    }
}

const POOL: PoolGeometry = PoolGeometry {
    batch: 2,
    height_in: 9,
    width_in: 8,
    channels: CHANNELS,
    kernel: [3, 2],
    stride: [2, 2],
    padding: Padding { top: 1, bottom: 1, left: 0, right: 1 },
    dilation: [1, 1],
    ceil_mode: false,
};

fn outputs(geometry: &PoolGeometry) -> usize {
    geometry.output_len().expect("a valid geometry")
}

fn pools(engine: &Engine, results: &mut Results) {
    let (x, dy) = (values(1, POOL.input_len()), values(2, outputs(&POOL)));
    for divisor in [AverageDivisor::IncludePadding, AverageDivisor::ExcludePadding] {
        let (mut y, mut dx) = (dy.clone(), x.clone());
        average_pool2d_forward(engine, &POOL, divisor, &x, &mut y);
        average_pool2d_backward(engine, &POOL, divisor, &dy, &mut dx);
        results.add("average pool", &[&y, &dx]);
    }
    // Ties, zeros of both signs and NaN; the second geometry is pooled along the axes in turn.
    let x: Vec<f32> =
        x.iter().map(|value| if *value > 0.99 { f32::NAN } else { (value * 2.0).trunc() }).collect();
    for geometry in [POOL, PoolGeometry { kernel: [5, 5], stride: [1, 1], ..POOL }] {
        let dy = values(2, outputs(&geometry));
        let (mut y, mut alone, mut places) = (dy.clone(), dy.clone(), vec![0; dy.len()]);
        let mut dx = x.clone();
        max_pool2d_forward(engine, &geometry, &x, &mut y, &mut places);
        max_pool2d_values(engine, &geometry, &x, &mut alone);
        max_pool2d_backward(engine, &geometry, &dy, &places, &mut dx);
        results.add_places("maximum pool", &[bits(&y), bits(&alone), places, bits(&dx)]);
    }
}

fn window_functions(engine: &Engine, results: &mut Results) {
    let (x, dy) = (values(1, POOL.input_len()), values(2, outputs(&POOL)));
    for function in [
        WindowFunction::SoftMean,
        WindowFunction::LogSumExp { sharpness: 1.7 },
        WindowFunction::Similarity,
        WindowFunction::SquareMean,
        WindowFunction::RankMean { top: 2 },
        WindowFunction::PNorm { mean: true },
        WindowFunction::PNorm { mean: false },
    ] {
        let orders: Vec<f32> = match function {
            WindowFunction::PNorm { .. } => values(3, CHANNELS).iter().map(|value| value + 2.5).collect(),
            _ => Vec::new(),
        };
        let (mut y, mut dx, mut dorders) = (dy.clone(), x.clone(), orders.clone());
        weighted_pool2d_forward(engine, &POOL, function, Orders(&orders), &x, &mut y);
        let operands = WeightedPoolBackward {
            orders: Orders(&orders),
            x: &x,
            y: &y,
            dy: &dy,
            dx: &mut dx,
            dorders: &mut dorders,
        };
        weighted_pool2d_backward(engine, &POOL, function, operands);
        results.add(format!("{function:?}"), &[&y, &dx, &dorders]);
    }
}

fn positions(engine: &Engine, results: &mut Results) {
    let (x, count) = (values(1, POOL.input_len()), outputs(&POOL));
    let [mut lower, mut upper, mut drawn] = [0; 3].map(|place| vec![place; count]);
    median_positions(engine, &POOL, &x, &mut lower, &mut upper);
    let positive: Vec<f32> = x.iter().map(|value| value.max(0.0)).collect();
    let draws: Vec<f32> = values(2, count).iter().map(|value| 0.5 + 0.5 * value).collect();
    drawn_positions(engine, &POOL, &positive, &draws, &mut drawn);
    let regions = RegionLists { rows: vec![vec![(0, 4), (2, 9)]], columns: vec![vec![(0, 3), (3, 8)]] };
    let mut largest = vec![0; 2 * 4 * CHANNELS];
    region_max_positions(engine, [2, 9, 8, CHANNELS], &regions, &x, &mut largest);
    results.add_places("chosen positions", &[lower.clone(), upper, drawn, largest]);

    let (mut gathered, mut scattered, mut assigned) = (vec![0.0; count], x.clone(), x.clone());
    gather_positions(2, CHANNELS, &lower, &x, &mut gathered);
    scatter_positions(2, CHANNELS, &lower, &gathered, &mut scattered);
    assign_positions(2, CHANNELS, &lower, &gathered, &mut assigned);
    let mut handed_back = vec![0.0; count];
    assign_positions_backward([2, CHANNELS], &lower, &gathered, [&assigned, &x], &mut handed_back);
    results.add("moved values", &[&gathered, &scattered, &assigned, &handed_back]);

    for order in [BlockOrder::ChannelMajor, BlockOrder::PhaseMajorDown, BlockOrder::PhaseMajorAcross] {
        let geometry = BlockGeometry { batch: 2, height: 9, width: 8, channels: CHANNELS, factor: 2, order };
        let (mut y, mut back) = (vec![0.0; 2 * 5 * 4 * 4 * CHANNELS], x.clone());
        space_to_depth(&geometry, &x, &mut y);
        depth_to_space(&geometry, &y, &mut back);
        results.add("blocks", &[&y, &back]);
    }
}

fn maps(engine: &Engine, results: &mut Results) {
    for sharing in [NormSharing::Batch, NormSharing::Groups(1), NormSharing::Groups(CHANNELS)] {
        let geometry = NormGeometry { batch: 2, positions: 500, channels: CHANNELS, sharing };
        let (x, dy) = (values(1, geometry.len()), values(2, geometry.len()));
        let (scale, shift) = (values(3, CHANNELS), values(4, CHANNELS));
        let (mut y, leaky) = (dy.clone(), Activation::LeakyRelu { slope: 0.1 });
        let statistics = normalise_forward(engine, &geometry, 1e-5, [&x, &scale, &shift], leaky, &mut y);
        let gradients =
            normalise_backward(engine, &geometry, 1e-5, &statistics, [&x, &scale, &y, &dy], leaky);
        let (mean, variance) = (&statistics.mean[..], &statistics.variance[..]);
        results
            .add("normalisation", &[&y, mean, variance, &gradients.dx, &gradients.dscale, &gradients.dshift]);
    }

    let axis = |key: u32, inputs: usize, outputs: usize| {
        let weights = values(key, inputs * outputs);
        let line = |line: &[f32]| line.iter().map(|weight| f64::from(*weight)).enumerate().collect();
        AxisMap::new(inputs, weights.chunks(inputs).map(line).collect())
    };
    let (rows, columns, x) = (axis(1, 9, 5), axis(2, 8, 11), values(3, POOL.input_len()));
    let map = ChannelMap { rows: &rows, columns: &columns, from: 0, to: 0 };
    let channels = ResampleChannels { input: CHANNELS, output: CHANNELS, each: CHANNELS };
    let mut y = vec![0.0; 2 * 5 * 11 * CHANNELS];
    resample(engine, &[&[map, map]], &[0, 0], channels, &x, &mut y);
    results.add("resampling", &[&y]);

    for count in [CHANNELS, VALUES / CHANNELS * CHANNELS] {
        let len = VALUES / CHANNELS * CHANNELS;
        let (logits, dy) = (values(1, count), values(4, len));
        let maps =
            MixtureMaps { logits: &logits[..], first: &values(2, len)[..], second: &values(3, len)[..] };
        let [mut y, mut dfirst, mut dsecond] = [0.0; 3].map(|value| vec![value; len]);
        let mut dlogits = logits.clone();
        mixture_forward(engine, CHANNELS, maps, &mut y);
        let gradients = MixtureGradients { logits: &mut dlogits, first: &mut dfirst, second: &mut dsecond };
        mixture_backward(engine, [4, CHANNELS], maps, &dy, gradients);
        results.add("mixture", &[&y, &dlogits, &dfirst, &dsecond]);
    }

    let geometry =
        ReassemblyGeometry { batch: 2, height: 4, width: 5, channels: CHANNELS, kernel: 3, factor: 2 };
    let (logits, x) = (values(1, 2 * 4 * 5 * geometry.weights()), values(2, 2 * 4 * 5 * CHANNELS));
    let dy = values(3, 4 * x.len());
    let (mut weights, mut y, mut dx, mut dlogits) = (logits.clone(), dy.clone(), x.clone(), logits.clone());
    reassembly_weights(engine, &geometry, &logits, &mut weights);
    reassembly_forward(engine, &geometry, &weights, &x, &mut y);
    reassembly_backward(engine, &geometry, &weights, [&x, &dy], [&mut dx, &mut dlogits]);
    results.add("reassembly", &[&weights, &y, &dx, &dlogits]);
}

fn values_by_themselves(engine: &Engine, results: &mut Results) {
    let (x, dy) = (values(1, VALUES), values(2, VALUES));
    let mut wide: Vec<f32> = x.iter().map(|value| 100.0 * value).collect();
    wide[..4].copy_from_slice(&[f32::NAN, -0.0, f32::INFINITY, f32::NEG_INFINITY]);
    for function in Elementwise::ALL {
        let (mut y, mut dx) = (vec![0.0; VALUES], vec![0.0; VALUES]);
        elementwise_forward(engine, function, &wide, &mut y);
        elementwise_backward(engine, function, &wide, &y, &dy, &mut dx);
        results.add(format!("{function:?}"), &[&y, &dx]);
    }

    let (dropout, mut y, mut dx) = (Dropout { rate: 0.3, key: 7 }, dy.clone(), dy.clone());
    dropout_forward(engine, &dropout, &x, &mut y);
    dropout_backward(engine, &dropout, &dy, &mut dx);
    results.add("dropout", &[&y, &dx]);

    for nesterov in [false, true] {
        let step = SgdStep { learning_rate: 0.1, momentum: 0.9, weight_decay: 1e-3, nesterov };
        let (mut weights, mut velocity) = (x.clone(), values(3, VALUES));
        sgd_momentum_step(engine, &mut weights, &dy, &mut velocity, step);
        results.add("descent", &[&weights, &velocity]);
    }
}
