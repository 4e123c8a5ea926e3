//! Conversion of pixels from bytes to network inputs and back, and noise.

use allconv_random::Stream;

/// Returns a pixel value as network input, in [−1/2, 1/2].
pub fn centred(value: u8) -> f32 {
    f32::from(value) / 255.0 - 0.5
}

/// Returns the pixel value nearest to a network's output.
pub fn pixel_value(centred: f32) -> u8 {
    ((centred + 0.5) * 255.0).round().clamp(0.0, 255.0) as u8
}

/// Adds Gaussian noise of standard deviation `sigma` grey levels to centred pixels, without rounding or limiting.
pub fn add_noise(pixels: &mut [f32], sigma: f64, mut stream: Stream) {
    if sigma == 0.0 {
        return;
    }
    let scale = (sigma / 255.0) as f32;
    for pair in pixels.chunks_mut(2) {
        for (value, normal) in pair.iter_mut().zip(stream.normal_pair()) {
            *value += scale * normal as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_values_are_restored_after_centring() {
        assert!((0..=255).all(|value| pixel_value(centred(value)) == value));
        assert_eq!((pixel_value(-0.7), pixel_value(0.8)), (0, 255));
    }
}
