//! Receptive fields: the input positions that one value of a feature map depends on, over every path.

use allconv_operators::{Enlargement, SwitchKind, Window};

use crate::stage::StageSpec;
use crate::stage_shape::{StageShape, window};

/// Returns the height and width of the square of input pixels that one output value of `stages` depends on, without borders; of several
/// paths the largest.
///
/// Where a map is finer than the one it was computed from, the largest count over all positions is taken: `n` neighbours of a map
/// enlarged twice come from `ceil((n − 1)/2) + 1` positions.
pub(crate) fn receptive_field(stages: &[StageShape]) -> usize {
    let mut seen = 1;
    let mut of_kept = Vec::new();
    for shape in stages.iter().rev() {
        match &shape.stage {
            StageSpec::Concatenate | StageSpec::Add { .. } => of_kept.push(seen),
            StageSpec::Exchange => {
                if let Some(kept) = of_kept.last_mut() {
                    std::mem::swap(kept, &mut seen);
                }
            }
            StageSpec::Keep => seen = seen.max(of_kept.pop().unwrap_or(0)),
            StageSpec::KeepEnlarged { factor } => {
                // A position of a bicubic enlargement reads four.
                let kept = of_kept.pop().map_or(0, |kept: usize| (kept - 1).div_ceil(*factor) + 4);
                seen = seen.max(kept);
            }
            StageSpec::Upsample(spec) => {
                let (input, output) = (shape.input, shape.output);
                let enlargement = Enlargement { input, output, switches: SwitchKind::None };
                let steps = |axis: usize| ((seen - 1) * input[axis]).div_ceil(output[axis]);
                seen = spec.operator.positions_read(&enlargement) + steps(1).max(steps(2));
            }
            stage => {
                let Window { extent, stride } = window(stage, shape.input);
                seen = (seen - 1) * stride + extent;
            }
        }
    }
    seen
}
