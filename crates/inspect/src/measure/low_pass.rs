//! The ideal low-pass filter of a map: what is left of it below a frequency.

use burn::tensor::{Tensor, TensorData};

/// Maps `[n, c, h, w]` without the frequencies at and above `1/(2·stride)` cycles a cell, the new Nyquist limit, on either axis.
///
/// `P[i, j] = (1/n) Σ_{|f| < n/(2·stride)} cos(2π f (i − j)/n)` on each axis: circular, linear and idempotent.
pub(super) fn below_nyquist(maps: Tensor<4>, stride: usize) -> Tensor<4> {
    let [_, _, rows, columns] = maps.dims();
    let projection = |side: usize| -> Tensor<4> {
        let values = projection(side, stride);
        let options = (&maps.device(), maps.dtype());
        Tensor::from_data(TensorData::new(values, [1, 1, side, side]), options)
    };
    let (down, across) = (projection(rows), projection(columns));
    // The matrices are symmetric.
    down.matmul(maps).matmul(across)
}

/// The filter's matrix, row by row.
fn projection(side: usize, stride: usize) -> Vec<f64> {
    let frequencies: Vec<f64> = (0..side)
        .map(|index| if 2 * index < side { index as f64 } else { index as f64 - side as f64 })
        .filter(|frequency| frequency.abs() * 2.0 * (stride as f64) < side as f64)
        .collect();
    let value = |cell: usize| {
        let distance = (cell / side) as f64 - (cell % side) as f64;
        let angle = |frequency: &f64| std::f64::consts::TAU * frequency * distance / side as f64;
        frequencies.iter().map(|frequency| angle(frequency).cos()).sum::<f64>() / side as f64
    };
    (0..side * side).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::host;
    use burn::tensor::{DType, Device};

    #[test]
    fn waves_below_the_limit_stay_and_others_go() {
        for (side, frequency, stays) in
            [(8, 1, true), (8, 2, false), (8, 3, false), (9, 2, true), (9, 3, false)]
        {
            let wave: Vec<f64> = (0..side * side)
                .map(|cell| {
                    (std::f64::consts::TAU * (frequency * (cell % side)) as f64 / side as f64 + 0.3).cos()
                })
                .collect();
            let data = TensorData::new(wave.clone(), [1, 1, side, side]);
            let maps = Tensor::<4>::from_data(data, (&Device::flex(), DType::F64));
            for (found, wave) in host(below_nyquist(maps, 2)).iter().zip(&wave) {
                let expected = if stays { *wave } else { 0.0 };
                assert!((found - expected).abs() < 1e-12, "side {side}, frequency {frequency}");
            }
        }
    }
}
