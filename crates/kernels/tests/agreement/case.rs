//! A convolution with its operands: computed by the kernels, and by the definition in f64.

use allconv_kernels::{
    Accuracy, Activation, ConvBackward, ConvForward, ConvGeometry, Convolution, Dropout, Engine, Epilogue,
    Isa, Padding, reference,
};
use allconv_random::{philox4x32, unit_f32};

/// A deterministic stream of random words.
pub(crate) struct Stream {
    pub(crate) key: u32,
    pub(crate) counter: u32,
}

impl Stream {
    pub(crate) fn word(&mut self) -> u32 {
        self.counter += 1;
        philox4x32([self.key, 0], [self.counter, 0, 0, 0])[0]
    }

    /// Returns a number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.word() as usize % (high - low + 1)
    }

    /// Returns values in [-1, 1).
    pub(crate) fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| 2.0 * unit_f32(self.word()) - 1.0).collect()
    }
}

/// Operands of all passes of one convolution.
pub(crate) struct Case {
    pub(crate) geometry: ConvGeometry,
    pub(crate) epilogue: Epilogue,
    pub(crate) x: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) dy: Vec<f32>,
}

/// Results of all passes: output, input gradient, weight gradient, bias gradient.
pub(crate) type Results<T> = [Vec<T>; 4];

impl Case {
    pub(crate) fn new(geometry: ConvGeometry, epilogue: Epilogue, key: u32) -> Self {
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

    /// Returns the convolution as it is planned for an engine.
    pub(crate) fn planned(&self, engine: &Engine) -> Convolution {
        Convolution::plan(engine, &self.geometry)
    }

    /// Returns the convolution by every algorithm that an engine admits.
    pub(crate) fn by_every_algorithm(&self, engine: &Engine) -> Vec<Convolution> {
        let planned = self.planned(engine);
        let candidates = planned.candidates().into_iter();
        candidates.map(|algorithm| planned.clone().preferring(algorithm)).collect()
    }

    /// Returns all passes. `y` of the backward pass is the reference's output, so that no sign of an activation differs.
    pub(crate) fn fast(&self, convolution: &Convolution, reference_y: &[f64]) -> Results<f32> {
        let Self { epilogue, x, weight, bias, dy, .. } = self;
        let (convolution, epilogue) = (convolution.prepare(weight), *epilogue);
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        let (mut dweight, mut dbias) = (vec![f32::NAN; weight.len()], vec![f32::NAN; bias.len()]);
        convolution.forward(ConvForward { x, bias: Some(bias), epilogue, y: &mut y });
        let saved: Vec<f32> = reference_y.iter().map(|&y| y as f32).collect();
        convolution.backward(ConvBackward {
            x,
            y: &saved,
            dy,
            epilogue,
            dx: Some(&mut dx),
            dweight: &mut dweight,
            dbias: Some(&mut dbias),
        });
        [y, dx, dweight, dbias]
    }

    /// Returns the definition in f64, and for every pass the largest sum of absolute products.
    pub(crate) fn reference(&self) -> (Results<f64>, [f64; 4]) {
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let absolute = |values: &[f64]| values.iter().map(|v| v.abs()).collect::<Vec<_>>();
        let (x, weight, bias, dy) = (wide(&self.x), wide(&self.weight), wide(&self.bias), wide(&self.dy));
        let mut y = vec![0.0; dy.len()];
        reference::convolve(&self.geometry, &x, &weight, Some(&bias), &self.epilogue, &mut y);
        let dz = reference::output_gradient(&self.epilogue, &y, &dy);
        let passes = |x: &[f64], weight: &[f64], dz: &[f64]| {
            let (mut dx, mut dweight, mut dbias) =
                (vec![0.0; x.len()], vec![0.0; weight.len()], vec![0.0; bias.len()]);
            reference::input_gradient(&self.geometry, weight, dz, &mut dx);
            reference::weight_gradient(&self.geometry, x, dz, &mut dweight);
            reference::bias_gradient(dz, &mut dbias);
            (dx, dweight, dbias)
        };
        let (dx, dweight, dbias) = passes(&x, &weight, &dz);
        let (x, weight, dz) = (absolute(&x), absolute(&weight), absolute(&dz));
        let mut scale = vec![0.0; dy.len()];
        let linear = Epilogue { activation: Activation::Identity, dropout: None };
        reference::convolve(&self.geometry, &x, &weight, Some(&absolute(&bias)), &linear, &mut scale);
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
    pub(crate) fn check(&self) -> [f64; 4] {
        let (reference, scales) = self.reference();
        Accuracy::ALL.map(|accuracy| {
            let mut worst = 0.0_f64;
            for isa in Isa::available() {
                for convolution in self.by_every_algorithm(&Engine::new(isa, accuracy)) {
                    let found = self.fast(&convolution, &reference[0]);
                    worst = worst.max(self.check_passes(&convolution, &found, &reference, &scales));
                }
            }
            worst
        })
    }

    /// Asserts the bound of the accuracy class for every element; returns the largest error.
    fn check_passes(
        &self,
        convolution: &Convolution,
        found: &Results<f32>,
        reference: &Results<f64>,
        scales: &[f64; 4],
    ) -> f64 {
        let accuracy = convolution.engine().accuracy();
        let mut worst = 0.0_f64;
        let names = ["forward", "input gradient", "weight gradient", "bias gradient"];
        for (pass, name) in names.iter().enumerate() {
            for (element, (found, expected)) in found[pass].iter().zip(&reference[pass]).enumerate() {
                let error = (f64::from(*found) - expected).abs() / scales[pass];
                assert!(
                    error <= accuracy.error_bound(),
                    "{name} {convolution:?} {:?} element {element}: {found} against {expected}, error {error:e}",
                    self.epilogue
                );
                worst = worst.max(error);
            }
        }
        worst
    }
}

/// The largest error per class.
#[derive(Default)]
pub(crate) struct Worst([f64; 4]);

impl Worst {
    pub(crate) fn add(&mut self, found: [f64; 4]) {
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

/// Returns a square convolution with the same padding on all sides.
pub(crate) fn square(
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

/// Returns an epilogue chosen by number, all kinds in turn.
pub(crate) fn epilogue(number: usize, key: u64) -> Epilogue {
    let activation =
        [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.1 }][number % 3];
    Epilogue { activation, dropout: (number % 2 == 1).then_some(Dropout { rate: 0.4, key }) }
}
