//! The image patches to which a unit answers most, and the signal it sends back to each: figure 3 of the paper.

use allconv_nets::{Mode, SignalRules};
use burn::tensor::{DType, Device};

use super::region::Region;
use super::signal::{Signals, signals_through};
use super::target::{Choice, Place, Target};
use crate::tensors::host;
use crate::{InspectError, Pictures, Subject};

/// Images that go forward together.
const TOGETHER: usize = 32;

/// One of the images that a channel answers to most.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Number of the picture.
    pub picture: usize,
    /// Where the channel's largest value lies.
    pub place: Place,
    /// What that value sees of the image.
    pub region: Region,
}

/// A channel of a stage with its strongest patches.
#[derive(Clone, Debug)]
pub struct UnitPatches {
    /// The channel.
    pub channel: usize,
    /// The strongest first; each from another picture.
    pub patches: Vec<Patch>,
}

impl UnitPatches {
    /// The signal that the channel sends back to each of its patches; picture i of the result belongs to patch i.
    pub fn signals(
        &self,
        subject: &Subject,
        pictures: &Pictures,
        stage: usize,
        rules: SignalRules,
    ) -> Vec<Signals> {
        let back = |patch: &Patch| {
            let target = Target::Unit {
                stage,
                channel: Choice::Given(self.channel),
                position: Choice::Given([patch.place.row, patch.place.column]),
            };
            signals_through(subject.tracked(), DType::F32, &pictures.only(patch.picture), target, rules)
        };
        self.patches.iter().map(back).collect()
    }
}

/// The square of the image that a value of `stage` sees: as wide as the receptive field, centred where the value lies in its map, moved
/// inside the image.
pub(crate) fn region(subject: &Subject, stage: usize, row: usize, column: usize) -> Region {
    let shape = &subject.walk().stages[stage];
    let [_, height, width] = subject.walk().input;
    let [_, rows, columns] = shape.output;
    let side = shape.receptive_field.min(height).min(width);
    let first = |cell: usize, cells: usize, pixels: usize| {
        // Networks here pad both sides alike, give or take one cell, so map and image share their centre.
        let centre = pixels as f64 / 2.0 + (cell as f64 - (cells as f64 - 1.0) / 2.0) * shape.jump;
        (centre - side as f64 / 2.0).round().clamp(0.0, (pixels - side) as f64) as usize
    };
    Region { top: first(row, rows, height), left: first(column, columns, width), side }
}

/// The `count` strongest patches of each of `channels` of `stage`; without channels the `units` whose largest value over all pictures
/// is largest.
///
/// # Errors
/// [`InspectError::Question`] for a stage or channel that does not exist.
pub fn strongest_patches(
    subject: &Subject,
    pictures: &Pictures,
    stage: usize,
    channels: &[usize],
    units: usize,
    count: usize,
) -> Result<Vec<UnitPatches>, InspectError> {
    let any = Target::Unit { stage, channel: Choice::Strongest, position: Choice::Strongest };
    any.check(subject)?;
    for channel in channels {
        Target::Unit { stage, channel: Choice::Given(*channel), position: Choice::Strongest }
            .check(subject)?;
    }
    let [all_channels, rows, columns] = subject.walk().stages[stage].output;
    let cells = rows * columns;
    let mut strongest: Vec<Vec<Patch>> = vec![Vec::with_capacity(pictures.len()); all_channels];
    for start in (0..pictures.len()).step_by(TOGETHER) {
        let end = (start + TOGETHER).min(pictures.len());
        let images = pictures.tensor(start, end, &Device::flex());
        let mut trace = subject.plain().forward_traced(images, Mode::Evaluate, SignalRules::GRADIENT);
        let map = host(trace.stages.swap_remove(stage));
        for (index, values) in map.chunks_exact(cells).enumerate() {
            let (picture, channel) = (start + index / all_channels, index % all_channels);
            let mut best = 0;
            for (cell, value) in values.iter().enumerate() {
                if *value > values[best] {
                    best = cell;
                }
            }
            let (row, column) = (best / columns, best % columns);
            let place = Place { channel, row, column, value: values[best] };
            strongest[channel].push(Patch { picture, place, region: region(subject, stage, row, column) });
        }
    }
    for patches in &mut strongest {
        patches.sort_by(|left, right| right.place.value.total_cmp(&left.place.value));
        patches.truncate(count);
    }
    let mut chosen = channels.to_vec();
    if chosen.is_empty() {
        chosen = (0..all_channels).collect();
        let largest = |channel: &usize| strongest[*channel].first().map_or(0.0, |patch| patch.place.value);
        chosen.sort_by(|left, right| largest(right).total_cmp(&largest(left)).then(left.cmp(right)));
        chosen.truncate(units);
    }
    Ok(chosen
        .into_iter()
        .map(|channel| UnitPatches { channel, patches: strongest[channel].clone() })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::tests::drawn;
    use crate::subject::tests::subject;

    #[test]
    fn patches_are_sorted_and_hold_all_that_the_unit_hears() {
        let (subject, pictures) = (subject("all_cnn_c"), drawn(12));
        // The first strided convolution: receptive field 7, jump 2.
        let stage = 5;
        let found = strongest_patches(&subject, &pictures, stage, &[], 4, 3).unwrap();
        assert_eq!(found.len(), 4);
        for unit in &found {
            let values: Vec<f64> = unit.patches.iter().map(|patch| patch.place.value).collect();
            assert!(values.is_sorted_by(|left, right| left >= right), "{values:?}");
            let signals = unit.signals(&subject, &pictures, stage, SignalRules::GRADIENT);
            for (patch, signal) in unit.patches.iter().zip(signals) {
                let Region { top, left, side } = patch.region;
                assert_eq!(side, subject.walk().stages[stage].receptive_field);
                // Transforms of fast convolutions leave roundings outside of what a value sees.
                let largest = signal.of(0).iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
                for (index, value) in signal.of(0).iter().enumerate() {
                    let (row, column) = (index / 16 % 16, index % 16);
                    // The centre of map and image may be half a jump apart.
                    let near = |cell: usize, first: usize| cell + 2 >= first && cell <= first + side + 1;
                    assert!(
                        value.abs() <= 1e-5 * largest || (near(row, top) && near(column, left)),
                        "{row} {column} {patch:?}"
                    );
                }
            }
        }
        assert!(strongest_patches(&subject, &pictures, stage, &[1000], 1, 1).is_err());
    }
}
