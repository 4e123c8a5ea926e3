//! Random numbers that are a function of a key alone.

use allconv_kernels::philox::{philox4x32, unit_f32};

/// A counter-based stream.
#[derive(Clone, Debug)]
pub(super) struct Random {
    key: [u32; 2],
    counter: u32,
    block: [u32; 4],
    used: usize,
}

impl Random {
    /// The stream of (purpose, number); equal arguments give equal numbers.
    pub(super) fn new(purpose: u32, number: u64) -> Random {
        Random { key: [number as u32, purpose ^ (number >> 32) as u32], counter: 0, block: [0; 4], used: 4 }
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        if self.used == 4 {
            self.block = philox4x32(self.key, [self.counter, 0, 0, 0]);
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        f64::from(unit_f32(self.block[self.used - 1]))
    }

    /// A standard normal number (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A Poisson number of this mean (Knuth's product below 30, the rounded normal approximation above).
    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1, 2);
        let mut moments = |draw: &mut dyn FnMut(&mut Random) -> f64| {
            let values: Vec<f64> = (0..20_000).map(|_| draw(&mut random)).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0)
        };
        // Five standard errors each.
        let (mean, variance) = moments(&mut |random| random.normal());
        assert!(mean.abs() < 0.036 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let (mean, variance) = moments(&mut |random| random.poisson(4.0));
        assert!((mean - 4.0).abs() < 0.071 && (variance - 4.0).abs() < 0.22, "{mean} {variance}");
    }
}
