//! Response to a zone plate: all frequencies at once, from the middle out.
//!
//! The image `cos(π r² / S)` in each colour (r the distance from the middle, S the side; at the edges' middles as fine as the grid can
//! hold) goes through the network, and the aliasing share of each reducing stage is taken as in `aliasing`. Pictures: the mean absolute
//! value over channels behind each reducing stage, where alias shows as rings around new centres.
//!
//! Source: the zone plate of television test charts; Zhang, arXiv 1904.11486, for the question.

use allconv_nets::{Mode, SignalRules, images_to_tensor};
use allconv_random::elementary::cos;
use burn::tensor::{Device, Tensor};

use super::aliasing::{aliasing_readings, reducing_stages};
use super::interface::{Asked, Fits, Measure, MeasureCard, Measurement};
use crate::InspectError;
use crate::explain::{ContactSheet, map_picture};
use crate::tensors::host;

/// Side of a stage's picture, in pixels.
const PICTURE: u32 = 96;

/// The measure.
pub(super) struct ZonePlate;

impl Measure for ZonePlate {
    fn card(&self) -> MeasureCard {
        MeasureCard {
            name: "zone_plate",
            statement: "How much of each reduced map is alias when the image holds all frequencies.",
            formula: "the aliasing share for the image cos(π r²/S)",
            source: "after Zhang, arXiv 1904.11486",
            metrics: &["zone_plate_aliasing"],
            images: 1,
            fits: Fits::Any,
            revision: 2,
        }
    }

    fn take(&self, asked: &Asked<'_>) -> Result<Measurement, InspectError> {
        let [channels, height, width] = asked.subject.walk().input;
        let plate = plate([channels, height, width]);
        let readings = aliasing_readings(asked.subject, "zone_plate_aliasing", 1, |_, _| plate.clone());
        let trace = asked.subject.plain().forward_traced(plate, Mode::Evaluate, SignalRules::GRADIENT);
        let mut row = Vec::new();
        for (stage, _) in reducing_stages(asked.subject) {
            let map: Tensor<4> = trace.stages[stage].clone().abs().mean_dim(1);
            let [_, _, rows, columns] = map.dims();
            row.push(map_picture(&host(map), [rows, columns]));
        }
        let mut sheet = ContactSheet::new(PICTURE);
        sheet.push(row);
        let pictures = vec![("zone-plate".to_owned(), sheet.render())];
        Ok(Measurement { readings, pictures })
    }
}

fn plate([channels, height, width]: [usize; 3]) -> Tensor<4> {
    let side = height.max(width) as f64;
    let value = |index: usize| {
        let (row, column) = (index / channels / width, index / channels % width);
        let (u, v) = (row as f64 - height as f64 / 2.0, column as f64 - width as f64 / 2.0);
        cos(std::f64::consts::PI * (u * u + v * v) / side) as f32
    };
    let values = (0..channels * height * width).map(value).collect();
    images_to_tensor(values, [1, height, width, channels], &Device::flex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{asked, operator_net, value};
    use crate::pictures::tests::drawn;

    #[test]
    fn decimation_aliases_more_than_a_blur_and_an_ideal_filter_not_at_all() {
        let share = |operator| {
            let (subject, pictures) = (operator_net(operator, 32), drawn(1));
            let taken = ZonePlate.take(&asked(&subject, &pictures)).unwrap();
            assert_eq!(taken.pictures.len(), 1, "{operator}");
            value(&taken, "zone_plate_aliasing", "")
        };
        assert!(share("decimation") > 2.0 * share("blur_pool"));
        // It keeps one of the two waves at the limit itself.
        let spectral = share("spectral_pool");
        assert!(spectral < 0.25 * share("decimation"), "{spectral} {}", share("decimation"));
    }
}
