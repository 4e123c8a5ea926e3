//! Shift agreement and fidelity: the stability of predictions under shifts of the image.
//!
//! Over all shifts `(dy, dx)` of `[−m, m]²` of each image, with `M = (2m + 1)²`, `n_c` the shifts predicted as class c and `k` those
//! predicted correctly: **agreement** is the fraction of pairs of different shifts with the same prediction, `Σ_c n_c(n_c − 1) / (M(M −
//! 1))`; **fidelity** the fraction of pairs in which both are correct, `k(k − 1) / (M(M − 1))`.
//!
//! Three kinds of shift of the network's input (after preprocessing): circularly; filled with zeros (the mean image after
//! standardisation); or crops of `S − 2m` pixels at all places, which a network of any input size takes as they are.
//!
//! Sources: Zhang, arXiv 1904.11486 (agreement of crops); Chaman and Dokmanić, arXiv 2011.14214 (circular shifts; their reference draws
//! from a half-open range, here the range is closed and complete); Saha and Gokhale, arXiv 2404.07410 (fidelity).

use allconv_nets::{Mode, images_to_tensor};
use allconv_train::sample_results;
use burn::tensor::Device;

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::InspectError;

/// Images per pass.
const IMAGES_PER_PASS: usize = 128;

/// The values that a shift uncovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Border {
    Circular,
    Zeros,
    Cropped,
}

/// Agreement and fidelity under circular shifts.
pub(super) struct CircularShift;
/// Agreement and fidelity under shifts filled with zeros.
pub(super) struct ZeroShift;
/// Agreement and fidelity of crops.
pub(super) struct CropShift;

const FORMULA: &str = "over all pairs of shifts in [−m, m]²: fraction with equal predictions (agreement), with two correct ones (fidelity)";
const IMAGES: usize = 500;

impl Measure for CircularShift {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "circular_shift",
            statement: "Whether predictions are unchanged by circular shifts of the image.",
            formula: FORMULA,
            source: "Chaman and Dokmanić, arXiv 2011.14214; Saha and Gokhale, arXiv 2404.07410",
            metrics: &["circular_shift_agreement", "circular_shift_fidelity"],
            images: IMAGES,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        take(request, Border::Circular, ["circular_shift_agreement", "circular_shift_fidelity"])
    }
}

impl Measure for ZeroShift {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "zero_shift",
            statement: "Whether predictions are unchanged by shifts that fill with zeros.",
            formula: FORMULA,
            source: "Rojas-Gomez et al., arXiv 2210.08001; Saha and Gokhale, arXiv 2404.07410",
            metrics: &["zero_shift_agreement", "zero_shift_fidelity"],
            images: IMAGES,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        take(request, Border::Zeros, ["zero_shift_agreement", "zero_shift_fidelity"])
    }
}

impl Measure for CropShift {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "crop_shift",
            statement: "Whether predictions are the same for crops of the image at all places.",
            formula: "as circular_shift, over all crops of S − 2m pixels",
            source: "Zhang, arXiv 1904.11486",
            metrics: &["crop_shift_agreement", "crop_shift_fidelity"],
            images: IMAGES,
            fits: Fits::Classes,
            revision: 1,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        take(request, Border::Cropped, ["crop_shift_agreement", "crop_shift_fidelity"])
    }
}

fn take(
    request: &MeasureRequest<'_>,
    border: Border,
    [agreement, fidelity]: [&'static str; 2],
) -> Result<Measurement, InspectError> {
    let (m, walk) = (request.largest_shift, request.subject.walk());
    let [_, height, width] = walk.input;
    if m == 0 || 2 * m >= height.min(width) {
        return Err(InspectError::Request(format!(
            "a shift of up to {m} pixels is not between 1 and half of an image of {height}×{width}"
        )));
    }
    if border == Border::Cropped {
        request.subject.walk_over([height - 2 * m, width - 2 * m])?;
    }
    let mut agreements = Vec::with_capacity(request.pictures.len());
    let mut fidelities = Vec::with_capacity(request.pictures.len());
    let shifts = 2 * m + 1;
    let pairs = (shifts * shifts * (shifts * shifts - 1)) as f64;
    let pairs_of = |count: u32| f64::from(count) * (f64::from(count) - 1.0);
    for start in (0..request.pictures.len()).step_by(IMAGES_PER_PASS) {
        let end = (start + IMAGES_PER_PASS).min(request.pictures.len());
        let mut counts = vec![vec![0_u32; request.subject.classes()]; end - start];
        for shift in 0..shifts * shifts {
            let offset = [shift / shifts, shift % shifts];
            for (counts, predicted) in counts.iter_mut().zip(predicted(request, start, end, offset, border)) {
                counts[predicted as usize] += 1;
            }
        }
        for (index, counts) in counts.iter().enumerate() {
            agreements.push(counts.iter().map(|count| pairs_of(*count)).sum::<f64>() / pairs);
            if let Some(labels) = request.pictures.labels() {
                fidelities.push(pairs_of(counts[labels[start + index] as usize]) / pairs);
            }
        }
    }
    let mut readings = vec![Reading::fraction(agreement, "", agreements)];
    if request.pictures.labels().is_some() {
        readings.push(Reading::fraction(fidelity, "", fidelities));
    }
    Ok(Measurement { readings, pictures: Vec::new() })
}

/// Returns the predictions for images moved so that what lay at `offset − m` lies at the origin.
fn predicted(
    request: &MeasureRequest<'_>,
    start: usize,
    end: usize,
    offset: [usize; 2],
    border: Border,
) -> Vec<u32> {
    let m = request.largest_shift;
    let shape = request.pictures.shape();
    let (rows, columns) = match border {
        Border::Cropped => (shape.height - 2 * m, shape.width - 2 * m),
        Border::Circular | Border::Zeros => (shape.height, shape.width),
    };
    // The source of a position along one axis; none beyond the edge.
    let from = |position: usize, offset: usize, size: usize| match border {
        Border::Cropped => Some(position + offset),
        Border::Circular => Some((position + offset + size - m) % size),
        Border::Zeros => (position + offset).checked_sub(m).filter(|from| *from < size),
    };
    let mut values = Vec::with_capacity((end - start) * rows * columns * shape.channels);
    for image in start..end {
        let input = request.pictures.input(image);
        for row in 0..rows {
            for column in 0..columns {
                let place = from(row, offset[0], shape.height).zip(from(column, offset[1], shape.width));
                match place {
                    Some((row, column)) => {
                        let first = (row * shape.width + column) * shape.channels;
                        values.extend_from_slice(&input[first..first + shape.channels]);
                    }
                    None => values.extend(std::iter::repeat_n(0.0, shape.channels)),
                }
            }
        }
    }
    let images = images_to_tensor(values, [end - start, rows, columns, shape.channels], &Device::flex());
    let logits = request.subject.plain().forward(images, Mode::Evaluate);
    let [count, classes] = logits.dims();
    let logits: Vec<f32> = match logits.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("the logits could not be read from their device: {error}"),
    };
    sample_results(&logits, &vec![0; count], classes).into_iter().map(|result| result.predicted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{operator_net, request};
    use crate::pictures::tests::drawn;

    fn values(measure: &dyn Measure, operator: &str) -> Vec<f64> {
        let (subject, pictures) = (operator_net(operator, 16), drawn(40));
        let taken = measure.take(&request(&subject, &pictures)).unwrap();
        taken.readings.iter().map(|reading| reading.value).collect()
    }

    /// 1×1 convolutions, adaptive polyphase sampling and the global average: equivariant to every circular shift.
    #[test]
    fn an_exactly_equivariant_network_agrees_under_every_shift() {
        let [agreement, fidelity] = values(&CircularShift, "adaptive_polyphase")[..] else { panic!() };
        assert_eq!(agreement, 1.0);
        // Then each image is right under all shifts or under none.
        let (subject, pictures) = (operator_net("adaptive_polyphase", 16), drawn(40));
        let predicted = super::super::predictions::predictions(subject.plain(), &pictures);
        let right = predicted.iter().zip(pictures.labels().unwrap()).filter(|(p, l)| p == l).count();
        assert_eq!(fidelity, right as f64 / 40.0);
    }

    #[test]
    fn decimation_and_shifts_filled_with_zeros_lower_the_agreement() {
        assert!(values(&CircularShift, "decimation")[0] < 0.999);
        assert!(values(&ZeroShift, "adaptive_polyphase")[0] < 1.0);
        let crops = values(&CropShift, "adaptive_polyphase");
        assert!(crops[0] > 0.2 && crops[0] < 1.0, "{crops:?}");
    }

    #[test]
    fn a_net_of_one_size_takes_no_crops_and_a_shift_must_fit() {
        let (subject, pictures) = (operator_net("ada_pool", 16), drawn(2));
        let error = CropShift.take(&request(&subject, &pictures)).unwrap_err().to_string();
        assert!(error.contains("one input size"), "{error}");
        assert!(
            CircularShift.take(&MeasureRequest { largest_shift: 8, ..request(&subject, &pictures) }).is_err()
        );
    }
}
