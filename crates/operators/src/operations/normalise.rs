//! Normalisation by statistics of the map itself, with scale, shift and activation in one operator.

use allconv_kernels::{
    Activation, Engine, NormGeometry, NormSharing, NormStatistics, Scalar, normalise_backward,
    normalise_forward, unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, ExtensionType, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{AutodiffBackend, Backend, DType, Element};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::composed_normalise as composed;
use super::nhwc::{Dense, dense, from_channels_last};

/// What is added to variances, so that a constant map can be divided by its deviation. PyTorch's default.
pub(crate) const EPSILON: f64 = 1e-5;

/// What a normalisation does besides its scale and shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormaliseSettings {
    /// Which values share a mean and a variance.
    pub sharing: NormSharing,
    /// What follows.
    pub activation: Activation,
}

/// The gradients of a normalisation.
#[derive(ExtensionType)]
pub struct NormaliseGradients<B: Backend> {
    /// With respect to the map, `[n, c, h, w]`.
    pub dx: FloatTensor<B>,
    /// With respect to the scale, `[c]`.
    pub dscale: FloatTensor<B>,
    /// With respect to the shift, `[c]`.
    pub dshift: FloatTensor<B>,
}

/// A normalised map, and what it was normalised by.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// The map, `[n, c, h, w]`.
    pub y: Tensor<4>,
    /// The means, then the variances (mean squares of the distances from the means): `[2, c]` for a batch, `[2, n · groups]` for
    /// groups, image by image; without a gradient.
    pub statistics: Tensor<2>,
}

/// `y = f(scale·(x − μ)/√(σ² + 1e-5) + shift)`, mean μ and variance σ² those of the values that share them.
///
/// Shapes: `x` `[n, c, h, w]`, `scale` and `shift` `[c]`.
///
/// # Panics
///
/// When the shapes do not fit together, or the groups do not divide the channels.
pub fn normalise(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    settings: NormaliseSettings,
    engine: &Engine,
) -> Normalised {
    let (y, statistics) = <Dispatch as NormaliseOps>::normalised(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        settings,
        engine.clone(),
    );
    Normalised { y: Tensor::from_dispatch(y), statistics: Tensor::from_dispatch(statistics) }
}

/// Normalisation as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait NormaliseOps: Backend {
    /// See [`normalise`].
    fn normalised(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        settings: NormaliseSettings,
        engine: Engine,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let _ = engine;
        composed::normalised::<Self>(x, scale, shift, &settings)
    }

    /// The gradients, from operands, both results and the gradient `dy` of the first.
    fn normalised_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        y: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        settings: NormaliseSettings,
        engine: Engine,
    ) -> NormaliseGradients<Self> {
        let _ = engine;
        composed::normalised_backward::<Self>([x, scale, y, statistics, dy], &settings)
    }
}

#[cfg(feature = "gpu")]
impl NormaliseOps for burn_cubecl::CubeBackend {}

impl NormaliseOps for Flex {
    fn normalised(
        x: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        settings: NormaliseSettings,
        engine: Engine,
    ) -> (FlexTensor, FlexTensor) {
        match x.dtype() {
            DType::F32 => forward::<f32>([x, scale, shift], &settings, &engine),
            DType::F64 => forward::<f64>([x, scale, shift], &settings, &engine),
            _ => composed::normalised::<Self>(x, scale, shift, &settings),
        }
    }

    fn normalised_backward(
        x: FlexTensor,
        scale: FlexTensor,
        y: FlexTensor,
        statistics: FlexTensor,
        dy: FlexTensor,
        settings: NormaliseSettings,
        engine: Engine,
    ) -> NormaliseGradients<Flex> {
        match x.dtype() {
            DType::F32 => backward::<f32>([x, scale, y, statistics, dy], &settings, &engine),
            DType::F64 => backward::<f64>([x, scale, y, statistics, dy], &settings, &engine),
            _ => composed::normalised_backward::<Self>([x, scale, y, statistics, dy], &settings),
        }
    }
}

impl NormaliseSettings {
    fn geometry(&self, [batch, height, width, channels]: [usize; 4]) -> NormGeometry {
        NormGeometry { batch, positions: height * width, channels, sharing: self.sharing }
    }
}

fn forward<T: Scalar + Element + Pod>(
    [x, scale, shift]: [FlexTensor; 3],
    settings: &NormaliseSettings,
    engine: &Engine,
) -> (FlexTensor, FlexTensor) {
    let (x, scale, shift) = (Dense::channels_last(x), Dense::in_order(scale), Dense::in_order(shift));
    let geometry = settings.geometry(x.sizes());
    let mut y = unspecified_vec(geometry.len());
    let operands = [x.slice::<T>(), scale.slice(), shift.slice()];
    let statistics = normalise_forward(engine, &geometry, EPSILON, operands, settings.activation, &mut y);
    let NormStatistics { mut mean, variance } = statistics;
    mean.extend(variance);
    (from_channels_last(y, x.sizes()), dense(mean, &[2, geometry.sets()], T::dtype()))
}

fn backward<T: Scalar + Element + Pod>(
    [x, scale, y, statistics, dy]: [FlexTensor; 5],
    settings: &NormaliseSettings,
    engine: &Engine,
) -> NormaliseGradients<Flex> {
    let (x, scale) = (Dense::channels_last(x), Dense::in_order(scale));
    let (y, dy) = (Dense::channels_last(y), Dense::channels_last(dy));
    let geometry = settings.geometry(x.sizes());
    let statistics = Dense::in_order(statistics);
    let (mean, variance) = statistics.slice::<T>().split_at(geometry.sets());
    let statistics = NormStatistics { mean: mean.to_vec(), variance: variance.to_vec() };
    let operands = [x.slice(), scale.slice(), y.slice(), dy.slice()];
    let gradients =
        normalise_backward(engine, &geometry, EPSILON, &statistics, operands, settings.activation);
    let vector = |values: Vec<T>| dense(values, &[geometry.channels], T::dtype());
    NormaliseGradients {
        dx: from_channels_last(gradients.dx, x.sizes()),
        dscale: vector(gradients.dscale),
        dshift: vector(gradients.dshift),
    }
}

/// The gradient of a normalisation.
#[derive(Debug)]
struct NormaliseBackward;

/// Operands and results, with the settings.
#[derive(Clone, Debug)]
struct Saved<F> {
    x: F,
    scale: F,
    y: F,
    statistics: F,
    settings: NormaliseSettings,
    engine: Engine,
}

impl<B: NormaliseOps> Backward<B, 3> for NormaliseBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, scale_node, shift_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let Saved { x, scale, y, statistics, settings, engine } = ops.state;
        let result = B::normalised_backward(x, scale, y, statistics, dy, settings, engine);
        for (node, gradient) in
            [(x_node, result.dx), (scale_node, result.dscale), (shift_node, result.dshift)]
        {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: NormaliseOps, C: CheckpointStrategy> NormaliseOps for Autodiff<B, C> {
    fn normalised(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        settings: NormaliseSettings,
        engine: Engine,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), scale.node(), shift.node()];
        let (x, scale, shift) = (x.into_primitive(), scale.into_primitive(), shift.into_primitive());
        let (y, statistics) = B::normalised(x.clone(), scale.clone(), shift, settings, engine.clone());
        let untracked = Self::from_inner(statistics.clone());
        let y = match NormaliseBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let saved = Saved { x, scale, y: y.clone(), statistics, settings, engine };
                preparation.finish(saved, y)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        };
        (y, untracked)
    }
}
