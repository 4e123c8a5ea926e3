//! Order of the samples: a permutation keyed by (seed, epoch), the stored order, or all classes equally often.

use allconv_random::{Purpose, Stream};

/// The order of a loader's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A new permutation in every epoch, keyed by (seed, epoch).
    Shuffled,
    /// The order in which the samples are stored, the same in every epoch.
    Stored,
    /// In every epoch as many samples as there are, of every class equally many, keyed by (seed, epoch): a class with few samples repeats
    /// them, one with many shows others of its samples in another epoch. Only for samples with classes.
    Balanced,
}

impl Order {
    /// Returns the sample numbers of one epoch, each of `0..count` exactly once.
    ///
    /// # Panics
    /// For [`Order::Balanced`], which depends on the classes.
    pub fn of_epoch(self, seed: u64, epoch: u32, count: usize) -> Vec<u32> {
        assert_ne!(self, Order::Balanced, "a balanced order depends on the classes");
        let mut samples: Vec<u32> = (0..count as u32).collect();
        if self == Order::Shuffled {
            shuffle(&mut samples, Stream::of_sample(seed, Purpose::Order, epoch, 0));
        }
        samples
    }
}

/// Returns the `count` sample numbers of one epoch of [`Order::Balanced`]: one of each of `classes` in turn, those of a class in an order of
/// their own, again and again; then all permuted.
pub(crate) fn balanced_epoch(seed: u64, epoch: u32, count: usize, classes: &[Vec<u32>]) -> Vec<u32> {
    let mut classes = classes.to_vec();
    for (class, samples) in classes.iter_mut().enumerate() {
        shuffle(samples, Stream::of_sample(seed, Purpose::ClassOrder, epoch, class as u32));
    }
    classes.retain(|samples| !samples.is_empty());
    let rounds =
        (0..count).flat_map(|round| classes.iter().map(move |samples| samples[round % samples.len()]));
    let mut samples: Vec<u32> = rounds.take(count).collect();
    shuffle(&mut samples, Stream::of_sample(seed, Purpose::Order, epoch, 0));
    samples
}

/// Permutes the samples by Fisher–Yates; written here so that no library's upgrade can change an experiment.
fn shuffle(samples: &mut [u32], mut stream: Stream) {
    for last in (1..samples.len()).rev() {
        let other = stream.below(last as u32 + 1) as usize;
        samples.swap(last, other);
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
    fn a_balanced_epoch_shows_every_class_equally_often_and_every_sample_in_time() {
        // 30 samples of class 0, 6 of class 1, none of class 2, 4 of class 3.
        let classes = [(0..30).collect(), (30..36).collect(), Vec::new(), (36..40).collect()];
        let mut shown = [0; 40];
        for epoch in 0..10 {
            let order = balanced_epoch(3, epoch, 40, &classes);
            assert_eq!(order, balanced_epoch(3, epoch, 40, &classes));
            let of_class =
                |class: usize| order.iter().filter(|sample| classes[class].contains(sample)).count();
            assert_eq!([0, 1, 2, 3].map(of_class), [14, 13, 0, 13]);
            order.iter().for_each(|sample| shown[*sample as usize] += 1);
        }
        assert!(shown.iter().all(|count| *count > 0), "{shown:?}");
        // Within an epoch the samples of a class are shown equally often, but for one.
        assert!(shown[36..].iter().all(|count| (30..=40).contains(count)), "{shown:?}");
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
