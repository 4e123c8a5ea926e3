//! Order of the samples: a permutation keyed by (seed, epoch), or the stored order.

use allconv_random::{Purpose, Stream};

/// The order of a loader's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A new permutation in every epoch, keyed by (seed, epoch).
    Shuffled,
    /// The order in which the samples are stored, the same in every epoch.
    Stored,
}

impl Order {
    /// Returns the sample numbers of one epoch, each of `0..count` exactly once.
    pub fn of_epoch(self, seed: u64, epoch: u32, count: usize) -> Vec<u32> {
        let mut samples: Vec<u32> = (0..count as u32).collect();
        if self == Order::Shuffled {
            // Fisher–Yates; written here so that no library's upgrade can change an experiment.
            let mut stream = Stream::of_sample(seed, Purpose::Order, epoch, 0);
            for last in (1..samples.len()).rev() {
                let other = stream.below(last as u32 + 1) as usize;
                samples.swap(last, other);
            }
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::elementary::square;

    #[test]
    fn every_sample_is_drawn_exactly_once() {
        for count in [0, 1, 2, 1000] {
            let mut samples = Order::Shuffled.of_epoch(3, 1, count);
            samples.sort_unstable();
            assert_eq!(samples, (0..count as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_order_depends_on_seed_and_epoch_only() {
        let order = Order::Shuffled.of_epoch(3, 1, 100);
        assert_eq!(order, Order::Shuffled.of_epoch(3, 1, 100));
        assert_ne!(order, Order::Shuffled.of_epoch(3, 2, 100));
        assert_ne!(order, Order::Shuffled.of_epoch(4, 1, 100));
    }

    #[test]
    fn every_position_is_equally_likely_for_the_first_sample() {
        let mut counts = [0u32; 5];
        for epoch in 0..10_000 {
            let order = Order::Shuffled.of_epoch(9, epoch, 5);
            let place = order.iter().position(|&sample| sample == 0).expect("a permutation");
            counts[place] += 1;
        }
        // Chi-square with 4 degrees of freedom: 18.5 is exceeded once in a thousand seeds.
        let chi_square: f64 = counts.iter().map(|&c| square(f64::from(c) - 2e3) / 2e3).sum();
        assert!(chi_square < 18.5, "chi-square {chi_square}, counts {counts:?}");
    }
}
