//! Two maps joined: along the channels, or added.

use allconv_kernels::unspecified_vec;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last};
use super::place::{Number, Place, placed};

/// Elements that one task copies or adds.
const CHUNK: usize = 1 << 14;

/// Returns the channels of `first`, then those of `second`: `[n, c₁ + c₂, h, w]`.
///
/// # Panics
///
/// When the numbers of images, the heights or the widths differ.
pub fn concatenate_channels(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    let ([images, channels, height, width], [others, _, rows, columns]) = (first.dims(), second.dims());
    assert_eq!(
        [images, height, width],
        [others, rows, columns],
        "images, height and width of two maps that are joined"
    );
    let y = placed!(
        Place::of(&first),
        T => join::<T>(first.clone().inner(), second.clone().inner()),
        else composed_join(first.clone().inner(), second.clone().inner())
    );
    differentiable(y, [first.into(), second.into()], move |dy, _| {
        let parts = placed!(
            Place::of(&dy),
            T => part::<T>(dy, channels),
            else composed_part(dy, channels)
        );
        parts.map(|part| Some(part.into()))
    })
}

/// Computes `first + scale · second`.
///
/// # Panics
///
/// When the shapes differ.
pub fn sum_of(first: Tensor<4>, second: Tensor<4>, scale: f64) -> Tensor<4> {
    assert_eq!(first.dims(), second.dims(), "shapes of two maps that are added");
    let y = placed!(
        Place::of(&first),
        T => add::<T>(first.clone().inner(), second.clone().inner(), scale),
        else composed_sum(first.clone().inner(), second.clone().inner(), scale)
    );
    differentiable(y, [first.into(), second.into()], move |dy, _| {
        let scaled = if scale == 1.0 { dy.clone() } else { dy.clone() * scale };
        [Some(dy.into()), Some(scaled.into())]
    })
}

fn join<T: Number>(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    let (first, second) = (Dense::channels_last(first), Dense::channels_last(second));
    let [batch, height, width, of_first] = first.sizes();
    let of_second = second.sizes()[3];
    let channels = of_first + of_second;
    let mut y = unspecified_vec::<T>(batch * height * width * channels);
    let positions = (CHUNK / channels).max(1);
    y.par_chunks_mut(positions * channels)
        .zip(first.slice::<T>().par_chunks(positions * of_first))
        .zip(second.slice::<T>().par_chunks(positions * of_second))
        .for_each(|((y, first), second)| {
            let parts = first.chunks_exact(of_first).zip(second.chunks_exact(of_second));
            for (y, (first, second)) in y.chunks_exact_mut(channels).zip(parts) {
                let (head, tail) = y.split_at_mut(of_first);
                head.copy_from_slice(first);
                tail.copy_from_slice(second);
            }
        });
    from_channels_last(y, [batch, height, width, channels])
}

fn part<T: Number>(x: Tensor<4>, of_first: usize) -> [Tensor<4>; 2] {
    let x = Dense::channels_last(x);
    let [batch, height, width, channels] = x.sizes();
    let of_second = channels - of_first;
    let area = batch * height * width;
    let mut first = unspecified_vec::<T>(area * of_first);
    let mut second = unspecified_vec::<T>(area * of_second);
    let positions = (CHUNK / channels).max(1);
    x.slice::<T>()
        .par_chunks(positions * channels)
        .zip(first.par_chunks_mut(positions * of_first))
        .zip(second.par_chunks_mut(positions * of_second))
        .for_each(|((x, first), second)| {
            let parts = first.chunks_exact_mut(of_first).zip(second.chunks_exact_mut(of_second));
            for (x, (first, second)) in x.chunks_exact(channels).zip(parts) {
                let (head, tail) = x.split_at(of_first);
                first.copy_from_slice(head);
                second.copy_from_slice(tail);
            }
        });
    let map = |values, channels| from_channels_last(values, [batch, height, width, channels]);
    [map(first, of_first), map(second, of_second)]
}

fn add<T: Number>(first: Tensor<4>, second: Tensor<4>, scale: f64) -> Tensor<4> {
    let (first, second) = (Dense::channels_last(first), Dense::channels_last(second));
    let scale = T::from_f64(scale);
    let mut y = unspecified_vec::<T>(first.slice::<T>().len());
    y.par_chunks_mut(CHUNK)
        .zip(first.slice::<T>().par_chunks(CHUNK))
        .zip(second.slice::<T>().par_chunks(CHUNK))
        .for_each(|((y, first), second)| {
            y.iter_mut()
                .zip(first)
                .zip(second)
                .for_each(|((y, first), second)| *y = *first + scale * *second);
        });
    from_channels_last(y, first.sizes())
}

/// Computes [`concatenate_channels`] as a composition of Burn's operations.
pub(super) fn composed_join(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    Tensor::cat(vec![first, second], 1)
}

/// Returns the first `channels` of a map, and the others.
fn composed_part(x: Tensor<4>, channels: usize) -> [Tensor<4>; 2] {
    let [_, all, _, _] = x.dims();
    [x.clone().narrow(1, 0, channels), x.narrow(1, channels, all - channels)]
}

/// Computes [`sum_of`] as a composition of Burn's operations.
pub(super) fn composed_sum(first: Tensor<4>, second: Tensor<4>, scale: f64) -> Tensor<4> {
    first + second * scale
}
