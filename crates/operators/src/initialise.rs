//! Initialisation of weights: a counter-based stream for each parameter, keyed by (seed, path).

use allconv_random::{Purpose, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The distribution of initial weights. Biases start at 0.
///
/// `fan_in` is the number of values that one output sums over, `fan_out` the number of outputs one input reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// Uniform in ±√(3 / fan_in): variance 1 / fan_in. Caffe's `xavier`.
    #[default]
    XavierCaffe,
    /// Uniform in ±√(6 / (fan_in + fan_out)). Glorot and Bengio, AISTATS 2010; PyTorch's `xavier_uniform_`.
    Glorot,
    /// Normal with variance 2 / fan_in. He et al., arXiv 1502.01852; PyTorch's `kaiming_normal_`.
    He,
}

impl Initialisation {
    /// Returns the initial values of the weight at `path`, of shape `[out, in, …]`.
    ///
    /// A pure function of its arguments: value `i` does not depend on other draws.
    pub fn weights(self, seed: u64, path: &str, shape: &[usize]) -> Vec<f32> {
        let fan_in = shape[1..].iter().product::<usize>() as f64;
        let fan_out = (shape[0] * shape[2..].iter().product::<usize>()) as f64;
        self.weights_of_fans(seed, path, shape.iter().product(), [fan_in, fan_out])
    }

    /// Returns [`Self::weights`] where the shape does not determine `[fan_in, fan_out]`: `count` values.
    pub(crate) fn weights_of_fans(
        self,
        seed: u64,
        path: &str,
        count: usize,
        [fan_in, fan_out]: [f64; 2],
    ) -> Vec<f32> {
        match self {
            Self::XavierCaffe => uniform(seed, path, count, (3.0 / fan_in).sqrt()),
            Self::Glorot => uniform(seed, path, count, (6.0 / (fan_in + fan_out)).sqrt()),
            Self::He => normal(seed, path, count, (2.0 / fan_in).sqrt()),
        }
    }
}

fn uniform(seed: u64, path: &str, count: usize, limit: f64) -> Vec<f32> {
    let mut stream = Stream::of_name(seed, Purpose::Weights, path);
    (0..count).map(|_| ((2.0 * f64::from(stream.unit()) - 1.0) * limit) as f32).collect()
}

fn normal(seed: u64, path: &str, count: usize, deviation: f64) -> Vec<f32> {
    let mut stream = Stream::of_name(seed, Purpose::Weights, path);
    let pairs = (0..count.div_ceil(2)).flat_map(|_| stream.scaled_normal_pair(deviation));
    pairs.map(|value| value as f32).take(count).collect()
}

#[cfg(test)]
mod tests {
    use allconv_random::elementary::square;

    use super::*;

    const RULES: [Initialisation; 3] =
        [Initialisation::XavierCaffe, Initialisation::Glorot, Initialisation::He];

    fn moments(values: &[f32]) -> (f64, f64) {
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|&value| square(f64::from(value) - mean)).sum::<f64>();
        (mean, square / values.len() as f64)
    }

    #[test]
    fn variances_are_those_of_the_definitions() {
        let shape = [96, 48, 3, 3];
        let (fan_in, fan_out) = (48.0 * 9.0, 96.0 * 9.0);
        for (rule, expected) in RULES.into_iter().zip([1.0 / fan_in, 2.0 / (fan_in + fan_out), 2.0 / fan_in])
        {
            let values = rule.weights(7, "features.1.weight", &shape);
            let (mean, variance) = moments(&values);
            // Four standard errors: of the mean √(σ²/n), of the variance at most σ²·√(2/n).
            let n = values.len() as f64;
            assert!(mean.abs() < 4.0 * (expected / n).sqrt(), "{rule:?}: mean {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 4.0 * (2.0 / n).sqrt(),
                "{rule:?}: variance {variance}"
            );
        }
    }

    #[test]
    fn uniform_values_stay_inside_their_limit_and_reach_it() {
        let values = Initialisation::XavierCaffe.weights(0, "w", &[64, 3, 5, 5]);
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let limit = (3.0_f32 / 75.0).sqrt();
        assert!(largest <= limit && largest > 0.99 * limit, "{largest} of {limit}");
    }

    #[test]
    fn streams_differ_by_seed_and_path_and_longer_ones_begin_like_shorter_ones() {
        for rule in RULES {
            let shape = [5, 7];
            let first = rule.weights(1, "a", &shape);
            assert_eq!(first, rule.weights(1, "a", &shape));
            assert_ne!(first, rule.weights(2, "a", &shape));
            assert_ne!(first, rule.weights(1 << 32, "a", &shape));
            assert_ne!(first, rule.weights(1, "b", &shape));
        }
        let short = Initialisation::He.weights(1, "a", &[5, 7]);
        assert_eq!(short[..], Initialisation::He.weights(1, "a", &[6, 7])[..35]);
    }

    /// Computes the 64-bit FNV-1a hash of the little-endian bytes of the words.
    fn fnv1a_of(words: impl Iterator<Item = u64>) -> u64 {
        words
            .flat_map(u64::to_le_bytes)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    #[test]
    fn initial_weights_never_change() {
        for (rule, expected) in
            RULES.into_iter().zip([0x43b1_1038_fefa_048b, 0x43ba_ac91_b249_d761, 0x5f0a_968e_3ef1_1f22])
        {
            let values = rule.weights(0x0123_4567_89ab_cdef, "features.1.weight", &[7, 3, 3, 3]);
            let hash = fnv1a_of(values.into_iter().map(|value| value.to_bits().into()));
            assert_eq!(hash, expected, "{rule:?}");
        }
    }
}
