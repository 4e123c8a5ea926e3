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
    /// The weights as the kernels want them, kept between forward passes outside training.
    #[module(skip)]
    pub kept: WeightCache,
}

impl ConvolutionLayer {
    /// The layer for maps of `channels`, its parameters starting as `source` says.
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

    /// `[n, c_in, h, w]` to `[n, c_out, h_out, w_out]`, with what the epilogue adds.
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
    /// A layer of this kind.
    pub fn new(kind: ActivationKind) -> Self {
        Self { kind }
    }

    /// The same shape; on the way back what `rule` says.
    pub fn forward(&self, x: Tensor<4>, rule: ReluRule) -> Tensor<4> {
        match (self.kind, rule) {
            (ActivationKind::Relu, ReluRule::Backpropagation) => relu(x),
            (ActivationKind::LeakyRelu { slope }, ReluRule::Backpropagation) => leaky_relu(x, slope),
            (ActivationKind::Relu, rule) => rectifier(x, 0.0, rule),
            (ActivationKind::LeakyRelu { slope }, rule) => rectifier(x, slope, rule),
        }
    }

    /// The same function as a part of a convolution.
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
    /// A layer that drops an element with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }

    /// The dropout with the mask of `key`; `None` where nothing is dropped.
    pub fn keyed(&self, key: u64) -> Option<Dropout> {
        (self.rate > 0.0).then_some(Dropout { rate: self.rate as f32, key })
    }

    /// The same shape; `mask` as [`Self::keyed`] gives it, or `None` outside training.
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
    /// `[n, c, h, w]` to `[n, c, 1, 1]`.
    pub fn forward(&self, x: Tensor<4>, engine: &Engine) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let side = height.max(width);
        average_pool(x, PoolWindow::cut_off(side, side), Divisor::Cells, engine)
    }
}
