//! Every fast convolution against the definition in f64: awkward shapes and random geometries, all passes, every
//! instruction set of this CPU, every accuracy class, within the stated error bounds.

use allconv_kernels::philox::{philox4x32, unit_f32};
use allconv_kernels::{
    Accuracy, Activation, ConvGeometry, ConvGradients, Dropout, Engine, Epilogue, Isa, Padding, candidates,
    conv2d_backward, conv2d_forward, naive,
};

/// A deterministic stream of random words.
struct Stream {
    key: u32,
    counter: u32,
}

impl Stream {
    fn word(&mut self) -> u32 {
        self.counter += 1;
        philox4x32([self.key, 0], [self.counter, 0, 0, 0])[0]
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.word() as usize % (high - low + 1)
    }

    /// Values in [-1, 1).
    fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| 2.0 * unit_f32(self.word()) - 1.0).collect()
    }
}

/// Operands of all passes of one convolution.
struct Case {
    geometry: ConvGeometry,
    epilogue: Epilogue,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

/// Results of all passes: output, input gradient, weight gradient, bias gradient.
type Results<T> = [Vec<T>; 4];

impl Case {
    fn new(geometry: ConvGeometry, epilogue: Epilogue, key: u32) -> Self {
        let mut stream = Stream { key, counter: 0 };
        let outputs = geometry.output_len().expect("the test made a valid geometry");
        Self {
            geometry,
            epilogue,
            x: stream.values(geometry.input_len()),
            weight: stream.values(geometry.weight_len()),
            bias: stream.values(geometry.channels_out),
            dy: stream.values(outputs),
        }
    }

    /// All passes. `y` of the backward pass is the reference's output, so that no sign of an activation differs.
    fn fast(&self, engine: &Engine, reference_y: &[f64]) -> Results<f32> {
        let Self { geometry, epilogue, x, weight, bias, dy } = self;
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        let (mut dweight, mut dbias) = (vec![f32::NAN; weight.len()], vec![f32::NAN; bias.len()]);
        conv2d_forward(engine, geometry, x, weight, Some(bias), epilogue, &mut y);
        let saved: Vec<f32> = reference_y.iter().map(|&y| y as f32).collect();
        let gradients = ConvGradients { dx: Some(&mut dx), dweight: &mut dweight, dbias: Some(&mut dbias) };
        conv2d_backward(engine, geometry, x, weight, &saved, dy, epilogue, gradients);
        [y, dx, dweight, dbias]
    }

    /// The definition in f64, and for every pass the largest sum of absolute products.
    fn reference(&self) -> (Results<f64>, [f64; 4]) {
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let absolute = |values: &[f64]| values.iter().map(|v| v.abs()).collect::<Vec<_>>();
        let (x, weight, bias, dy) = (wide(&self.x), wide(&self.weight), wide(&self.bias), wide(&self.dy));
        let mut y = vec![0.0; dy.len()];
        naive::convolve(&self.geometry, &x, &weight, Some(&bias), &self.epilogue, &mut y);
        let dz = naive::output_gradient(&self.epilogue, &y, &dy);
        let passes = |x: &[f64], weight: &[f64], dz: &[f64]| {
            let (mut dx, mut dweight, mut dbias) =
                (vec![0.0; x.len()], vec![0.0; weight.len()], vec![0.0; bias.len()]);
            naive::input_gradient(&self.geometry, weight, dz, &mut dx);
            naive::weight_gradient(&self.geometry, x, dz, &mut dweight);
            naive::bias_gradient(dz, &mut dbias);
            (dx, dweight, dbias)
        };
        let (dx, dweight, dbias) = passes(&x, &weight, &dz);
        let (x, weight, dz) = (absolute(&x), absolute(&weight), absolute(&dz));
        let mut scale = vec![0.0; dy.len()];
        let linear = Epilogue { activation: Activation::Identity, dropout: None };
        naive::convolve(&self.geometry, &x, &weight, Some(&absolute(&bias)), &linear, &mut scale);
        let largest = |values: &[f64]| values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let dropout_scale = f64::from(self.epilogue.dropout.map_or(1.0, |dropout| dropout.scale()));
        let (dx_scale, dweight_scale, dbias_scale) = passes(&x, &weight, &dz);
        let scales = [
            largest(&scale) * dropout_scale,
            largest(&dx_scale),
            largest(&dweight_scale),
            largest(&dbias_scale),
        ];
        ([y, dx, dweight, dbias], scales)
    }

    /// Checks all passes of every algorithm on every instruction set and accuracy class; returns the largest error per class.
    fn check(&self) -> [f64; 4] {
        let (reference, scales) = self.reference();
        Accuracy::ALL.map(|accuracy| {
            let mut worst = 0.0_f64;
            for isa in Isa::available() {
                let engine = Engine::new(isa, accuracy);
                for algorithm in candidates(&self.geometry, &engine) {
                let found = self.fast(&engine.clone().preferring(algorithm), &reference[0]);
                for (pass, name) in ["forward", "input gradient", "weight gradient", "bias gradient"].iter().enumerate() {
                    for (element, (found, expected)) in found[pass].iter().zip(&reference[pass]).enumerate() {
                        let error = (f64::from(*found) - expected).abs() / scales[pass];
                        assert!(
                            error <= accuracy.error_bound(),
                            "{name} {isa} {accuracy:?} {algorithm:?} {:?} {:?} element {element}: {found} against {expected}, error {error:e}",
                            self.geometry,
                            self.epilogue
                        );
                        worst = worst.max(error);
                    }
                }
                }
            }
            worst
        })
    }
}

/// The largest error per class.
#[derive(Default)]
struct Worst([f64; 4]);

impl Worst {
    fn add(&mut self, found: [f64; 4]) {
        self.0.iter_mut().zip(found).for_each(|(worst, found)| *worst = worst.max(found));
    }
}

impl std::fmt::Display for Worst {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Accuracy::ALL
            .iter()
            .zip(self.0)
            .try_for_each(|(class, worst)| write!(formatter, "{} {worst:e} ", class.name()))
    }
}

/// A square convolution with the same padding on all sides.
fn square(
    batch: usize,
    size: usize,
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
) -> ConvGeometry {
    ConvGeometry {
        batch,
        height_in: size,
        width_in: size,
        channels_in: channels[0],
        channels_out: channels[1],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: Padding::same(padding),
        dilation: [1, 1],
        groups: 1,
    }
}

/// An epilogue chosen by number, all kinds in turn.
fn epilogue(number: usize, key: u64) -> Epilogue {
    let activation =
        [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.1 }][number % 3];
    Epilogue { activation, dropout: (number % 2 == 1).then_some(Dropout { rate: 0.4, key }) }
}

#[test]
fn awkward_sizes_of_the_paper_s_kernels_agree() {
    let mut worst = Worst::default();
    for size in 1..=17 {
        for (number, (kernel, stride, padding)) in [
            (3, 1, 1),
            (3, 2, 1),
            (3, 1, 0),
            (1, 1, 0),
            (5, 1, 2),
            (2, 1, 0),
            (2, 2, 0),
            (3, 1, 5),
            (2, 3, 0),
            (3, 2, 0),
        ]
        .into_iter()
        .enumerate()
        {
            if size + 2 * padding < kernel {
                continue;
            }
            let channels = [[3, 10], [8, 24], [17, 5], [1, 1], [9, 33]][(size + number) % 5];
            let geometry = square(1 + size % 3, size, channels, kernel, stride, padding);
            let found = Case::new(geometry, epilogue(size + number, 7), (size * 100 + number) as u32).check();
            worst.add(found);
        }
    }
    println!("largest errors: {worst}");
}

#[test]
fn random_geometries_agree_in_all_passes() {
    let mut stream = Stream { key: 20_260, counter: 0 };
    let mut worst = Worst::default();
    let mut cases = 0;
    while cases < 150 {
        let groups = [1, 1, 1, 2, 3][stream.between(0, 4)];
        let depthwise = stream.between(0, 7) == 0;
        let channels_in = groups * stream.between(1, 14);
        let geometry = ConvGeometry {
            batch: stream.between(1, 5),
            height_in: stream.between(1, 13),
            width_in: stream.between(1, 13),
            channels_in,
            channels_out: if depthwise { channels_in } else { groups * stream.between(1, 14) },
            kernel: [stream.between(1, 4), stream.between(1, 4)],
            stride: [stream.between(1, 3), stream.between(1, 3)],
            padding: Padding {
                top: stream.between(0, 4),
                bottom: stream.between(0, 4),
                left: stream.between(0, 4),
                right: stream.between(0, 4),
            },
            dilation: [stream.between(1, 2), stream.between(1, 3)],
            groups: if depthwise { channels_in } else { groups },
        };
        if geometry.validate().is_err() {
            continue;
        }
        let found = Case::new(geometry, epilogue(cases, 1), cases as u32).check();
        worst.add(found);
        cases += 1;
    }
    println!("largest errors: {worst}");
}

#[test]
fn several_bands_and_slots_agree() {
    let mut worst = Worst::default();
    for (number, geometry) in [
        square(3, 24, [16, 24], 3, 1, 1),
        square(19, 8, [10, 12], 3, 1, 1),
        square(2, 40, [3, 9], 3, 1, 1),
        square(2, 33, [12, 20], 3, 2, 1),
        square(40, 6, [24, 16], 3, 1, 0),
        square(1, 30, [4, 8], 5, 1, 2),
        square(2, 21, [8, 8], 2, 3, 0),
        ConvGeometry { groups: 2, ..square(2, 20, [20, 6], 3, 1, 1) },
        ConvGeometry { groups: 12, ..square(2, 20, [12, 12], 3, 2, 1) },
        // The runs of channels of a depthwise convolution, from the longest to what is left over.
        ConvGeometry { groups: 96, ..square(2, 7, [96, 96], 3, 2, 1) },
        ConvGeometry { groups: 64, ..square(1, 6, [64, 64], 3, 1, 1) },
        ConvGeometry { groups: 43, ..square(1, 6, [43, 43], 3, 1, 1) },
        ConvGeometry { dilation: [2, 2], ..square(2, 20, [9, 6], 3, 1, 2) },
    ]
    .into_iter()
    .enumerate()
    {
        worst.add(Case::new(geometry, epilogue(number, 3), number as u32).check());
    }
    // Whole blocks and tiles with an epilogue that needs nothing but the value: computed straight into the map, 1×1 from the map too.
    for (number, geometry) in [
        square(40, 6, [24, 16], 1, 1, 0),
        square(2, 40, [3, 16], 3, 1, 1),
        square(5, 12, [16, 24], 3, 1, 1),
        square(3, 16, [8, 16], 3, 2, 1),
        ConvGeometry { groups: 2, ..square(3, 20, [32, 48], 1, 1, 0) },
        ConvGeometry { groups: 2, ..square(3, 12, [32, 16], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        for epilogue in [Epilogue::IDENTITY, Epilogue::RELU] {
            worst.add(Case::new(geometry, epilogue, 900 + number as u32).check());
        }
    }
    println!("largest errors: {worst}");
}

#[test]
fn results_are_bit_identical_for_any_number_of_threads() {
    for (number, geometry) in [
        square(5, 16, [24, 16], 3, 1, 1),
        square(5, 17, [10, 24], 3, 2, 1),
        square(2, 24, [8, 8], 2, 1, 0),
        square(37, 6, [8, 8], 3, 1, 0),
        square(3, 24, [3, 8], 5, 1, 2),
        square(6, 9, [16, 10], 1, 1, 0),
        ConvGeometry { groups: 8, ..square(4, 16, [8, 8], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, epilogue(number, 11), 500 + number as u32);
        for isa in Isa::available() {
            for accuracy in Accuracy::ALL {
                for algorithm in candidates(&geometry, &Engine::new(isa, accuracy)) {
                    let results = [1, 2, 3].map(|threads| {
                        let pool = rayon::ThreadPoolBuilder::new()
                            .num_threads(threads)
                            .build()
                            .expect("threads start");
                        pool.install(|| {
                            let engine = Engine::new(isa, accuracy).preferring(algorithm);
                            let y = case.fast(&engine, &vec![1.0; case.dy.len()]);
                            // A second run on used scratch memory must not differ either.
                            assert_eq!(
                                y,
                                case.fast(&engine, &vec![1.0; case.dy.len()]),
                                "second run, {geometry:?}"
                            );
                            y
                        })
                    });
                    assert_eq!(results[0], results[1], "1 and 2 threads, {geometry:?}");
                    assert_eq!(results[0], results[2], "1 and 3 threads, {geometry:?}");
                }
            }
        }
    }
}

#[test]
fn leaving_out_the_input_gradient_changes_nothing_else() {
    let case = Case::new(square(3, 11, [3, 12], 3, 1, 1), Epilogue::RELU, 9);
    let engine = Engine::detect();
    let (reference, _) = case.reference();
    let full = case.fast(&engine, &reference[0]);
    let saved: Vec<f32> = reference[0].iter().map(|&y| y as f32).collect();
    let mut dweight = vec![f32::NAN; case.weight.len()];
    let gradients = ConvGradients { dx: None, dweight: &mut dweight, dbias: None };
    conv2d_backward(
        &engine,
        &case.geometry,
        &case.x,
        &case.weight,
        &saved,
        &case.dy,
        &Epilogue::RELU,
        gradients,
    );
    assert_eq!(dweight, full[2]);
}

#[test]
fn instruction_sets_with_fused_multiply_adds_agree_to_the_last_bit() {
    let fused: Vec<Isa> = Isa::available().into_iter().filter(|&isa| isa != Isa::portable()).collect();
    println!("instruction sets compared: {fused:?}");
    for (number, geometry) in [
        square(2, 24, [40, 72], 3, 1, 1),
        square(2, 17, [10, 24], 3, 2, 1),
        square(9, 6, [16, 33], 3, 1, 0),
        square(2, 12, [48, 96], 5, 1, 2),
        square(1, 20, [3, 56], 7, 2, 3),
        ConvGeometry { groups: 8, ..square(2, 9, [8, 8], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, epilogue(number, 5), 900 + number as u32);
        for accuracy in Accuracy::ALL {
            for algorithm in candidates(&geometry, &Engine::new(Isa::detect(), accuracy)) {
                let results = fused.iter().map(|&isa| {
                    let engine = Engine::new(isa, accuracy).preferring(algorithm);
                    case.fast(&engine, &vec![1.0; case.dy.len()])
                });
                let results: Vec<_> = results.collect();
                for pair in results.windows(2) {
                    assert_eq!(pair[0], pair[1], "{accuracy:?} {algorithm:?} {geometry:?}");
                }
            }
        }
    }
}

/// What all results of the fused instruction sets hash to, class by class. Runs are compared and continued across versions of this
/// program: whoever changes one of these raises the revision of its class too.
const RESULTS: [(Accuracy, u32, u64); 4] = [
    (Accuracy::Exact, 1, 6_744_434_244_006_609_026),
    (Accuracy::F32, 1, 13_169_415_038_922_971_660),
    (Accuracy::Bf16, 2, 4_758_793_487_360_383_028),
    (Accuracy::Bf16Fast, 1, 13_785_486_989_870_774_106),
];

#[test]
fn results_are_to_the_last_bit_those_of_this_numerics_revision() {
    let Some(&isa) = Isa::available().iter().find(|&&isa| isa != Isa::portable()) else {
        return println!("not run: this CPU has no fused multiply-add that the kernels use");
    };
    let found = RESULTS.map(|(accuracy, ..)| {
        // FNV-1a over the bits of every element of every pass.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (number, geometry) in [
            square(3, 24, [40, 72], 3, 1, 1),
            square(5, 17, [10, 24], 3, 2, 1),
            square(37, 6, [16, 33], 3, 1, 0),
            square(2, 12, [48, 96], 5, 1, 2),
            square(2, 33, [3, 56], 7, 2, 3),
            square(3, 13, [9, 20], 2, 1, 0),
            square(6, 9, [64, 10], 1, 1, 0),
            ConvGeometry { groups: 8, ..square(2, 9, [8, 8], 3, 1, 1) },
            ConvGeometry { groups: 2, dilation: [2, 1], ..square(2, 15, [20, 6], 3, 1, 2) },
        ]
        .into_iter()
        .enumerate()
        {
            let case = Case::new(geometry, epilogue(number, 17), 1300 + number as u32);
            for algorithm in candidates(&geometry, &Engine::new(isa, accuracy)) {
                let engine = Engine::new(isa, accuracy).preferring(algorithm);
                for value in case.fast(&engine, &vec![1.0; case.dy.len()]).iter().flatten() {
                    hash = (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        (accuracy, accuracy.numerics_revision(), hash)
    });
    assert_eq!(found, RESULTS);
}

/// Rounded to eight significant bits, ties to even.
fn rounded(values: &[f32]) -> Vec<f32> {
    let nearest = |value: f32| {
        let unit = f64::from(value).abs().max(f64::MIN_POSITIVE).log2().floor().exp2() / 128.0;
        ((f64::from(value) / unit).round_ties_even() * unit) as f32
    };
    values.iter().copied().map(nearest).collect()
}

#[test]
fn bf16_is_exact_arithmetic_on_rounded_operands_wherever_nothing_is_transformed() {
    for (number, geometry) in [
        square(2, 12, [10, 24], 3, 2, 1),
        square(2, 9, [3, 16], 5, 1, 2),
        square(3, 6, [16, 9], 1, 1, 0),
        ConvGeometry { groups: 8, ..square(2, 9, [8, 8], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, Epilogue::IDENTITY, 700 + number as u32);
        let [x, weight, dy] = [&case.x, &case.weight, &case.dy].map(|operand| rounded(operand));
        assert!(x != case.x && weight != case.weight && dy != case.dy);
        let on_rounded = Case { x, weight, dy, bias: case.bias.clone(), ..case };
        let y = vec![0.0; case.dy.len()];
        for isa in Isa::available() {
            for class in [Accuracy::Bf16, Accuracy::Bf16Fast] {
                let direct = candidates(&geometry, &Engine::new(isa, Accuracy::Exact))[0];
                let found = case.fast(&Engine::new(isa, class).preferring(direct), &y);
                let exact = Engine::new(isa, Accuracy::Exact);
                let expected = on_rounded.fast(&exact, &y);
                for pass in 0..3 {
                    assert_eq!(found[pass], expected[pass], "pass {pass} {isa} {class:?} {geometry:?}");
                }
                // The bias gradient has no product: it sums what was given.
                assert_eq!(found[3], case.fast(&exact, &y)[3], "{isa} {class:?} {geometry:?}");
            }
        }
    }
}
