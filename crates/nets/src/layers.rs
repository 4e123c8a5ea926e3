//! The stages as Burn modules.

use allconv_kernels::{Activation, Dropout, Engine, Epilogue, Padding, WeightCache};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};

use crate::branches::BranchLayer;
use crate::downsample::Downsample;
use crate::normalise_layer::NormaliseLayer;
use crate::ops::{
    ConvolutionSettings, Divisor, PoolWindow, average_pool, convolution_keeping_weights, dropout, rectifier,
};
use crate::signal_rules::ReluRule;
use crate::stage::{ActivationKind, Border, ConvolutionSpec};
use crate::upsample::Upsample;

/// One stage of a network, with its parameters.
#[derive(Module, Debug)]
pub enum Stage {
    /// A convolution with bias.
    Convolution(ConvolutionLayer),
    /// An activation.
    Activation(ActivationLayer),
    /// Dropout.
    Dropout(DropoutLayer),
    /// A downsampling operator.
    Downsample(Downsample),
    /// An upsampling operator.
    Upsample(Upsample),
    /// A normalisation.
    Normalise(NormaliseLayer),
    /// A map kept, taken back, or returned to.
    Branch(BranchLayer),
    /// The mean over all positions.
    GlobalAverage(GlobalAverageLayer),
}

/// A convolution with bias.
#[derive(Module, Debug)]
pub struct ConvolutionLayer {
    /// `[c_out, c_in, kh, kw]`, PyTorch's order.
    pub weight: Param<Tensor<4>>,
    /// `[c_out]`.
    pub bias: Param<Tensor<1>>,
    /// Its settings.
    #[module(skip)]
    pub spec: ConvolutionSpec,
    /// The weights as the kernels want them, kept between forward passes outside training.
    #[module(skip)]
    pub kept: WeightCache,
}

impl ConvolutionLayer {
    /// `[n, c_in, h, w]` to `[n, c_out, h_out, w_out]`, with what the epilogue adds.
    pub fn forward(&self, x: Tensor<4>, epilogue: Epilogue, engine: &Engine) -> Tensor<4> {
        let ConvolutionSpec { stride, border: Border { before, after }, dilation, groups, .. } = self.spec;
        let padding = Padding { top: before, bottom: after, left: before, right: after };
        let settings = ConvolutionSettings { stride, padding, dilation, groups, epilogue };
        let weight = self.weight.val();
        // In training the weights change with every step, and would only be copied.
        let kept = (!weight.device().is_autodiff()).then(|| self.kept.share());
        convolution_keeping_weights(x, weight, self.bias.val(), settings, engine, kept)
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
