//! The shapes of the branches of a list of stages: kept feature maps and open targets.

use allconv_operators::Enlargement;

use crate::error::DescriptionError;
use crate::stage::{StageSpec, Target, UpsampleSpec};

/// The state of a walk after a stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// Channels, rows and columns of the map.
    pub(crate) shape: [usize; 3],
    /// Input pixels between neighbouring values.
    pub(crate) jump: f64,
}

/// A stage that does not fit the stages before it.
pub(crate) enum Refusal {
    /// The end of a sentence about the map it receives.
    Shape(String),
    /// An upsampling operator that does not go with its downsampling operator.
    Pair(DescriptionError),
}

/// The two stacks of a walk: kept maps and open targets.
#[derive(Default)]
pub(crate) struct ShapeBranches {
    kept: Vec<Position>,
    targets: Vec<OpenTarget>,
}

struct OpenTarget {
    target: Target,
    size: [usize; 2],
    jump: f64,
}

impl ShapeBranches {
    /// Returns the state of the walk after `stage`, if it is one that keeps a map, takes one back or returns to a target; `None` for
    /// any other.
    pub(crate) fn pass(&mut self, stage: &StageSpec, at: Position) -> Result<Option<Position>, Refusal> {
        let [channels, height, width] = at.shape;
        match stage {
            StageSpec::Keep => self.kept.push(at),
            StageSpec::KeepEnlarged { factor } => {
                let factor = positive(*factor)?;
                let shape = [channels, height * factor, width * factor];
                self.kept.push(Position { shape, jump: at.jump / factor as f64 });
            }
            StageSpec::Exchange => {
                let kept = self.last_kept()?;
                self.kept.push(at);
                return Ok(Some(kept));
            }
            StageSpec::Concatenate => {
                let kept = self.last_kept()?;
                if kept.shape[1..] != at.shape[1..] {
                    return Err(differ(kept, at));
                }
                return Ok(Some(Position { shape: [kept.shape[0] + channels, height, width], ..at }));
            }
            StageSpec::Add { .. } => {
                let kept = self.last_kept()?;
                if kept.shape != at.shape {
                    return Err(differ(kept, at));
                }
                return Ok(Some(at));
            }
            StageSpec::Target(target) => {
                let (factor, jump) = match target {
                    Target::Before(_) => (1, at.jump),
                    Target::Enlarged(factor) => (positive(*factor)?, at.jump / *factor as f64),
                };
                let size = [height * factor, width * factor];
                self.targets.push(OpenTarget { target: target.clone(), size, jump });
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
        let OpenTarget { target, size: [rows, columns], jump } = self
            .targets
            .pop()
            .ok_or_else(|| Refusal::Shape("there is no target for it to return to".to_owned()))?;
        let UpsampleSpec { operator, channels_out } = spec;
        match &target {
            Target::Before(partner) => operator.check_pair(partner).map_err(DescriptionError::from),
            Target::Enlarged(_) => operator.check().map_err(DescriptionError::from),
        }
        .map_err(Refusal::Pair)?;
        let enlargement = Enlargement {
            input: at.shape,
            output: [*channels_out, rows, columns],
            switches: target.switches(),
        };
        operator.check_shape(&enlargement).map_err(Refusal::Shape)?;
        Ok(Position { shape: enlargement.output, jump })
    }
}

fn positive(factor: usize) -> Result<usize, Refusal> {
    if factor == 0 { Err(Refusal::Shape("its factor is 0".to_owned())) } else { Ok(factor) }
}

fn differ(kept: Position, at: Position) -> Refusal {
    let show = |[channels, height, width]: [usize; 3]| format!("{channels}×{height}×{width}");
    Refusal::Shape(format!("the map kept for it is {}, this one {}", show(kept.shape), show(at.shape)))
}
