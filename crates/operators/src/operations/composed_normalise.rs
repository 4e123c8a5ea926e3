//! Normalisation as a composition of Burn's own operations: its reference, and what runs on a GPU.

use allconv_kernels::NormSharing;
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, Shape, Slice, TensorMetadata};

use super::composed::{activated, before_activation};
use super::normalise::{EPSILON, NormaliseGradients, NormaliseSettings};

/// A map `[n, c, h, w]` seen as `[sets, values]` or the like: which shape, and which of its axes a set spans.
struct View {
    /// `[n, c, h, w]`.
    map: [usize; 4],
    /// `[n, groups, c / groups, h · w]`; a batch has as many groups as channels.
    grouped: Shape,
    /// The axes of the grouped shape that a set spans.
    spanned: &'static [usize],
    /// The number of values in a set.
    count: f64,
}

impl View {
    fn new<B: Backend>(x: &FloatTensor<B>, sharing: NormSharing) -> Self {
        let shape = x.shape();
        let map: [usize; 4] = std::array::from_fn(|axis| shape[axis]);
        let [batch, channels, height, width] = map;
        let (groups, spanned, count): (_, &'static [usize], _) = match sharing {
            NormSharing::Batch => (channels, &[0, 2, 3], batch * height * width),
            NormSharing::Groups(groups) => (groups, &[2, 3], channels / groups * height * width),
        };
        let grouped = Shape::new([batch, groups, channels / groups, height * width]);
        Self { map, grouped, spanned, count: count as f64 }
    }

    fn grouped<B: Backend>(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        B::float_reshape(x, self.grouped.clone())
    }

    /// The mean of each set, with axes of length 1 where it spans them.
    fn mean<B: Backend>(&self, grouped: FloatTensor<B>) -> FloatTensor<B> {
        B::float_div_scalar(B::float_sum_dims(grouped, self.spanned), self.count.into())
    }

    fn map<B: Backend>(&self, grouped: FloatTensor<B>) -> FloatTensor<B> {
        B::float_reshape(grouped, Shape::new(self.map))
    }

    /// A value for each channel as `[1, groups, c / groups, 1]`.
    fn of_channels<B: Backend>(&self, values: FloatTensor<B>) -> FloatTensor<B> {
        B::float_reshape(values, Shape::new([1, self.grouped[1], self.grouped[2], 1]))
    }

    /// A value for each set with the axes of the grouped shape.
    fn of_sets<B: Backend>(&self, values: FloatTensor<B>, sharing: NormSharing) -> FloatTensor<B> {
        let batch = match sharing {
            NormSharing::Batch => 1,
            NormSharing::Groups(_) => self.map[0],
        };
        B::float_reshape(values, Shape::new([batch, self.grouped[1], 1, 1]))
    }
}

/// See [`super::normalise()`].
pub(super) fn normalised<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    settings: &NormaliseSettings,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let view = View::new::<B>(&x, settings.sharing);
    let x = view.grouped::<B>(x);
    let mean = view.mean::<B>(x.clone());
    let distance = B::float_sub(x, mean.clone());
    let variance = view.mean::<B>(B::float_mul(distance.clone(), distance.clone()));
    let normal = B::float_mul(distance, inverse_deviation::<B>(variance.clone()));
    let scaled = B::float_mul(normal, view.of_channels::<B>(scale));
    let z = view.map::<B>(B::float_add(scaled, view.of_channels::<B>(shift)));
    let y = activated::<B>(z, settings.activation);
    let row = |sets: FloatTensor<B>| {
        let count = sets.shape().num_elements();
        B::float_reshape(sets, Shape::new([1, count]))
    };
    (y, B::float_cat(vec![row(mean), row(variance)], 0))
}

fn inverse_deviation<B: Backend>(variance: FloatTensor<B>) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(variance, EPSILON.into())))
}

/// The gradients of [`normalised`].
pub(super) fn normalised_backward<B: Backend>(
    [x, scale, y, statistics, dy]: [FloatTensor<B>; 5],
    settings: &NormaliseSettings,
) -> NormaliseGradients<B> {
    let view = View::new::<B>(&x, settings.sharing);
    let dz = before_activation::<B>(y, dy, settings.activation);
    let (x, dz) = (view.grouped::<B>(x), view.grouped::<B>(dz));
    let row = |index: isize| {
        let sets = statistics.shape()[1] as isize;
        let row = [Slice::from(index..index + 1), Slice::from(0..sets)];
        view.of_sets::<B>(B::float_slice(statistics.clone(), &row), settings.sharing)
    };
    let inverse = inverse_deviation::<B>(row(1));
    let distance = B::float_sub(x, row(0));
    let normal = B::float_mul(distance, inverse.clone());
    let channels = Shape::new([view.map[1]]);
    let over_positions =
        |values: FloatTensor<B>| B::float_reshape(B::float_sum_dims(values, &[0, 3]), channels.clone());
    let dshift = over_positions(dz.clone());
    let dscale = over_positions(B::float_mul(dz.clone(), normal.clone()));
    let scaled = B::float_mul(dz, view.of_channels::<B>(scale));
    let mean = view.mean::<B>(scaled.clone());
    let product = view.mean::<B>(B::float_mul(scaled.clone(), normal.clone()));
    let centred = B::float_sub(B::float_sub(scaled, mean), B::float_mul(normal, product));
    NormaliseGradients { dx: view.map::<B>(B::float_mul(centred, inverse)), dscale, dshift }
}
