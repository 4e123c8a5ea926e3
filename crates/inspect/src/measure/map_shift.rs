//! Shift agreement of maps: the agreement of a network's maps for two crops of a picture where they overlap.
//!
//! The crop of `S − 2m` pixels at the middle of each picture, and those at all other offsets of `[−m, m]²`. Where the two overlap, for
//! each offset: the **agreement** is the fraction of pixels with the same class, the **error** `‖a − b‖ / ‖a − mean(a)‖` over the maps'
//! values. Mean over offsets and pictures. Borders are included.
//!
//! Source: the consistency of Zhang, arXiv 1904.11486, for maps in place of classes.

use allconv_nets::{Mode, images_to_tensor};
use burn::tensor::{Device, Tensor};

use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading};
use crate::tensors::host;
use crate::{InspectError, OutputType};

/// The measure.
pub(super) struct MapShift;

impl Measure for MapShift {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "map_shift",
            statement: "Whether crops of a picture get the same map where they overlap.",
            formula: "crops of S − 2m pixels against the middle one, on the overlap: fraction of equal classes (agreement); ‖a − b‖ / ‖a − mean‖ (error)",
            source: "after Zhang, arXiv 1904.11486",
            metrics: &["map_shift_agreement", "map_shift_error"],
            fits: Fits::Maps,
            images: 32,
            revision: 1,
        }
    }

    fn fits_metric(&self, metric: &str) -> Fits {
        if metric == "map_shift_agreement" { Fits::Regions } else { Fits::Maps }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let (m, [_, height, width]) = (request.largest_shift, request.subject.walk().input);
        if m == 0 || 4 * m >= height.min(width) {
            return Err(InspectError::Request(format!(
                "crops that differ by up to {m} pixels do not overlap in pictures of {height}×{width}; at least 1 and less than a \
                 quarter of height and width is possible"
            )));
        }
        let size = [height - 2 * m, width - 2 * m];
        let walk = request.subject.walk_over(size)?;
        // Output positions for each input pixel.
        let scale = (walk.output()[1] / size[0]).max(1);
        let (mut agreements, mut errors) = (Vec::new(), Vec::new());
        for picture in 0..request.pictures.len() {
            let offsets: Vec<[usize; 2]> =
                (0..=2 * m).flat_map(|down| (0..=2 * m).map(move |right| [down, right])).collect();
            let maps = maps(request, picture, &offsets, size);
            let middle = &maps[maps.len() / 2];
            let (mut agreement, mut error) = (0.0, 0.0);
            for (offset, map) in offsets.iter().zip(&maps).filter(|(offset, _)| **offset != [m, m]) {
                let (agrees, differs) = middle.compared(map, m, *offset, scale);
                agreement += agrees;
                error += differs;
            }
            let others = (maps.len() - 1) as f64;
            agreements.push(agreement / others);
            errors.push(error / others);
        }
        let mut readings = vec![Reading::mean("map_shift_error", "", errors)];
        if request.subject.output_type() == OutputType::Regions {
            readings.insert(0, Reading::fraction("map_shift_agreement", "", agreements));
        }
        Ok(Measurement { readings, pictures: Vec::new() })
    }
}

/// The output of the network, `[channels, rows, columns]`.
struct Map {
    sizes: [usize; 3],
    values: Vec<f64>,
}

/// Returns the maps of the crops of a picture whose first pixels are `offsets`.
fn maps(
    request: &MeasureRequest<'_>,
    picture: usize,
    offsets: &[[usize; 2]],
    [rows, columns]: [usize; 2],
) -> Vec<Map> {
    let shape = request.pictures.shape();
    let input = request.pictures.input(picture);
    let mut values = Vec::with_capacity(offsets.len() * rows * columns * shape.channels);
    for [down, right] in offsets {
        for row in 0..rows {
            let first = ((row + down) * shape.width + right) * shape.channels;
            values.extend_from_slice(&input[first..][..columns * shape.channels]);
        }
    }
    let crops = images_to_tensor(values, [offsets.len(), rows, columns, shape.channels], &Device::flex());
    let maps: Tensor<4> = request.subject.plain().forward_map(crops, Mode::Evaluate);
    let [_, channels, rows, columns] = maps.dims();
    let values = host(maps);
    let of_crop = |values: &[f64]| Map { sizes: [channels, rows, columns], values: values.to_vec() };
    values.chunks_exact(channels * rows * columns).map(of_crop).collect()
}

impl Map {
    fn pixel(&self, row: usize, column: usize) -> impl Iterator<Item = f64> + '_ {
        let [channels, rows, columns] = self.sizes;
        (0..channels).map(move |channel| self.values[(channel * rows + row) * columns + column])
    }

    /// Returns the agreement and error where this map, of the crop at `(m, m)`, overlaps with that of the crop at `offset`.
    fn compared(&self, other: &Map, m: usize, offset: [usize; 2], scale: usize) -> (f64, f64) {
        let [channels, rows, columns] = self.sizes;
        // The positions of each axis here, and those of the same pixels of the picture there.
        let overlap = |positions: usize, offset: usize| {
            let (here, there) = (offset.saturating_sub(m) * scale, m.saturating_sub(offset) * scale);
            (0..positions - here.max(there)).map(move |position| (position + here, position + there))
        };
        let (mut same, mut positions, mut distance) = (0_u32, 0_u32, 0.0);
        let mut sums = vec![[0.0; 2]; channels];
        for (row, other_row) in overlap(rows, offset[0]) {
            for (column, other_column) in overlap(columns, offset[1]) {
                let largest = |map: &Map, row, column| {
                    let best =
                        map.pixel(row, column).enumerate().max_by(|left, right| left.1.total_cmp(&right.1));
                    best.map(|(class, _)| class)
                };
                same += u32::from(largest(self, row, column) == largest(other, other_row, other_column));
                positions += 1;
                let pairs = self.pixel(row, column).zip(other.pixel(other_row, other_column));
                for ((a, b), [sum, squares]) in pairs.zip(&mut sums) {
                    distance += (a - b) * (a - b);
                    *sum += a;
                    *squares += a * a;
                }
            }
        }
        let positions = f64::from(positions);
        let energy: f64 = sums.iter().map(|[sum, squares]| squares - sum * sum / positions).sum();
        let error = if energy > 0.0 { (distance / energy).sqrt() } else { 0.0 };
        (f64::from(same) / positions, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{map_net, net_of, pointwise, request, value};
    use crate::pictures::tests::drawn;

    #[test]
    fn a_pointwise_network_agrees_everywhere() {
        let subject = net_of(&[pointwise(4)], 16);
        let taken = MapShift.take(&request(&subject, &drawn(3))).unwrap();
        assert_eq!(value(&taken, "map_shift_agreement", ""), 1.0);
        assert!(value(&taken, "map_shift_error", "") < 1e-6);
    }

    /// Decimation keeps other pixels after an odd shift; adaptive phases move with the image but for the borders.
    #[test]
    fn a_network_with_decimation_does_not_agree_everywhere() {
        let of = |net: &crate::Subject| {
            let taken = MapShift.take(&request(net, &drawn(4))).unwrap();
            (value(&taken, "map_shift_agreement", ""), value(&taken, "map_shift_error", ""))
        };
        let (agreement, error) = of(&map_net("decimation", "resize_conv", 16));
        assert!(agreement < 0.999 && error > 0.1, "{agreement} {error}");
    }

    #[test]
    fn pictures_must_be_larger_than_the_distance_of_the_crops() {
        let subject = net_of(&[pointwise(4)], 16);
        let pictures = drawn(1);
        let request = MeasureRequest { largest_shift: 4, ..request(&subject, &pictures) };
        assert!(MapShift.take(&request).unwrap_err().to_string().contains("do not overlap"));
    }
}
