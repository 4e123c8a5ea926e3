//! Dropout by a hash of (key, element): the same mask on every device and for any number of threads.

use allconv_kernels::{Dropout, Engine, dropout_backward, dropout_forward, unspecified_vec};
use allconv_random::splitmix64;
use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};
use burn_backend::IntDType;
use burn_backend::ops::IntTensorOps;

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last};
use super::place::{Number, Place, placed};

/// Applies inverted dropout to `[n, c, h, w]`: an element becomes 0 with probability `rate`, and `x / (1 − rate)` otherwise.
///
/// The element's number is its flat index in `[n, h, w, c]`.
pub fn dropout(x: Tensor<4>, dropout: Dropout, engine: &Engine) -> Tensor<4> {
    let y = placed!(
        Place::of(&x),
        T => masked::<T>(x.clone().inner(), &dropout, engine, dropout_forward),
        else composed_dropout(x.clone().inner(), &dropout)
    );
    let engine = engine.clone();
    differentiable(y, [(&x).into()], move |dy, _| {
        let dx = placed!(
            Place::of(&dy),
            T => masked::<T>(dy, &dropout, &engine, dropout_backward),
            else composed_dropout(dy, &dropout)
        );
        [Some(dx.into())]
    })
}

fn masked<T: Number>(
    x: Tensor<4>,
    dropout: &Dropout,
    engine: &Engine,
    kernel: fn(&Engine, &Dropout, &[T], &mut [T]),
) -> Tensor<4> {
    let x = Dense::channels_last(x);
    let mut y = unspecified_vec(x.slice::<T>().len());
    kernel(engine, dropout, x.slice(), &mut y);
    from_channels_last(y, x.sizes())
}

/// Computes [`dropout`] as a composition of Burn's operations, and its own gradient: the kernels' hash of (key, element), computed with
/// integers on the device.
pub(super) fn composed_dropout(x: Tensor<4>, dropout: &Dropout) -> Tensor<4> {
    let key = splitmix64(dropout.key);
    let threshold = (f64::from(dropout.rate) * 4_294_967_296.0) as u64;
    let mut hash = channels_last_index(&x);
    for half in [key & 0xffff_ffff, key >> 32] {
        hash = mix(hash.bitwise_xor_scalar(half));
    }
    (x * dropout.scale()).mask_fill(hash.lower_elem(threshold), 0.0)
}

/// Returns for each element of `[n, c, h, w]` its flat index in `[n, h, w, c]`, as 32-bit unsigned integers.
fn channels_last_index(x: &Tensor<4>) -> Tensor<4, Int> {
    let [batch, channels, height, width] = x.dims();
    let axis = |axis: usize, count: usize, step: usize| {
        let mut shape = [1; 4];
        shape[axis] = count;
        let range = Dispatch::int_arange(0..count as i64, x.device().as_dispatch(), IntDType::U32);
        Tensor::<1, Int>::from_dispatch(range).mul_scalar(step as u64).reshape(shape)
    };
    let rows = axis(0, batch, height * width * channels) + axis(2, height, width * channels);
    rows + (axis(3, width, channels) + axis(1, channels, 1))
}

/// Returns the bit mixer of the kernels' dropout: see [`Dropout`].
fn mix(hash: Tensor<4, Int>) -> Tensor<4, Int> {
    let fold =
        |hash: Tensor<4, Int>, bits: u64| hash.clone().bitwise_xor(hash.bitwise_right_shift_scalar(bits));
    let hash = fold(hash, 16).mul_scalar(0x7feb_352d_u64);
    let hash = fold(hash, 15).mul_scalar(0x846c_a68b_u64);
    fold(hash, 16)
}
