//! Detection of runs that are stuck.

use allconv_random::elementary::ln;

/// A run is stuck when its mean epoch loss lies this close to that of guessing, in nats.
pub const STUCK_TOLERANCE: f64 = 0.002;

/// No run is called stuck before this many epochs …
pub const STUCK_AFTER_EPOCHS: u64 = 2;

/// … and this many steps.
pub const STUCK_AFTER_STEPS: u64 = 500;

/// Returns whether the classifier only guesses: after `max(2 epochs, 500 steps)` the mean training loss of the epoch is within 0.002 of
/// ln(classes).
///
/// The usual cause is that a ReLU sets all logits to 0; such a run never recovers (`softmax(max(0, ·))` of negative values has no
/// gradient).
///
/// # Example
///
/// ```
/// use allconv_train::is_stuck;
///
/// assert!(is_stuck(2.3030, 10, 3, 600));
/// assert!(!is_stuck(2.2900, 10, 3, 600));
/// assert!(!is_stuck(2.3030, 10, 1, 600), "too early to tell");
/// ```
pub fn is_stuck(mean_epoch_loss: f64, classes: usize, epochs_done: u64, steps_done: u64) -> bool {
    epochs_done >= STUCK_AFTER_EPOCHS
        && steps_done >= STUCK_AFTER_STEPS
        && (mean_epoch_loss - ln(classes as f64)).abs() <= STUCK_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_reaches_to_both_sides_and_depends_on_the_classes() {
        let guessing = ln(10.0);
        assert!(is_stuck(guessing + 0.0019, 10, 2, 500));
        assert!(is_stuck(guessing - 0.0019, 10, 2, 500));
        assert!(!is_stuck(guessing + 0.0021, 10, 2, 500));
        assert!(!is_stuck(guessing, 100, 2, 500));
        assert!(!is_stuck(guessing, 10, 2, 499));
    }
}
