//! The pairing of upsampling stages with their targets, which nest like brackets.

use allconv_operators::SwitchKind;

use crate::stage::{StageSpec, Target};

/// Returns the target of the [`StageSpec::Upsample`] at `upsample`; `None` where the list has none for it.
pub(crate) fn target_of<'a>(
    stages: impl DoubleEndedIterator<Item = &'a StageSpec> + ExactSizeIterator,
    upsample: usize,
) -> Option<&'a Target> {
    let behind = stages.len() - upsample;
    let mut answered = 0_usize;
    for stage in stages.rev().skip(behind) {
        match stage {
            StageSpec::Upsample(_) => answered += 1,
            StageSpec::Target(target) if answered == 0 => return Some(target),
            StageSpec::Target(_) => answered -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the switches that the upsampling operator of the [`StageSpec::Target`] at `target` takes from the operator in between.
pub(crate) fn switches_taken<'a>(stages: impl Iterator<Item = &'a StageSpec>, target: usize) -> SwitchKind {
    let mut offered = SwitchKind::None;
    let mut open = 0_usize;
    for stage in stages.skip(target) {
        match stage {
            StageSpec::Target(of) => {
                if open == 0 {
                    offered = of.switches();
                }
                open += 1;
            }
            StageSpec::Upsample(spec) => {
                open -= 1;
                if open == 0 {
                    return if spec.operator.takes(offered) { offered } else { SwitchKind::None };
                }
            }
            _ => {}
        }
    }
    SwitchKind::None
}

impl Target {
    /// Returns the switches that the operator passes to the upsampling operator that undoes it.
    pub fn switches(&self) -> SwitchKind {
        match self {
            Self::Before(operator) => operator.switches(),
            Self::Enlarged(_) => SwitchKind::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use allconv_operators::{DownsampleConfig, UpsampleConfig};

    use super::*;
    use crate::stage::UpsampleSpec;

    fn before(name: &str) -> StageSpec {
        StageSpec::Target(Target::Before(DownsampleConfig::named(name).unwrap().remove(0)))
    }

    fn up(name: &str) -> StageSpec {
        let operator = UpsampleConfig::named(name).unwrap().remove(0);
        StageSpec::Upsample(UpsampleSpec { operator, channels_out: 1 })
    }

    #[test]
    fn pairs_nest_and_switches_are_taken_only_by_operators_that_use_them() {
        let stages = [
            before("max_pool"),
            before("haar_low_pass"),
            up("inverse_haar"),
            StageSpec::Target(Target::Enlarged(3)),
            up("resize_conv"),
            up("max_unpool"),
        ];
        assert_eq!(
            target_of(stages.iter(), 5),
            Some(&Target::Before(DownsampleConfig::named("max_pool").unwrap().remove(0)))
        );
        assert_eq!(target_of(stages.iter(), 4), Some(&Target::Enlarged(3)));
        assert_eq!(target_of(stages.iter(), 0), None);
        let taken = |target| switches_taken(stages.iter(), target);
        assert_eq!(
            [taken(0), taken(1), taken(3)],
            [SwitchKind::MaxIndices, SwitchKind::Details, SwitchKind::None]
        );
        let unused = [before("max_pool"), up("transposed_conv")];
        assert_eq!(switches_taken(unused.iter(), 0), SwitchKind::None);
    }
}
