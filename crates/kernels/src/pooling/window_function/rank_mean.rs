//! The mean of the largest values, each with the same weight.

use super::lanes::Lanes;
use crate::cpu::LANES;
use crate::numbers::{Scalar, lanes};

#[inline(always)]
pub(super) fn value<T: Scalar>(window: &[Lanes<T>], top: u32) -> Lanes<T> {
    let (weight, mut sum) = (weight::<T>(window, top), [T::ZERO; LANES]);
    for (place, x) in window.iter().enumerate() {
        let larger = larger_values(window, place);
        for lane in 0..LANES {
            sum[lane] += if larger[lane] < top { x[lane] } else { T::ZERO };
        }
    }
    lanes!(lane => sum[lane] * weight)
}

#[inline(always)]
pub(super) fn gradients<T: Scalar>(
    window: &[Lanes<T>],
    top: u32,
    dy: Lanes<T>,
    gradients: &mut Vec<Lanes<T>>,
) {
    let weight = weight::<T>(window, top);
    for place in 0..window.len() {
        let larger = larger_values(window, place);
        gradients.push(lanes!(lane => if larger[lane] < top { dy[lane] * weight } else { T::ZERO }));
    }
}

/// Counts for each lane the values that come before the one at `place`: larger ones, and equal ones that stand before it.
#[inline(always)]
fn larger_values<T: Scalar>(window: &[Lanes<T>], place: usize) -> [u32; LANES] {
    let (x, mut count) = (&window[place], [0; LANES]);
    for other in &window[..place] {
        for lane in 0..LANES {
            count[lane] += u32::from(other[lane] >= x[lane]);
        }
    }
    for other in &window[place + 1..] {
        for lane in 0..LANES {
            count[lane] += u32::from(other[lane] > x[lane]);
        }
    }
    count
}

/// Returns the weight of each of the largest values: a window cut off to fewer is averaged as a whole.
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "windows are far smaller than 2^24 pixels")]
fn weight<T: Scalar>(window: &[Lanes<T>], top: u32) -> T {
    T::ONE / T::from_f64(window.len().min(top as usize) as f64)
}
