//! Which samples of a source belong to a split, as runs of consecutive numbers.

use std::sync::Arc;

/// Numbers of samples. Memory grows with the number of runs: a split without the 5,000 samples that are held out has at most 5,001.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    runs: Arc<Vec<Run>>,
    count: usize,
}

/// Samples with consecutive numbers.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Place of the first of them in the split.
    place: u32,
    /// Number of the first of them in the source.
    number: u32,
}

impl Samples {
    /// `count` samples from number `first` on.
    pub(super) fn range(first: usize, count: usize) -> Samples {
        Samples { runs: Arc::new(vec![Run { place: 0, number: first as u32 }]), count }
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Number in the source of the sample at a place of the split.
    pub(super) fn number(&self, place: usize) -> usize {
        assert!(place < self.count, "sample {place} of {}", self.count);
        let run = self.runs[self.runs.partition_point(|run| run.place as usize <= place) - 1];
        run.number as usize + (place - run.place as usize)
    }

    /// The samples at these places, in this order.
    pub(super) fn select(&self, places: impl Iterator<Item = usize>) -> Samples {
        let (mut runs, mut count): (Vec<Run>, usize) = (Vec::new(), 0);
        for place in places {
            let number = self.number(place) as u32;
            let continues = runs.last().is_some_and(|run| run.number + (count as u32 - run.place) == number);
            if !continues {
                runs.push(Run { place: count as u32, number });
            }
            count += 1;
        }
        runs.shrink_to_fit();
        Samples { runs: Arc::new(runs), count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(samples: &Samples) -> Vec<usize> {
        (0..samples.len()).map(|place| samples.number(place)).collect()
    }

    #[test]
    fn chosen_samples_keep_their_order_and_consecutive_ones_share_a_run() {
        let all = Samples::range(10, 9);
        assert_eq!(numbers(&all), (10..19).collect::<Vec<_>>());
        let some = all.select([0, 1, 2, 5, 6, 8].into_iter());
        assert_eq!((numbers(&some), some.runs.len()), (vec![10, 11, 12, 15, 16, 18], 3));
        assert_eq!(numbers(&some.select([5, 0, 3, 4].into_iter())), [18, 10, 15, 16]);
        assert_eq!(numbers(&all.select(std::iter::empty())), [0; 0]);
    }
}
