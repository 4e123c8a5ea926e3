//! Normalisation by statistics of the map itself, with scale, shift and activation in one operation.

use allconv_kernels::{
    Activation, Engine, NormGeometry, NormSharing, NormStatistics, normalise_backward, normalise_forward,
    unspecified_vec,
};
use burn::tensor::Tensor;

use super::composed_normalise::{composed_normalise, composed_normalise_gradients};
use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last, from_elements};
use super::place::{Number, Place, placed};

/// What is added to variances, so that a constant map can be divided by its deviation. PyTorch's default.
pub const EPSILON: f64 = 1e-5;

/// What a normalisation does besides its scale and shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormaliseSettings {
    /// Which values share a mean and a variance.
    pub sharing: NormSharing,
    /// What follows.
    pub activation: Activation,
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

/// What the gradient of a normalisation is computed of, without a graph.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) x: Tensor<4>,
    pub(super) scale: Tensor<1>,
    pub(super) y: Tensor<4>,
    pub(super) statistics: Tensor<2>,
}

/// The gradients of a normalisation: of the map, the scale and the shift.
pub(super) type NormaliseGradients = (Tensor<4>, Tensor<1>, Tensor<1>);

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
    let parents = [(&x).into(), (&scale).into(), (&shift).into()];
    let (x, scale, shift) = (x.inner(), scale.inner(), shift.inner());
    let Normalised { y, statistics } = placed!(
        Place::of(&x),
        T => forward::<T>(x.clone(), scale.clone(), shift, &settings, engine),
        else composed_normalise(x.clone(), scale.clone(), shift, &settings)
    );
    let kept = Kept { x, scale, y: y.clone(), statistics: statistics.clone() };
    let engine = engine.clone();
    let y = differentiable(y, parents, move |dy, _| {
        let (dx, dscale, dshift) = placed!(
            Place::of(&dy),
            T => backward::<T>(kept, dy, &settings, &engine),
            else composed_normalise_gradients(kept, dy, &settings)
        );
        [Some(dx.into()), Some(dscale.into()), Some(dshift.into())]
    });
    Normalised { y, statistics }
}

impl NormaliseSettings {
    fn geometry(&self, [batch, height, width, channels]: [usize; 4]) -> NormGeometry {
        NormGeometry { batch, positions: height * width, channels, sharing: self.sharing }
    }
}

fn forward<T: Number>(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    settings: &NormaliseSettings,
    engine: &Engine,
) -> Normalised {
    let (x, scale, shift) = (Dense::channels_last(x), Dense::in_order(scale), Dense::in_order(shift));
    let geometry = settings.geometry(x.sizes());
    let mut y = unspecified_vec(geometry.len());
    let operands = [x.slice::<T>(), scale.slice(), shift.slice()];
    let statistics = normalise_forward(engine, &geometry, EPSILON, operands, settings.activation, &mut y);
    let NormStatistics { mut mean, variance } = statistics;
    mean.extend(variance);
    let statistics = from_elements(mean, [2, geometry.sets()]);
    Normalised { y: from_channels_last(y, x.sizes()), statistics }
}

fn backward<T: Number>(
    kept: Kept,
    dy: Tensor<4>,
    settings: &NormaliseSettings,
    engine: &Engine,
) -> NormaliseGradients {
    let (x, scale) = (Dense::channels_last(kept.x), Dense::in_order(kept.scale));
    let (y, dy) = (Dense::channels_last(kept.y), Dense::channels_last(dy));
    let geometry = settings.geometry(x.sizes());
    let statistics = Dense::in_order(kept.statistics);
    let (mean, variance) = statistics.slice::<T>().split_at(geometry.sets());
    let statistics = NormStatistics { mean: mean.to_vec(), variance: variance.to_vec() };
    let operands = [x.slice(), scale.slice(), y.slice(), dy.slice()];
    let gradients =
        normalise_backward(engine, &geometry, EPSILON, &statistics, operands, settings.activation);
    let vector = |values: Vec<T>| from_elements(values, [geometry.channels]);
    (from_channels_last(gradients.dx, x.sizes()), vector(gradients.dscale), vector(gradients.dshift))
}
