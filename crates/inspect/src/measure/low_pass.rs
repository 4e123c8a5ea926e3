//! The ideal low-pass filter of a feature map.

use allconv_kernels::{AxisMap, Engine};
use allconv_operators::operations::{SeparableMap, separable};
use allconv_random::elementary::cos_sin_of_turn;
use burn::tensor::Tensor;

/// Returns maps `[n, c, h, w]` without the frequencies at and above `1/(2·stride)` cycles per position, the new Nyquist limit, on either
/// axis.
///
/// `P[i, j] = (1/n) Σ_{|f| < n/(2·stride)} cos(2π f (i − j)/n)` on each axis: circular, linear and idempotent.
pub(super) fn below_nyquist(maps: Tensor<4>, stride: usize, engine: &Engine) -> Tensor<4> {
    let [_, _, rows, columns] = maps.dims();
    separable(maps, SeparableMap::new(projection(rows, stride), projection(columns, stride)), engine)
}

/// Returns the filter along an axis.
fn projection(size: usize, stride: usize) -> AxisMap {
    // Frequencies from 1 on stand for themselves and their negatives.
    let below = (1..size).take_while(|frequency| frequency * 2 * stride < size);
    let along_distance: Vec<f64> = (0..size)
        .map(|distance| {
            let wave = |frequency: usize| cos_sin_of_turn((frequency * distance) as u64, size as u64)[0];
            (1.0 + below.clone().map(|frequency| 2.0 * wave(frequency)).sum::<f64>()) / size as f64
        })
        .collect();
    let row = |index: usize| {
        (0..size).map(|position| (position, along_distance[index.abs_diff(position)])).collect()
    };
    AxisMap::new(size, (0..size).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::elementary::cos;

    use crate::tensors::host;
    use burn::tensor::{DType, Device, TensorData};

    #[test]
    fn waves_below_the_limit_are_kept_and_others_removed() {
        for (size, frequency, stays) in
            [(8, 1, true), (8, 2, false), (8, 3, false), (9, 2, true), (9, 3, false)]
        {
            let wave: Vec<f64> = (0..size * size)
                .map(|position| {
                    cos(std::f64::consts::TAU * (frequency * (position % size)) as f64 / size as f64 + 0.3)
                })
                .collect();
            let data = TensorData::new(wave.clone(), [1, 1, size, size]);
            let maps = Tensor::<4>::from_data(data, (&Device::flex(), DType::F64));
            for (found, wave) in host(below_nyquist(maps, 2, &Engine::detect())).iter().zip(&wave) {
                let expected = if stays { *wave } else { 0.0 };
                assert!((found - expected).abs() < 1e-12, "size {size}, frequency {frequency}");
            }
        }
    }
}
