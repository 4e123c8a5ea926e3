//! Structural similarity.

use allconv_random::elementary::{exp, square};

use super::Plane;

/// Pixels on each side of a window's centre.
const REACH: usize = 5;
/// Height and width of a window, in pixels: planes that are smaller have no value.
pub const SSIM_WINDOW: usize = 2 * REACH + 1;
/// Standard deviation of the window's Gaussian weights, in pixels.
const DEVIATION: f64 = 1.5;

/// Returns the mean structural similarity of two planes of values from 0 to 255, in [−1, 1]; 1 for equal planes.
///
/// SSIM = mean of (2 μₐμ_b + C₁)(2 σ_ab + C₂) / ((μₐ² + μ_b² + C₁)(σₐ² + σ_b² + C₂)) over all places where an 11×11 window of Gaussian
/// weights (σ = 1.5) fits, with C₁ = (0.01·255)², C₂ = (0.03·255)². `None` if the planes are smaller than a window.
///
/// Source: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE TIP 13
/// (2004); the values are those of scikit-image with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.
///
/// # Panics
/// If the planes have different sizes.
pub fn ssim(first: &Plane, second: &Plane) -> Option<f64> {
    let sizes = (first.height, first.width);
    assert_eq!(sizes, (second.height, second.width), "planes of different sizes");
    if sizes.0 < SSIM_WINDOW || sizes.1 < SSIM_WINDOW {
        return None;
    }
    let product = |a: &Plane, b: &Plane| -> Plane {
        let values = a.values.iter().zip(&b.values).map(|(a, b)| a * b).collect();
        Plane::new(a.height, a.width, values)
    };
    let [mean_a, mean_b] = [first, second].map(|plane| blurred(plane).values);
    let [square_a, square_b, cross] =
        [product(first, first), product(second, second), product(first, second)]
            .map(|plane| blurred(&plane).values);
    let (c1, c2) = (square(0.01 * 255.0), square(0.03 * 255.0));
    let sum: f64 = (0..mean_a.len())
        .map(|place| {
            let (a, b) = (mean_a[place], mean_b[place]);
            let covariance = cross[place] - a * b;
            let variances = square_a[place] - a * a + square_b[place] - b * b;
            (2.0 * a * b + c1) * (2.0 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2))
        })
        .sum();
    Some(sum / mean_a.len() as f64)
}

/// Returns the plane's Gaussian mean at every place where a window fits.
fn blurred(plane: &Plane) -> Plane {
    let mut weights = [0.0; SSIM_WINDOW];
    for (place, weight) in weights.iter_mut().enumerate() {
        let distance = place as f64 - REACH as f64;
        *weight = exp(-distance * distance / (2.0 * DEVIATION * DEVIATION));
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    let (height, width) = (plane.height - 2 * REACH, plane.width - 2 * REACH);
    let mut rows = vec![0.0; height * plane.width];
    for (row, target) in rows.chunks_exact_mut(plane.width).enumerate() {
        for (offset, weight) in weights.iter().enumerate() {
            let source = &plane.values[(row + offset) * plane.width..][..plane.width];
            target.iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    let mut values = Vec::with_capacity(height * width);
    for row in rows.chunks_exact(plane.width) {
        values.extend(
            row.windows(weights.len())
                .map(|window| window.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>()),
        );
    }
    Plane::new(height, width, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_planes_have_ssim_1_and_planes_below_a_window_have_none() {
        let plane = Plane::new(11, 12, (0..132).map(f64::from).collect());
        assert!((ssim(&plane, &plane).unwrap() - 1.0).abs() < 1e-12);
        let small = Plane::new(10, 12, vec![0.0; 120]);
        assert_eq!(ssim(&small, &small), None);
    }

    #[test]
    fn constant_planes_are_compared_by_their_means_alone() {
        let plane = |value| Plane::new(11, 11, vec![value; 121]);
        let c1 = square(0.01 * 255.0);
        let expected = (2.0 * 100.0 * 120.0 + c1) / (100.0 * 100.0 + 120.0 * 120.0 + c1);
        assert!((ssim(&plane(100.0), &plane(120.0)).unwrap() - expected).abs() < 1e-9);
    }
}
