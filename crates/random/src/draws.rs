//! Distributions drawn from a stream.
//!
//! There are two forms of the normal distribution, of 32 and of 24 random bits, because each is part of published runs.

use std::f64::consts::TAU;

use crate::elementary::{cos, exp, ln, sin, sin_cos};
use crate::philox::unit_f32;
use crate::stream::Stream;

/// Mean above which a Poisson number is a rounded normal one.
const LARGEST_POISSON_PRODUCT: f64 = 30.0;
/// Distance from 0 and 1 that keeps both logarithms of a Gumbel number finite.
const GUMBEL_MARGIN: f64 = 1e-7;

impl Stream {
    /// Draws a uniform number in [0, 1) with 24 bits, exact in `f32`.
    #[inline]
    pub fn unit(&mut self) -> f32 {
        unit_f32(self.word())
    }

    /// Draws a uniform number in [low, high).
    #[inline]
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Draws a uniform integer in [0, bound) without bias (Lemire 2019, by rejection).
    ///
    /// # Panics
    /// If `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "bound must be positive, got {bound}");
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.word()) * u64::from(bound);
            if product as u32 >= rejected {
                return (product >> 32) as u32;
            }
        }
    }

    /// Draws two independent numbers of the standard normal distribution (Box and Muller 1958), from 32 bits each.
    pub fn normal_pair(&mut self) -> [f64; 2] {
        // In (0, 1], so that the logarithm is finite.
        let uniform = (f64::from(self.word()) + 1.0) / (f64::from(u32::MAX) + 1.0);
        let turn = f64::from(self.word()) / (f64::from(u32::MAX) + 1.0);
        let radius = (-2.0 * ln(uniform)).sqrt();
        let (sine, cosine) = sin_cos(TAU * turn);
        [radius * cosine, radius * sine]
    }

    /// Draws two independent normal numbers of mean 0 and this standard deviation (Box and Muller 1958), from 24 bits each.
    pub fn scaled_normal_pair(&mut self, deviation: f64) -> [f64; 2] {
        let [radius, angle] = self.polar();
        // The radius is scaled before the products: another order rounds otherwise.
        let radius = radius * deviation;
        [radius * cos(angle), radius * sin(angle)]
    }

    /// Draws a standard normal number from 24 bits each of a radius and an angle (Box and Muller 1958; the second number of the pair
    /// is not used).
    pub fn normal(&mut self) -> f64 {
        let [radius, angle] = self.polar();
        radius * cos(angle)
    }

    /// Returns the radius and angle of a point whose coordinates are two standard normal numbers.
    fn polar(&mut self) -> [f64; 2] {
        let uniform = 1.0 - f64::from(self.unit());
        let turn = f64::from(self.unit());
        [(-2.0 * ln(uniform)).sqrt(), TAU * turn]
    }

    /// Draws a number of the standard Gumbel distribution, −ln(−ln u) with u in [10⁻⁷, 1 − 10⁻⁷].
    pub fn gumbel(&mut self) -> f64 {
        let unit = f64::from(self.unit()).clamp(GUMBEL_MARGIN, 1.0 - GUMBEL_MARGIN);
        -ln(-ln(unit))
    }

    /// Draws a Poisson number of this mean: Knuth's product up to a mean of 30, the rounded normal approximation above.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > LARGEST_POISSON_PRODUCT {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = (exp(-mean), f64::from(self.unit()), 0.0);
        while product > limit {
            product *= f64::from(self.unit());
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::powi;
    use crate::purpose::Purpose;

    #[test]
    fn integers_below_a_bound_are_uniform() {
        let mut stream = Stream::of_sample(11, Purpose::Order, 0, 0);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        // Chi-square with 6 degrees of freedom: 22.5 is exceeded once in a thousand seeds.
        let chi_square: f64 = counts.iter().map(|&c| powi(f64::from(c) - 1e4, 2) / 1e4).sum();
        assert!(chi_square < 22.5, "chi-square {chi_square}, counts {counts:?}");
    }

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_distribution() {
        let stream = || Stream::of_sample(3, Purpose::Noise, 0, 0);
        let [mut pairs, mut scaled, mut single] = [stream(), stream(), stream()];
        let forms: [Vec<f64>; 3] = [
            (0..50_000).flat_map(|_| pairs.normal_pair()).collect(),
            (0..50_000).flat_map(|_| scaled.scaled_normal_pair(0.5)).map(|value| 2.0 * value).collect(),
            (0..100_000).map(|_| single.normal()).collect(),
        ];
        for values in forms {
            let moment =
                |power| values.iter().map(|value| powi(*value, power)).sum::<f64>() / values.len() as f64;
            // Five standard errors each: sqrt(Var(x^k)/n) with Var = 1, 2, 15, 96.
            for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)]
            {
                let bound = 5.0 * (variance / values.len() as f64).sqrt();
                assert!((moment(power) - expected).abs() < bound, "moment {power} is {}", moment(power));
            }
        }
    }

    #[test]
    fn poisson_and_gumbel_numbers_have_the_moments_of_their_distributions() {
        let mut stream = Stream::of_number(Purpose::Corruption, 2);
        let mut moments = |draw: &mut dyn FnMut(&mut Stream) -> f64| {
            let values: Vec<f64> = (0..20_000).map(|_| draw(&mut stream)).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            (mean, values.iter().map(|value| powi(value - mean, 2)).sum::<f64>() / 20_000.0)
        };
        // Five standard errors each. A Poisson variance v has a fourth central moment of 3v² + v.
        for poisson_mean in [4.0, 50.0_f64] {
            let (mean, variance) = moments(&mut |stream| stream.poisson(poisson_mean));
            assert!((mean - poisson_mean).abs() < 5.0 * (poisson_mean / 2e4).sqrt(), "{mean}");
            let error = ((2.0 * powi(poisson_mean, 2) + poisson_mean) / 2e4).sqrt();
            assert!((variance - poisson_mean).abs() < 5.0 * error, "{variance}");
        }
        // Mean: Euler's constant; variance: π²/6; kurtosis: 5.4.
        let (mean, variance) = moments(&mut Stream::gumbel);
        let expected = powi(std::f64::consts::PI, 2) / 6.0;
        assert!((mean - 0.577_215_7).abs() < 5.0 * (expected / 2e4).sqrt(), "{mean}");
        assert!((variance - expected).abs() < 5.0 * expected * (4.4_f64 / 2e4).sqrt(), "{variance}");
    }
}
