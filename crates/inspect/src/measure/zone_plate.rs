//! Aliasing of a zone plate, an image that holds all frequencies.
//!
//! The image `cos(π r² / S)` in each colour (r the distance from the middle, S the height and width; at the edges' middles as fine as the
//! grid can hold) goes through the network, and the aliasing fraction of each reducing stage is taken as in `aliasing`. Pictures: the mean
//! absolute value over channels after each reducing stage, where alias shows as rings around new centres.
//!
//! Source: the zone plate of television test charts; Zhang, arXiv 1904.11486, for its use here.

use allconv_nets::{Mode, SignalRules, images_to_tensor};
use allconv_random::elementary::cos;
use burn::tensor::{Device, Tensor};

use super::aliasing::{aliasing_readings, reducing_stages};
use super::interface::{Fits, Measure, MeasureDescription, MeasureRequest, Measurement};
use crate::InspectError;
use crate::explain::{ContactSheet, map_picture};
use crate::tensors::host;

/// Height and width of a stage's picture, in pixels.
const PICTURE: u32 = 96;

/// The measure.
pub(super) struct ZonePlate;

impl Measure for ZonePlate {
    fn description(&self) -> MeasureDescription {
        MeasureDescription {
            name: "zone_plate",
            statement: "How much of each reduced map is alias when the image holds all frequencies.",
            formula: "the aliasing fraction for the image cos(π r²/S)",
            source: "after Zhang, arXiv 1904.11486",
            metrics: &["zone_plate_aliasing"],
            images: 1,
            fits: Fits::Any,
            revision: 2,
        }
    }

    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
        let [channels, height, width] = request.subject.walk().input;
        let plate = plate([channels, height, width]);
        let readings = aliasing_readings(request.subject, "zone_plate_aliasing", 1, |_, _| plate.clone());
        let trace = request.subject.plain().forward_traced(plate, Mode::Evaluate, SignalRules::GRADIENT);
        let mut row = Vec::new();
        for (stage, _) in reducing_stages(request.subject) {
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
    let size = height.max(width) as f64;
    let value = |index: usize| {
        let (row, column) = (index / channels / width, index / channels % width);
        let (u, v) = (row as f64 - height as f64 / 2.0, column as f64 - width as f64 / 2.0);
        cos(std::f64::consts::PI * (u * u + v * v) / size) as f32
    };
    let values = (0..channels * height * width).map(value).collect();
    images_to_tensor(values, [1, height, width, channels], &Device::flex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{operator_net, request, value};
    use crate::pictures::tests::drawn;

    #[test]
    fn decimation_aliases_more_than_a_blur_and_an_ideal_filter_not_at_all() {
        let fraction = |operator| {
            let (subject, pictures) = (operator_net(operator, 32), drawn(1));
            let taken = ZonePlate.take(&request(&subject, &pictures)).unwrap();
            assert_eq!(taken.pictures.len(), 1, "{operator}");
            value(&taken, "zone_plate_aliasing", "")
        };
        assert!(fraction("decimation") > 2.0 * fraction("blur_pool"));
        // Spectral pooling keeps one of the two waves at the limit itself.
        let spectral = fraction("spectral_pool");
        assert!(spectral < 0.25 * fraction("decimation"), "{spectral} {}", fraction("decimation"));
    }
}
