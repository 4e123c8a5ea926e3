//! The shapes of the maps that wait beside the chain while a list of stages is walked.

use crate::description::DescriptionError;
use crate::stage::{StageSpec, Target, UpsampleSpec};
use crate::upsample::Enlargement;
use crate::walk::Window;

/// Where a walk stands: the map, and what one of its values sees of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// Channels, rows and columns.
    pub(crate) shape: [usize; 3],
    /// Side of the square of input pixels that one value sees; a fraction on maps finer than the input.
    pub(crate) receptive_field: f64,
    /// Input pixels between neighbouring values.
    pub(crate) jump: f64,
}

/// Why a stage cannot stand where it does.
pub(crate) enum Refusal {
    /// The end of a sentence about the map it receives.
    Shape(String),
    /// An upsampling operator that does not go with its downsampling operator.
    Pair(DescriptionError),
}

impl Position {
    /// The position behind a stage that looks through `window` at this one.
    pub(crate) fn seen_through(self, shape: [usize; 3], window: Window) -> Self {
        Self {
            shape,
            receptive_field: self.receptive_field + (window.extent - 1) as f64 * self.jump,
            jump: self.jump * window.stride as f64,
        }
    }

    /// The receptive field in whole pixels.
    pub(crate) fn whole_receptive_field(self) -> usize {
        // Jumps such as 1/3 are not exact: what sums to a whole number but for roundings is one.
        (self.receptive_field - 1e-6).ceil() as usize
    }
}

/// The two stacks of a walk.
#[derive(Default)]
pub(crate) struct ShapeBranches {
    kept: Vec<Position>,
    targets: Vec<OpenTarget>,
}

struct OpenTarget {
    target: Target,
    sides: [usize; 2],
    jump: f64,
}

impl ShapeBranches {
    /// Where the walk stands behind `stage`, if it is one that keeps a map, takes one back or returns to a target; `None` for
    /// any other.
    pub(crate) fn pass(&mut self, stage: &StageSpec, at: Position) -> Result<Option<Position>, Refusal> {
        let [channels, height, width] = at.shape;
        match stage {
            StageSpec::Keep => self.kept.push(at),
            StageSpec::KeepEnlarged { factor } => {
                let factor = positive(*factor)?;
                // An enlarged cell reads four cells along each axis.
                let seen = at.seen_through(
                    [channels, height * factor, width * factor],
                    Window { extent: 4, stride: 1 },
                );
                self.kept.push(Position { jump: at.jump / factor as f64, ..seen });
            }
            StageSpec::Concatenate => {
                let kept = self.last_kept()?;
                if kept.shape[1..] != at.shape[1..] {
                    return Err(differ(kept, at));
                }
                return Ok(Some(joined(kept, at, kept.shape[0] + channels)));
            }
            StageSpec::Add { .. } => {
                let kept = self.last_kept()?;
                if kept.shape != at.shape {
                    return Err(differ(kept, at));
                }
                return Ok(Some(joined(kept, at, channels)));
            }
            StageSpec::Target(target) => {
                let (factor, jump) = match target {
                    Target::Before(_) => (1, at.jump),
                    Target::Enlarged(factor) => (positive(*factor)?, at.jump / *factor as f64),
                };
                let sides = [height * factor, width * factor];
                self.targets.push(OpenTarget { target: target.clone(), sides, jump });
            }
            StageSpec::Upsample(spec) => return self.upsample(spec, at).map(Some),
            _ => return Ok(None),
        }
        Ok(Some(at))
    }

    /// Refuses what is left at the end of a list.
    pub(crate) fn check_end(&self) -> Result<(), Refusal> {
        let unused = |what: &str, count: usize| {
            Err(Refusal::Shape(format!("it is the last stage, and {what}: {count}")))
        };
        match (self.kept.len(), self.targets.len()) {
            (0, 0) => Ok(()),
            (0, count) => unused("no upsampling operator returns to targets", count),
            (count, _) => unused("nothing takes back maps that are kept", count),
        }
    }

    fn last_kept(&mut self) -> Result<Position, Refusal> {
        self.kept.pop().ok_or_else(|| Refusal::Shape("no map is kept for it".to_owned()))
    }

    fn upsample(&mut self, spec: &UpsampleSpec, at: Position) -> Result<Position, Refusal> {
        let OpenTarget { target, sides: [rows, columns], jump } = self
            .targets
            .pop()
            .ok_or_else(|| Refusal::Shape("there is no target for it to return to".to_owned()))?;
        let UpsampleSpec { operator, channels_out } = spec;
        match &target {
            Target::Before(partner) => operator.check_pair(partner),
            Target::Enlarged(_) => operator.check(),
        }
        .map_err(Refusal::Pair)?;
        let enlargement = Enlargement {
            input: at.shape,
            output: [*channels_out, rows, columns],
            switches: target.switches(),
        };
        operator.check_shape(&enlargement).map_err(Refusal::Shape)?;
        let window = Window { extent: operator.cells_read(&enlargement), stride: 1 };
        Ok(Position { jump, ..at.seen_through(enlargement.output, window) })
    }
}

fn positive(factor: usize) -> Result<usize, Refusal> {
    if factor == 0 { Err(Refusal::Shape("its factor is 0".to_owned())) } else { Ok(factor) }
}

fn differ(kept: Position, at: Position) -> Refusal {
    let show = |[channels, height, width]: [usize; 3]| format!("{channels}×{height}×{width}");
    Refusal::Shape(format!("the map kept for it is {}, this one {}", show(kept.shape), show(at.shape)))
}

/// Where the walk stands where two paths meet: what sees more counts.
fn joined(kept: Position, at: Position, channels: usize) -> Position {
    Position {
        shape: [channels, at.shape[1], at.shape[2]],
        receptive_field: kept.receptive_field.max(at.receptive_field),
        jump: at.jump,
    }
}
