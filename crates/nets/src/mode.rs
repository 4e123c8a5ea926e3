//! The mode of a forward pass (training or evaluation), and the random streams of its stages.

use allconv_random::{Purpose, step_key};

/// The mode of a forward pass: without dropout, or with the dropout masks of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is dropped.
    Evaluate,
    /// Dropout with masks that are a function of seed, step, stage and element.
    Train {
        /// The run's seed.
        seed: u64,
        /// The optimiser's step.
        step: u64,
    },
}

impl Mode {
    /// Returns the key of the random stream of the stage at `index` in this step; `None` outside training.
    pub(crate) fn key(self, index: usize, purpose: Purpose) -> Option<u64> {
        match self {
            Self::Evaluate => None,
            Self::Train { seed, step } => Some(step_key(seed, purpose, step, index as u32)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_step_never_change() {
        let mode = Mode::Train { seed: 0x0123_4567_89ab_cdef, step: 0x0000_0009_0000_0005 };
        let keys = [Purpose::Dropout, Purpose::Operator].map(|purpose| mode.key(4, purpose));
        assert_eq!(keys, [Some(0x3834_5c63_8908_c129), Some(0xafee_6f33_d25f_0212)]);
        assert_eq!(Mode::Evaluate.key(4, Purpose::Dropout), None);
    }
}
