//! Normalisation by statistics of the map itself, with scale, shift and activation in one operation.

use allconv_kernels::{
    Activation, Engine, NormGeometry, NormSharing, NormStatistics, normalise_backward, normalise_forward,
    unspecified_vec,
};
use burn::tensor::Tensor;

use super::activation::{activated, before_activation};
use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last, from_elements};
use super::place::{Number, Place, placed};

/// The constant added to variances, so that a constant map can be divided by its deviation. PyTorch's default.
pub const EPSILON: f64 = 1e-5;

/// The settings of a normalisation apart from its scale and shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormaliseSettings {
    /// Which values share a mean and a variance.
    pub sharing: NormSharing,
    /// What follows.
    pub activation: Activation,
}

/// A normalised map, and its statistics.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// The map, `[n, c, h, w]`.
    pub y: Tensor<4>,
    /// The means, then the variances (mean squares of the distances from the means): `[2, c]` for a batch, `[2, n · groups]` for
    /// groups, image by image; without a gradient.
    pub statistics: Tensor<2>,
}

/// The operands of the gradient of a normalisation, without a graph.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) x: Tensor<4>,
    pub(super) scale: Tensor<1>,
    pub(super) y: Tensor<4>,
    pub(super) statistics: Tensor<2>,
}

/// The gradients of a normalisation: of the map, the scale and the shift.
pub(super) type NormaliseGradients = (Tensor<4>, Tensor<1>, Tensor<1>);

/// Computes `y = f(scale·(x − μ)/√(σ² + 1e-5) + shift)`, mean μ and variance σ² those of the values that share them.
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

/// A map `[n, c, h, w]` seen as `[n, groups, c / groups, h · w]`, and which of these axes a set of values spans that are normalised
/// together.
struct View {
    /// `[n, c, h, w]`.
    map: [usize; 4],
    /// `[n, groups, c / groups, h · w]`; a batch has as many groups as channels.
    grouped: [usize; 4],
    /// The axes of the grouped shape that a set spans.
    spanned: &'static [usize],
    /// Sets along the axis of the images.
    images: usize,
    /// The number of values in a set.
    count: f64,
}

impl View {
    fn new(map @ [batch, channels, height, width]: [usize; 4], sharing: NormSharing) -> Self {
        let (groups, spanned, images, count): (_, &'static [usize], _, _) = match sharing {
            NormSharing::Batch => (channels, &[0, 2, 3], 1, batch * height * width),
            NormSharing::Groups(groups) => (groups, &[2, 3], batch, channels / groups * height * width),
        };
        let grouped = [batch, groups, channels / groups, height * width];
        Self { map, grouped, spanned, images, count: count as f64 }
    }

    fn grouped(&self, x: Tensor<4>) -> Tensor<4> {
        x.reshape(self.grouped)
    }

    /// Returns the mean of each set, with axes of length 1 where it spans them.
    fn mean(&self, grouped: Tensor<4>) -> Tensor<4> {
        grouped.sum_dims(self.spanned) / self.count
    }

    /// Returns a value for each channel as `[1, groups, c / groups, 1]`.
    fn of_channels(&self, values: Tensor<1>) -> Tensor<4> {
        values.reshape([1, self.grouped[1], self.grouped[2], 1])
    }

    /// Returns a value for each set with the axes of the grouped shape.
    fn of_sets(&self, values: Tensor<2>) -> Tensor<4> {
        values.reshape([self.images, self.grouped[1], 1, 1])
    }
}

/// Computes [`normalise`] without a graph.
pub(super) fn composed_normalise(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    settings: &NormaliseSettings,
) -> Normalised {
    let view = View::new(x.dims(), settings.sharing);
    let x = view.grouped(x);
    let mean = view.mean(x.clone());
    let distance = x - mean.clone();
    let variance = view.mean(distance.clone() * distance.clone());
    let normal = distance * inverse_deviation(variance.clone());
    let z = normal * view.of_channels(scale) + view.of_channels(shift);
    let sets = view.images * view.grouped[1];
    let statistics = Tensor::cat(vec![mean.reshape([1, sets]), variance.reshape([1, sets])], 0);
    Normalised { y: activated(z.reshape(view.map), settings.activation), statistics }
}

fn inverse_deviation(variance: Tensor<4>) -> Tensor<4> {
    (variance + EPSILON).sqrt().recip()
}

/// Computes the gradients of [`composed_normalise`].
pub(super) fn composed_normalise_gradients(
    Kept { x, scale, y, statistics }: Kept,
    dy: Tensor<4>,
    settings: &NormaliseSettings,
) -> NormaliseGradients {
    let view = View::new(x.dims(), settings.sharing);
    let dz = view.grouped(before_activation(y, dy, settings.activation));
    let row = |index: usize| view.of_sets(statistics.clone().narrow(0, index, 1));
    let inverse = inverse_deviation(row(1));
    let normal = (view.grouped(x) - row(0)) * inverse.clone();
    let over_positions = |values: Tensor<4>| values.sum_dims(&[0, 3]).reshape([view.map[1]]);
    let dshift = over_positions(dz.clone());
    let dscale = over_positions(dz.clone() * normal.clone());
    let scaled = dz * view.of_channels(scale);
    let mean = view.mean(scaled.clone());
    let product = view.mean(scaled.clone() * normal.clone());
    let centred = scaled - mean - normal * product;
    ((centred * inverse).reshape(view.map), dscale, dshift)
}
