//! Normalisation as a composition of Burn's operations: its reference, and what runs where there are no kernels.

use allconv_kernels::NormSharing;
use burn::tensor::Tensor;

use super::activation::{activated, before_activation};
use super::normalise::{EPSILON, Kept, NormaliseGradients, NormaliseSettings, Normalised};

/// A map `[n, c, h, w]` seen as `[n, groups, c / groups, h · w]`, and which of these axes a set of values spans that are normalised together.
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

    /// The mean of each set, with axes of length 1 where it spans them.
    fn mean(&self, grouped: Tensor<4>) -> Tensor<4> {
        grouped.sum_dims(self.spanned) / self.count
    }

    /// A value for each channel as `[1, groups, c / groups, 1]`.
    fn of_channels(&self, values: Tensor<1>) -> Tensor<4> {
        values.reshape([1, self.grouped[1], self.grouped[2], 1])
    }

    /// A value for each set with the axes of the grouped shape.
    fn of_sets(&self, values: Tensor<2>) -> Tensor<4> {
        values.reshape([self.images, self.grouped[1], 1, 1])
    }
}

/// [`normalise`](super::normalise()) without a graph.
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

/// The gradients of [`composed_normalise`].
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
