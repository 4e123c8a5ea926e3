//! Overlap of predicted and true regions: confusion counts, and the metrics computed from them.

use allconv_data::IGNORED;

/// Pixels by true and predicted class.
///
/// - pixel error: fraction of the pixels whose class is wrong;
/// - intersection over union of a class: TP / (TP + FP + FN) (Jaccard 1901);
/// - Dice of a class: 2·TP / (2·TP + FP + FN) (Dice 1945), the F1 of its pixels.
///
/// A class that is absent from the truth has no overlap, whatever is predicted: `None`. So whether a value exists depends on the data
/// alone, and two networks have values for the same classes; the pixels that a network wrongly gives to such a class are missing from the
/// classes that they belong to.
///
/// # Example
///
/// ```
/// use allconv_train::metrics::Confusion;
/// let mut confusion = Confusion::new(2);
/// confusion.count(&[0, 0, 1, 1], &[0, 1, 1, 1]);
/// assert_eq!(confusion.pixel_error(), 0.25);
/// assert_eq!(confusion.intersection_over_union(1), Some(2.0 / 3.0));
/// assert_eq!(confusion.dice(0), Some(2.0 / 3.0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `[true class, predicted class]`.
    counts: Vec<u64>,
}

impl Confusion {
    /// Returns the counts of no pixel, for `classes` classes.
    pub fn new(classes: usize) -> Confusion {
        Confusion { classes, counts: vec![0; classes * classes] }
    }

    /// Counts pixels, but for those whose true class is [`IGNORED`] where that is no class.
    ///
    /// # Panics
    /// If the lengths differ, or another class is not below the number of classes.
    pub fn count(&mut self, truth: &[u8], predicted: &[u8]) {
        assert_eq!(truth.len(), predicted.len(), "true and predicted classes");
        for (truth, predicted) in truth.iter().zip(predicted) {
            if *truth == IGNORED && self.classes <= usize::from(IGNORED) {
                continue;
            }
            let (truth, predicted) = (usize::from(*truth), usize::from(*predicted));
            assert!(
                truth < self.classes && predicted < self.classes,
                "classes {truth}, {predicted} of {}",
                self.classes
            );
            self.counts[truth * self.classes + predicted] += 1;
        }
    }

    /// Adds the pixels of another count.
    pub fn add(&mut self, other: &Confusion) {
        assert_eq!(self.classes, other.classes, "numbers of classes");
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
    }

    /// Returns the fraction of the pixels whose class is wrong; 0 without pixels.
    pub fn pixel_error(&self) -> f64 {
        let all: u64 = self.counts.iter().sum();
        let right: u64 = (0..self.classes).map(|class| self.counts[class * self.classes + class]).sum();
        (all - right) as f64 / all.max(1) as f64
    }

    /// Returns the intersection over union of a class; `None` for one that is absent from the truth.
    pub fn intersection_over_union(&self, class: usize) -> Option<f64> {
        let [both, only_one] = self.overlap(class)?;
        Some(both as f64 / (both + only_one) as f64)
    }

    /// Returns the Dice coefficient of a class; `None` for one that is absent from the truth.
    pub fn dice(&self, class: usize) -> Option<f64> {
        let [both, only_one] = self.overlap(class)?;
        Some(2.0 * both as f64 / (2 * both + only_one) as f64)
    }

    /// Returns the mean of a metric over the classes that have one.
    pub fn mean(&self, metric: impl Fn(&Confusion, usize) -> Option<f64>) -> f64 {
        let values: Vec<f64> = (0..self.classes).filter_map(|class| metric(self, class)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }

    /// Returns the pixels of a class in truth and prediction, and in one of them only; `None` for a class that is absent from the truth.
    fn overlap(&self, class: usize) -> Option<[u64; 2]> {
        let both = self.counts[class * self.classes + class];
        let row: u64 = self.counts[class * self.classes..][..self.classes].iter().sum();
        let column: u64 = self.counts.iter().skip(class).step_by(self.classes).sum();
        (row > 0).then(|| [both, row + column - 2 * both])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_classes_have_no_overlap_and_do_not_enter_the_mean() {
        let mut confusion = Confusion::new(3);
        confusion.count(&[0, 0, 1], &[0, 1, 1]);
        assert_eq!(confusion.intersection_over_union(2), None);
        assert_eq!(confusion.mean(Confusion::intersection_over_union), 0.5);
        let mut twice = confusion.clone();
        twice.add(&confusion);
        assert_eq!(twice.pixel_error(), confusion.pixel_error());
        assert_eq!(Confusion::new(2).pixel_error(), 0.0);
    }

    #[test]
    fn ignored_pixels_are_counted_nowhere() {
        let (mut all, mut counted) = (Confusion::new(2), Confusion::new(2));
        all.count(&[0, IGNORED, 1, IGNORED], &[0, 1, 1, 0]);
        counted.count(&[0, 1], &[0, 1]);
        assert_eq!(all, counted);
        // With 256 classes the number is that of a class.
        let mut full = Confusion::new(256);
        full.count(&[IGNORED], &[0]);
        assert_eq!(full.pixel_error(), 1.0);
    }

    /// Three folds of which the second holds no pixel of class 1: a network that is right there and one that is wrong have values in the
    /// same folds, so that no pair drops out because of what was predicted.
    #[test]
    fn whether_a_class_has_a_value_depends_on_the_truth_alone() {
        let truths: [&[u8]; 3] = [&[0, 1, 1, 0], &[0, 0, 0, 0], &[1, 1, 0, 0]];
        let predictions = |truth: &[u8]| [truth.to_vec(), vec![1; truth.len()], vec![0; truth.len()]];
        for (fold, truth) in truths.iter().enumerate() {
            for predicted in predictions(truth) {
                let mut confusion = Confusion::new(2);
                confusion.count(truth, &predicted);
                let defined = [0, 1].map(|class| {
                    (confusion.intersection_over_union(class).is_some(), confusion.dice(class).is_some())
                });
                assert_eq!(defined, [(true, true), (fold != 1, fold != 1)], "fold {fold}");
            }
        }
        let mut wrong = Confusion::new(2);
        wrong.count(truths[1], &[0, 1, 1, 1]);
        assert_eq!(wrong.mean(Confusion::intersection_over_union), 0.25, "the mean of class 0 alone");
    }
}
