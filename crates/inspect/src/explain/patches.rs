//! The image patches with the largest activations of a unit, and the backward signal in each: figure 3 of the paper.

use allconv_nets::{Mode, SignalRules};
use burn::tensor::{DType, Device};

use super::region::Region;
use super::signal::{Signals, signals_through};
use super::target::{Choice, Place, Target};
use crate::tensors::host;
use crate::{InspectError, Pictures, Subject};

/// Images per forward pass.
const IMAGES_PER_PASS: usize = 32;

/// A patch with one of the largest activations of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Number of the picture.
    pub picture: usize,
    /// The place of the channel's largest value.
    pub place: Place,
    /// The part of the image in the receptive field of that value.
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
    /// Returns the backward signal of the channel in each of its patches; picture i of the result belongs to patch i.
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

/// Returns the receptive field of a value of `stage` in the image: a square, centred where the value lies in its map,
/// moved inside the image.
pub(crate) fn region(subject: &Subject, stage: usize, row: usize, column: usize) -> Region {
    let shape = &subject.walk().stages[stage];
    let [_, height, width] = subject.walk().input;
    let [_, rows, columns] = shape.output;
    let size = shape.receptive_field.min(height).min(width);
    let first = |position: usize, positions: usize, pixels: usize| {
        // Networks here pad both sides equally, up to one position, so map and image have the same centre.
        let centre = pixels as f64 / 2.0 + (position as f64 - (positions as f64 - 1.0) / 2.0) * shape.jump;
        (centre - size as f64 / 2.0).round().clamp(0.0, (pixels - size) as f64) as usize
    };
    Region { top: first(row, rows, height), left: first(column, columns, width), size }
}

/// Returns the `count` strongest patches of each of `channels` of `stage`; without channels the `units` whose largest value over all
/// pictures is largest.
///
/// # Errors
/// [`InspectError::Request`] for a stage or channel that does not exist.
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
    let positions = rows * columns;
    let mut strongest: Vec<Vec<Patch>> = vec![Vec::with_capacity(pictures.len()); all_channels];
    for start in (0..pictures.len()).step_by(IMAGES_PER_PASS) {
        let end = (start + IMAGES_PER_PASS).min(pictures.len());
        let images = pictures.tensor(start, end, &Device::flex());
        let mut trace = subject.plain().forward_traced(images, Mode::Evaluate, SignalRules::GRADIENT);
        let map = host(trace.stages.swap_remove(stage));
        for (index, values) in map.chunks_exact(positions).enumerate() {
            let (picture, channel) = (start + index / all_channels, index % all_channels);
            let mut best = 0;
            for (position, value) in values.iter().enumerate() {
                if *value > values[best] {
                    best = position;
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
    fn patches_are_sorted_and_cover_the_receptive_field() {
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
                let Region { top, left, size } = patch.region;
                assert_eq!(size, subject.walk().stages[stage].receptive_field);
                // Transforms of fast convolutions leave rounding errors outside a value's receptive field.
                let largest = signal.of(0).iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
                for (index, value) in signal.of(0).iter().enumerate() {
                    let (row, column) = (index / 16 % 16, index % 16);
                    // The centre of map and image may be half a jump apart.
                    let near =
                        |position: usize, first: usize| position + 2 >= first && position <= first + size + 1;
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
