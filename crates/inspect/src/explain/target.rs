//! The target of an explanation: one unit of one stage, or a class.

use burn::tensor::Tensor;

use crate::tensors::host;
use crate::{InspectError, OutputType, Subject};

/// A number that is given, or chosen by the largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice<T> {
    /// The one with the largest value in each image; the first on ties.
    #[default]
    Strongest,
    /// This one.
    Given(T),
}

/// The target of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One value of a stage's output.
    Unit {
        /// The stage.
        stage: usize,
        /// The channel.
        channel: Choice<usize>,
        /// Row and column.
        position: Choice<[usize; 2]>,
    },
    /// The logit of a class.
    Class(Choice<usize>),
}

/// One value of a stage's output for one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The channel; for a class its number.
    pub channel: usize,
    /// The row.
    pub row: usize,
    /// The column.
    pub column: usize,
    /// The value.
    pub value: f64,
}

impl Target {
    /// Refuses a stage, channel, position or class that the network does not have.
    ///
    /// # Errors
    /// [`InspectError::Request`], with the limit.
    pub fn check(&self, subject: &Subject) -> Result<(), InspectError> {
        let stages = &subject.walk().stages;
        match *self {
            Target::Unit { stage, channel, position } => {
                let Some(shape) = stages.get(stage) else {
                    let last = stages.len() - 1;
                    return Err(request_error(format!("there is no stage {stage}; the last one is {last}")));
                };
                let [channels, rows, columns] = shape.output;
                let label = subject.stage_label(stage);
                if let Choice::Given(channel) = channel
                    && channel >= channels
                {
                    return Err(request_error(format!(
                        "{label} has no channel {channel}; it has {channels}"
                    )));
                }
                if let Choice::Given([row, column]) = position
                    && (row >= rows || column >= columns)
                {
                    return Err(request_error(format!(
                        "{label} has no position {row},{column}; its map is {rows}×{columns}"
                    )));
                }
                Ok(())
            }
            Target::Class(_) if subject.output_type() != OutputType::Class => Err(request_error(
                "this network returns a map and names no class; explain a unit of one of its stages"
                    .to_owned(),
            )),
            Target::Class(Choice::Given(class)) if class >= subject.classes() => {
                Err(request_error(format!("there is no class {class}; there are {}", subject.classes())))
            }
            Target::Class(_) => Ok(()),
        }
    }

    /// Returns the stage whose output holds the target.
    pub(crate) fn stage(&self, stages: usize) -> usize {
        match self {
            Target::Unit { stage, .. } => *stage,
            Target::Class(_) => stages - 1,
        }
    }

    /// Returns the target's place in each image of `map` `[n, channels, rows, columns]`.
    pub(crate) fn places(&self, map: &Tensor<4>) -> Vec<Place> {
        let [_, channels, rows, columns] = map.dims();
        let (channel, position) = match *self {
            Target::Unit { channel, position, .. } => (channel, position),
            Target::Class(class) => (class, Choice::Strongest),
        };
        let allowed = |place: &Place| {
            (channel == Choice::Strongest || channel == Choice::Given(place.channel))
                && (position == Choice::Strongest || position == Choice::Given([place.row, place.column]))
        };
        let all = |values: &[f64]| -> Place {
            let places = values.iter().enumerate().map(|(index, value)| Place {
                channel: index / (rows * columns),
                row: index / columns % rows,
                column: index % columns,
                value: *value,
            });
            // The first of the largest.
            let larger = |best: Place, place: Place| if place.value > best.value { place } else { best };
            places.filter(allowed).reduce(larger).unwrap_or(Place {
                channel: 0,
                row: 0,
                column: 0,
                value: 0.0,
            })
        };
        host(map.clone()).chunks_exact(channels * rows * columns).map(all).collect()
    }
}

fn request_error(text: String) -> InspectError {
    InspectError::Request(text)
}
