//! The stages as Burn modules.

use allconv_kernels::{Activation, Dropout, Engine, Epilogue, WeightCache};
use allconv_operators::operations::{
    ConvolutionSettings, Divisor, PoolWindow, average_pool, convolution_keeping_weights, dropout, rectifier,
};
use allconv_operators::{
    Bias, ConvolutionSpec, OperatorLayer, ParameterSource, Reducer, ReluRule, Start, UpsampleConfig,
};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};

use crate::branches::BranchLayer;
use crate::normalise_layer::NormaliseLayer;
use crate::stage::ActivationKind;

/// One stage of a network, with its parameters.
#[derive(Module, Debug)]
pub enum Stage {
    /// A convolution.
    Convolution(ConvolutionLayer),
    /// An activation.
    Activation(ActivationLayer),
    /// Dropout.
    Dropout(DropoutLayer),
    /// A downsampling operator.
    Downsample(OperatorLayer<Reducer>),
    /// An upsampling operator.
    Upsample(OperatorLayer<UpsampleConfig>),
    /// A normalisation.
    Normalise(NormaliseLayer),
    /// A map kept, taken back, or returned to.
    Branch(BranchLayer),
    /// The mean over all positions.
    GlobalAverage(GlobalAverageLayer),
}

/// A convolution, with or without bias.
#[derive(Module, Debug)]
pub struct ConvolutionLayer {
    /// `[c_out, c_in, kh, kw]`, PyTorch's order.
    pub weight: Param<Tensor<4>>,
    /// `[c_out]`; `None` where no bias is added.
    pub bias: Option<Param<Tensor<1>>>,
    /// Its settings.
    #[module(skip)]
    pub spec: ConvolutionSpec,
    /// The weights in the layout of the kernels, stored between forward passes outside training.
    #[module(skip)]
    pub kept: WeightCache,
}

impl ConvolutionLayer {
    /// Returns the layer for maps of `channels`, with initial parameters from `source`.
    pub(crate) fn new(spec: ConvolutionSpec, channels: usize, source: &ParameterSource<'_>) -> Self {
        let ConvolutionSpec { channels_out, kernel: [rows, columns], groups, .. } = spec;
        let shape = [channels_out, channels / groups, rows, columns];
        Self {
            weight: source.parameter("weight", shape, spec.initial.start()),
            bias: (spec.bias == Bias::Added)
                .then(|| source.parameter("bias", [channels_out], Start::Filled(0.0))),
            spec,
            kept: WeightCache::default(),
        }
    }

    /// Computes `[n, c_out, h_out, w_out]` from `[n, c_in, h, w]`, followed by the epilogue.
    pub fn forward(&self, x: Tensor<4>, epilogue: Epilogue, engine: &Engine) -> Tensor<4> {
        let ConvolutionSpec { stride, border, dilation, groups, .. } = self.spec;
        let settings = ConvolutionSettings { stride, padding: border.padding(), dilation, groups, epilogue };
        let weight = self.weight.val();
        let bias = self.bias.as_ref().map_or_else(
            || Tensor::zeros([self.spec.channels_out], (&weight.device(), weight.dtype())),
            Param::val,
        );
        // In training the weights change with every step, and would only be copied.
        let kept = (!weight.device().is_autodiff()).then_some(&self.kept);
        convolution_keeping_weights(x, weight, bias, settings, engine, kept)
    }
}

/// An activation, element by element.
#[derive(Module, Debug)]
pub struct ActivationLayer {
    #[module(skip)]
    kind: ActivationKind,
}

impl ActivationLayer {
    /// Returns a layer of this kind.
    pub fn new(kind: ActivationKind) -> Self {
        Self { kind }
    }

    /// Returns the activations, of the same shape; the backward pass follows `rule`.
    pub fn forward(&self, x: Tensor<4>, rule: ReluRule) -> Tensor<4> {
        match (self.kind, rule) {
            (ActivationKind::Relu, ReluRule::Backpropagation) => relu(x),
            (ActivationKind::LeakyRelu { slope }, ReluRule::Backpropagation) => leaky_relu(x, slope),
            (ActivationKind::Relu, rule) => rectifier(x, 0.0, rule),
            (ActivationKind::LeakyRelu { slope }, rule) => rectifier(x, slope, rule),
        }
    }

    /// Returns the same function as a part of a convolution.
    pub fn fused(&self) -> Activation {
        match self.kind {
            ActivationKind::Relu => Activation::Relu,
            ActivationKind::LeakyRelu { slope } => Activation::LeakyRelu { slope: slope as f32 },
        }
    }
}

/// Dropout, active in training only.
#[derive(Module, Debug)]
pub struct DropoutLayer {
    rate: f64,
}

impl DropoutLayer {
    /// Returns a layer that drops an element with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }

    /// Returns the dropout with the mask of `key`; `None` where nothing is dropped.
    pub fn keyed(&self, key: u64) -> Option<Dropout> {
        (self.rate > 0.0).then_some(Dropout { rate: self.rate as f32, key })
    }

    /// Returns the values after dropout, of the same shape; `mask` as [`Self::keyed`] gives it, or `None` outside training.
    pub fn forward(&self, x: Tensor<4>, mask: Option<Dropout>, engine: &Engine) -> Tensor<4> {
        match mask {
            None => x,
            Some(mask) => dropout(x, mask, engine),
        }
    }
}

/// The mean over all positions.
#[derive(Module, Debug)]
pub struct GlobalAverageLayer {}

impl GlobalAverageLayer {
    /// Computes `[n, c, 1, 1]` from `[n, c, h, w]`.
    pub fn forward(&self, x: Tensor<4>, engine: &Engine) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let size = height.max(width);
        average_pool(x, PoolWindow::cut_off(size, size), Divisor::Elements, engine)
    }
}
