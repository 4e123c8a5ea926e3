//! Normalisation as a stage: trainable scale and shift, and for batch normalisation the running statistics that evaluation uses.

use std::sync::{Mutex, PoisonError};

use allconv_kernels::{Activation, Engine, NormSharing};
use allconv_operators::operations::{
    EPSILON, NormaliseSettings, activated, channels_first, channels_last, normalise,
};
use allconv_operators::{InitialWeights, ParameterSource, Start, to_host};
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

use crate::mode::Mode;
use crate::stage::{NormaliseKind, NormaliseSpec};

/// The weight of a batch's statistics in the running ones. PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// A normalisation with its parameters, called as in PyTorch's `BatchNorm2d` and `GroupNorm`.
#[derive(Module, Debug)]
pub struct NormaliseLayer {
    /// The scale γ, `[c]`.
    pub weight: Param<Tensor<1>>,
    /// The shift β, `[c]`.
    pub bias: Param<Tensor<1>>,
    /// Of a batch: the running mean, `[c]`. It has no gradient.
    pub running_mean: Option<Param<Tensor<1>>>,
    /// Of a batch: the running variance (over n − 1), `[c]`. It has no gradient.
    pub running_var: Option<Param<Tensor<1>>>,
    #[module(skip)]
    spec: NormaliseSpec,
    #[module(skip)]
    seen: SeenStatistics,
}

/// The statistics of the last training batch, until they are folded into the running ones; clones start empty.
#[derive(Debug, Default)]
struct SeenStatistics(Mutex<Option<BatchStatistics>>);

/// Mean and variance (over n − 1) of each channel.
#[derive(Debug)]
struct BatchStatistics {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Clone for SeenStatistics {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl NormaliseLayer {
    /// Returns the layer for maps of `channels`.
    pub(crate) fn new(spec: NormaliseSpec, channels: usize, source: &ParameterSource<'_>) -> Self {
        let scale = match spec.scale {
            InitialWeights::Drawn => 1.0,
            InitialWeights::Scaled(factor) => factor,
            InitialWeights::Zero => 0.0,
        };
        let running = |value| match spec.kind {
            NormaliseKind::Batch => Some(source.buffer([channels], value)),
            NormaliseKind::Group { .. } => None,
        };
        Self {
            weight: source.parameter("weight", [channels], Start::Filled(scale)),
            bias: source.parameter("bias", [channels], Start::Filled(0.0)),
            running_mean: running(0.0),
            running_var: running(1.0),
            spec,
            seen: SeenStatistics::default(),
        }
    }

    /// Computes the normalised values, of the same shape, followed by `activation`. In training a batch is normalised by its own statistics,
    /// otherwise by the running ones.
    pub(crate) fn forward(
        &self,
        x: Tensor<4>,
        activation: Activation,
        mode: Mode,
        engine: &Engine,
    ) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        match (self.spec.kind, &self.running_mean, &self.running_var, mode) {
            (NormaliseKind::Batch, Some(mean), Some(variance), Mode::Evaluate) => {
                activated(by_running(x, [mean.val(), variance.val(), weight, bias]), activation)
            }
            (NormaliseKind::Group { groups }, ..) => {
                let settings = NormaliseSettings { sharing: NormSharing::Groups(groups), activation };
                normalise(x, weight, bias, settings, engine).y
            }
            (NormaliseKind::Batch, ..) => {
                let settings = NormaliseSettings { sharing: NormSharing::Batch, activation };
                let [batch, _, height, width] = x.dims();
                let normalised = normalise(x, weight, bias, settings, engine);
                self.remember(normalised.statistics, batch * height * width);
                normalised.y
            }
        }
    }

    fn remember(&self, statistics: Tensor<2>, count: usize) {
        let values: Vec<f64> = to_host(statistics);
        let (mean, variance) = values.split_at(values.len() / 2);
        // A single value has no variance; PyTorch refuses it in training, here it is 0.
        let unbiased = count as f64 / (count.max(2) - 1) as f64;
        let seen = BatchStatistics {
            mean: mean.to_vec(),
            variance: variance.iter().map(|variance| variance * unbiased).collect(),
        };
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// Folds the statistics of the last training batch into the running ones:
    /// `running ← 0.9·running + 0.1·batch`, in f64, once for each batch.
    pub(crate) fn absorb_statistics(&mut self) {
        let seen = self.seen.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(BatchStatistics { mean, variance }) = seen else { return };
        for (running, seen) in [(&mut self.running_mean, mean), (&mut self.running_var, variance)] {
            *running = running.take().map(|running| folded(running, &seen));
        }
    }
}

fn folded(running: Param<Tensor<1>>, seen: &[f64]) -> Param<Tensor<1>> {
    running.map(|running| {
        let (device, dtype) = (running.device(), running.dtype());
        let fold = |(running, seen): (f64, &f64)| (1.0 - MOMENTUM) * running + MOMENTUM * seen;
        let values: Vec<f64> = to_host::<f64, 1, _>(running).into_iter().zip(seen).map(fold).collect();
        let count = values.len();
        Tensor::from_data(TensorData::new(values, [count]), (&device, dtype))
    })
}

/// Computes `(x − mean)·weight/√(variance + 1e-5) + bias`, channel by channel.
fn by_running(x: Tensor<4>, [mean, variance, weight, bias]: [Tensor<1>; 4]) -> Tensor<4> {
    let channels = mean.dims()[0];
    let along = |values: Tensor<1>| values.reshape([1, 1, 1, channels]);
    let scale = weight / variance.add_scalar(EPSILON).sqrt();
    channels_first((channels_last(x) - along(mean)) * along(scale) + along(bias))
}
