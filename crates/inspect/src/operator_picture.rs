//! Pictures of operators applied to a test image and a zone plate; an upsampling operator after its partner.

use allconv_nets::{
    ActivationKind, DescriptionError, DownsampleConfig, Engine, Initialisation, Mode, Network, Slot,
    StageSpec, UpsampleConfig, UpsamplePair, walk_stages,
};
use allconv_random::elementary::{cos, hypot, sin, square};
use burn::tensor::{DType, Device, Tensor, TensorData};
use image::{GrayImage, Luma};

/// Height and width of the maps that are reduced.
const SIZE: usize = 64;
/// Height and width of a panel, in pixels.
const PANEL: u32 = 128;
/// Pixels between panels.
const GAP: u32 = 8;

/// Draws four panels side by side: the test image, the output of `operator` for it, a zone plate, the output for that.
///
/// Several output channels are tiled. Values are divided by the operator's gain on constants; where many are negative,
/// 0 is shown as middle grey. Operators with weights are shown with initial weights, from seed 0. Computed in f64, so that the
/// picture is the same everywhere.
///
/// # Errors
///
/// An operator that needs a stage before it, or refuses a map of 64×64.
pub fn operator_picture(operator: &DownsampleConfig) -> Result<GrayImage, DescriptionError> {
    let mut stages: Vec<StageSpec> = Vec::new();
    Slot::new(&mut stages, 1, ActivationKind::Relu).place(operator)?;
    let walk = walk_stages(&stages, [1, SIZE, SIZE])?;
    let device = Device::flex();
    let network =
        Network::from_walk(&walk, Initialisation::He, 0, Engine::detect(), &device).in_double_precision();
    let mut panels = Vec::new();
    for map in [test_image(), zone_plate()] {
        let x = tensor(&map, &device);
        let [_, channels, rows, columns] = walk
            .stages
            .last()
            .map_or([1, 1, SIZE, SIZE], |stage| [1, stage.output[0], stage.output[1], stage.output[2]]);
        let y = match stages.is_empty() {
            true => map.clone(),
            false => host(network.forward(x, Mode::Evaluate)),
        };
        panels.push(panel(&map, 1, SIZE, SIZE, 1.0));
        panels.push(panel(&y, channels, rows, columns, operator.properties().gain.unwrap_or(1.0)));
    }
    Ok(side_by_side(&panels))
}

/// Draws six panels side by side: the test image, the output of the usual partner of `operator`, the output of `operator` for that, and
/// the same for a zone plate; otherwise as [`operator_picture`].
///
/// # Errors
///
/// An operator that refuses a map of 64×64.
pub fn upsampler_picture(operator: &UpsampleConfig) -> Result<GrayImage, DescriptionError> {
    let (device, partner) = (Device::flex(), operator.partner());
    let pair = UpsamplePair::new(operator, &partner, [1, SIZE, SIZE], &Engine::detect(), &device)?;
    let pair = pair.in_double_precision();
    let gain = partner.properties().gain.unwrap_or(1.0);
    let mut panels = Vec::new();
    for map in [test_image(), zone_plate()] {
        let (reduced, switches) = pair.reduce(tensor(&map, &device));
        let enlarged = pair.enlarge(reduced.clone(), &switches);
        panels.push(panel(&map, 1, SIZE, SIZE, 1.0));
        for (y, gain) in [(reduced, gain), (enlarged, gain * operator.properties().gain.unwrap_or(1.0))] {
            let [_, channels, rows, columns] = y.dims();
            panels.push(panel(&host(y), channels, rows, columns, gain));
        }
    }
    Ok(side_by_side(&panels))
}

fn tensor(map: &[f64], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(map.to_vec(), [1, 1, SIZE, SIZE]), (device, DType::F64))
}

fn host<const D: usize>(y: Tensor<D>) -> Vec<f64> {
    match y.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("a map could not be read from its device: {error}"),
    }
}

/// Returns a disc, a ring, stripes that become finer, a checkerboard and a ramp, in [0, 1].
fn test_image() -> Vec<f64> {
    let value = |row: usize, column: usize| {
        let (top, left) = (row < SIZE / 2, column < SIZE / 2);
        let (u, v) = ((row % 32) as f64 - 15.5, (column % 32) as f64 - 15.5);
        let radius = hypot(u, v);
        match (top, left) {
            (true, true) if radius < 6.0 || (10.0..12.0).contains(&radius) => 1.0,
            (true, true) => 0.1,
            // Stripes whose distance falls from eight pixels to two.
            (true, false) => f64::from(u8::from(sin(0.12 * square(v + 16.0) / 2.0) > 0.0)),
            (false, true) if row % 32 < 16 => f64::from(u8::from((row + column).is_multiple_of(2))),
            (false, true) => f64::from(u8::from((row / 2 + column / 2).is_multiple_of(2))),
            (false, false) => (column % 32) as f64 / 31.0,
        }
    };
    (0..SIZE * SIZE).map(|position| value(position / SIZE, position % SIZE)).collect()
}

/// Returns `½ + ½·cos(π·r²/SIZE)`: waves from the centre out, at the middle of each edge as fine as the grid can hold.
fn zone_plate() -> Vec<f64> {
    let centre = SIZE as f64 / 2.0;
    let value = |position: usize| {
        let (u, v) = ((position / SIZE) as f64 - centre, (position % SIZE) as f64 - centre);
        0.5 + 0.5 * cos(std::f64::consts::PI * (u * u + v * v) / SIZE as f64)
    };
    (0..SIZE * SIZE).map(value).collect()
}

/// Returns the channels of a map as tiles of one square panel, each position a block of pixels.
fn panel(values: &[f64], channels: usize, rows: usize, columns: usize, gain: f64) -> GrayImage {
    let tiles = (1..).find(|tiles| tiles * tiles >= channels).unwrap_or(1);
    let largest = values.iter().fold(1e-12_f64, |largest, value| largest.max(value.abs()));
    // The overshoot of a sharp filter is cut off; bands and weights of both signs are shown around the middle.
    let signed = values.iter().any(|value| *value < -0.25 * largest);
    let shade = |value: f64| {
        let shade = if signed { 0.5 + 0.5 * value / largest } else { value / gain };
        (shade.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    let tile = PANEL as usize / tiles;
    GrayImage::from_fn(PANEL, PANEL, |x, y| {
        let (row, column) = (y as usize / tile, x as usize / tile);
        let channel = row * tiles + column;
        if row >= tiles || column >= tiles || channel >= channels {
            return Luma([255]);
        }
        let map_row = (y as usize % tile) * rows / tile;
        let map_column = (x as usize % tile) * columns / tile;
        Luma([shade(values[(channel * rows + map_row) * columns + map_column])])
    })
}

fn side_by_side(panels: &[GrayImage]) -> GrayImage {
    let count = panels.len() as u32;
    let mut picture = GrayImage::from_pixel(count * PANEL + (count - 1) * GAP, PANEL, Luma([255]));
    for (index, panel) in panels.iter().enumerate() {
        image::imageops::replace(&mut picture, panel, i64::from(index as u32 * (PANEL + GAP)), 0);
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_but_the_folded_stride_has_a_picture() {
        for name in DownsampleConfig::NAMES {
            let default = DownsampleConfig::named(name).unwrap().remove(0);
            let picture = operator_picture(&default);
            assert_eq!(picture.is_ok(), *name != "folded_stride", "{name}: {:?}", picture.err());
        }
    }

    #[test]
    fn the_picture_of_an_exact_inverse_ends_as_it_begins() {
        for name in UpsampleConfig::NAMES {
            let default = UpsampleConfig::named(name).unwrap().remove(0);
            let picture = upsampler_picture(&default).unwrap();
            let shade = |x, y| picture.get_pixel(x, y)[0];
            // A value half way between two shades may be rounded to either.
            let is_same = (0..PANEL)
                .all(|x| (0..PANEL).all(|y| shade(x, y).abs_diff(shade(x + 2 * (PANEL + GAP), y)) <= 1));
            assert_eq!(is_same, ["pixel_shuffle", "inverse_haar"].contains(name), "{name}");
        }
    }

    #[test]
    fn decimation_shows_the_first_value_of_each_block() {
        let picture = operator_picture(&DownsampleConfig::named("decimation").unwrap().remove(0)).unwrap();
        // Of the fine checkerboard (rows 32 to 47) every second position in both axes has one colour.
        let reduced = |x: u32, y: u32| picture.get_pixel(PANEL + GAP + x, y)[0];
        assert_eq!((reduced(2, 66), reduced(6, 70), reduced(10, 66)), (255, 255, 255));
    }
}
