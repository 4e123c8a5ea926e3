//! Frequency sensitivity: the change of predictions by waves added to an image.
//!
//! For each frequency (u, v) of a grid over the half plane a wave `a·cos(2π(u·row/H + v·column/W) + φ)` is added to each colour of the
//! network's input, with a root mean square of [`STRENGTH`] (in standard deviations, if the input is standardised) and a phase φ drawn for
//! each image. Sensitivity is the fraction of changed predictions. For the whole network: the mean over frequencies below and above half
//! the Nyquist limit (by the larger of both axes); `frequency_sensitivity_high` − `_low` tells at which frequencies a network is sensitive.
//!
//! Source: Yin et al., arXiv 1906.08988 (Fourier heat maps).

use allconv_random::elementary::cos;
use allconv_random::{Purpose, Stream};

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use super::predictions::{agreement, predictions};
use crate::InspectError;
use crate::explain::{ContactSheet, map_picture};

/// Root mean square of the wave.
const STRENGTH: f64 = 0.3;
/// Frequencies on an axis from 0 to the Nyquist limit, at most.
const STEPS: usize = 8;
/// Height and width of the map's picture, in pixels.
const PICTURE: u32 = 272;

/// The measure.
pub(super) struct FrequencySensitivity;

impl Measure for FrequencySensitivity {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "frequency_sensitivity",
            statement: "Which spatial frequencies, added to an image, change the prediction.",
            formula: "fraction of predictions changed by a wave of rms 0.3, mean below and above half the Nyquist limit",
            source: "Yin et al., arXiv 1906.08988",
            metrics: &["frequency_sensitivity_low", "frequency_sensitivity_high"],
            images: 64,
            fits: Fits::Classes,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let shape = request.pictures.shape();
        let before = predictions(request.subject.plain(), request.pictures);
        let steps = |size: usize| STEPS.min(size / 2);
        let (down, across) = (steps(shape.height), steps(shape.width));
        let frequency = |step: i64, steps: usize, size: usize| step * (size / 2) as i64 / steps as i64;
        let columns = 2 * across + 1;
        // The whole plane, frequency 0 in the middle; a wave and its mirror image are the same.
        let mut map = vec![0.0; (2 * down + 1) * columns];
        let (mut low, mut high) = (Sum::new(request.pictures.len()), Sum::new(request.pictures.len()));
        let mut readings = Vec::new();
        for row in 0..=down {
            for column in 0..columns {
                let (u_step, v_step) = (row as i64, column as i64 - across as i64);
                // The other half of the row at u = 0 holds the same waves; (0, 0) is not a wave.
                if row == 0 && v_step <= 0 {
                    continue;
                }
                let (u, v) = (frequency(u_step, down, shape.height), frequency(v_step, across, shape.width));
                let waved = with_wave(request, u, v);
                let agrees = agreement(&before, &predictions(request.subject.plain(), &waved));
                let changed: Vec<f64> = agrees.iter().map(|agrees| 1.0 - agrees).collect();
                let fraction = changed.iter().sum::<f64>() / changed.len() as f64;
                map[(down + row) * columns + column] = fraction;
                map[(down - row) * columns + columns - 1 - column] = fraction;
                let relative =
                    (u as f64 / shape.height as f64).abs().max((v as f64 / shape.width as f64).abs());
                if relative < 0.25 {
                    low.add(&changed)
                } else {
                    high.add(&changed)
                }
                readings.push(Reading::fraction("frequency_sensitivity", format!("{u},{v}"), changed));
            }
        }
        readings.push(Reading::fraction("frequency_sensitivity_low", "", low.mean()));
        readings.push(Reading::fraction("frequency_sensitivity_high", "", high.mean()));
        let mut sheet = ContactSheet::new(PICTURE);
        sheet.push(vec![map_picture(&map, [2 * down + 1, columns])]);
        Ok(Measurement { readings, pictures: vec![("frequency-sensitivity".to_owned(), sheet.render())] })
    }
}

/// Returns the pictures with a wave added to the network's input.
fn with_wave(request: &MeasureRequest<'_>, u: i64, v: i64) -> crate::Pictures {
    let shape = request.pictures.shape();
    let (height, width) = (shape.height as f64, shape.width as f64);
    let image = std::cell::Cell::new(0_u64);
    request.pictures.with_changed_inputs(|input| {
        let mut stream = Stream::of_number(Purpose::WavePhase, image.replace(image.get() + 1));
        let phase = std::f64::consts::TAU * f64::from(stream.unit());
        let wave: Vec<f64> = (0..shape.height * shape.width)
            .map(|position| {
                let (row, column) = ((position / shape.width) as f64, (position % shape.width) as f64);
                cos(std::f64::consts::TAU * (u as f64 * row / height + v as f64 * column / width) + phase)
            })
            .collect();
        // A wave at the Nyquist limit has an amplitude that depends on its phase; all are given the same.
        let rms = (wave.iter().map(|value| value * value).sum::<f64>() / wave.len() as f64).sqrt();
        let factor = if rms > 1e-6 { STRENGTH / rms } else { 0.0 };
        input
            .iter()
            .enumerate()
            .map(|(index, value)| value + (factor * wave[index / shape.channels]) as f32)
            .collect()
    })
}

/// Sums over frequencies, image by image.
struct Sum {
    values: Vec<f64>,
    count: usize,
}

impl Sum {
    fn new(images: usize) -> Sum {
        Sum { values: vec![0.0; images], count: 0 }
    }

    fn add(&mut self, values: &[f64]) {
        self.values.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        self.count += 1;
    }

    fn mean(&self) -> Vec<f64> {
        self.values.iter().map(|sum| sum / self.count.max(1) as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{net_of, pointwise, request, value};
    use crate::pictures::tests::drawn;
    use allconv_nets::StageSpec;

    /// A linear network with global average depends on the mean of the image only, which no wave of whole periods changes.
    #[test]
    fn a_network_of_the_mean_colour_is_insensitive_to_every_wave() {
        let subject = net_of(&[pointwise(10), StageSpec::GlobalAverage], 16);
        let taken = FrequencySensitivity.take(&request(&subject, &drawn(10))).unwrap();
        assert_eq!(value(&taken, "frequency_sensitivity_low", ""), 0.0);
        assert_eq!(value(&taken, "frequency_sensitivity_high", ""), 0.0);
        // 8 rows of 17 frequencies, and the right half of the first.
        assert_eq!(taken.readings.len(), 8 * 17 + 8 + 2);
    }
}
