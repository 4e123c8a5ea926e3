//! Maps of whole pictures, computed in one piece or, to save memory, tile by tile.

use std::collections::BTreeSet;

use allconv_data::ImageShape;
use allconv_nets::{Mode, Network, NormaliseKind, StageSpec, Walk, images_to_tensor};
use burn::tensor::{Device, Tensor};

/// Pictures with more input pixels than this are cut into tiles by default: 2²⁰, a megapixel.
pub const WHOLE_PIXELS: usize = 1 << 20;
/// Height and width of those tiles, in input pixels.
const DEFAULT_SIZE: usize = 512;

/// A map that a network returned for one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseMap {
    /// Rows, columns and channels.
    pub shape: ImageShape,
    /// Values, `[height, width, channels]`.
    pub values: Vec<f32>,
}

/// The division of a picture into tiles: tiles of `size`, each processed with `margin` pixels of its surroundings.
///
/// The margin covers the receptive field of the tile's values, and tiles begin at a position of the network's coarsest map, so
/// that the map is that of the whole picture but for rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    size: usize,
    margin: usize,
}

/// A network whose map cannot be computed in tiles.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TilingError {
    /// A stage depends on the whole map.
    #[error(
        "stage {stage} ({kind}) depends on the whole map, so that tiles would change its values; leave --tile out"
    )]
    Global {
        /// Index of the stage.
        stage: usize,
        /// Its name.
        kind: String,
    },
    /// The size does not fit the network's maps.
    #[error(
        "tiles of {size} pixels cannot be used: the network's coarsest map has a position every {multiple} pixels; use a multiple of {multiple}"
    )]
    Size {
        /// The requested size.
        size: usize,
        /// The step that it must be a multiple of.
        multiple: usize,
    },
}

impl Tiling {
    /// Returns tiles of `size` input pixels for the network that was walked.
    ///
    /// # Errors
    /// [`TilingError`] when the network cannot be run on tiles of this size.
    pub fn new(walk: &Walk, size: usize) -> Result<Tiling, TilingError> {
        let global = walk.stages.iter().enumerate().find(|(_, shape)| looks_everywhere(&shape.stage));
        if let Some((stage, shape)) = global {
            return Err(TilingError::Global { stage, kind: shape.stage.label() });
        }
        let multiple = coarsest_step(walk);
        if size == 0 || !size.is_multiple_of(multiple) {
            return Err(TilingError::Size { size, multiple });
        }
        // Half the field in each direction, and one position for windows of even size, whose middle lies between positions.
        let margin = (walk.receptive_field() / 2 + multiple).next_multiple_of(multiple);
        Ok(Tiling { size, margin })
    }

    /// Returns the pieces that a picture is cut into, with their margins, each shape once.
    pub(crate) fn pieces(&self, shape: ImageShape) -> Vec<ImageShape> {
        let lengths = |whole: usize| {
            (0..whole)
                .step_by(self.size)
                .map(|start| (start + self.size + self.margin).min(whole) - start.saturating_sub(self.margin))
                .collect::<BTreeSet<usize>>()
        };
        let (heights, widths) = (lengths(shape.height), lengths(shape.width));
        let piece = |height: &usize, width: &usize| ImageShape { height: *height, width: *width, ..shape };
        heights.iter().flat_map(|height| widths.iter().map(move |width| piece(height, width))).collect()
    }

    /// Returns the default: `None`, one piece, for pictures up to [`WHOLE_PIXELS`] and for networks that
    /// cannot be run on tiles.
    pub fn by_default(walk: &Walk, input: ImageShape) -> Option<Tiling> {
        let large = input.height * input.width > WHOLE_PIXELS;
        let size = DEFAULT_SIZE.next_multiple_of(coarsest_step(walk));
        if large { Tiling::new(walk, size).ok() } else { None }
    }
}

/// Returns the input pixels between neighbouring positions of the network's coarsest map.
pub(crate) fn coarsest_step(walk: &Walk) -> usize {
    walk.stages.iter().map(|shape| shape.jump.ceil() as usize).max().unwrap_or(1).max(1)
}

/// Returns whether a stage's values depend on the whole map.
fn looks_everywhere(stage: &StageSpec) -> bool {
    match stage {
        StageSpec::GlobalAverage => true,
        StageSpec::Normalise(spec) => matches!(spec.kind, NormaliseKind::Group { .. }),
        StageSpec::Downsample(operator) => {
            matches!(
                operator.name(),
                "spectral_pool"
                    | "diff_stride"
                    | "adaptive_polyphase"
                    | "learned_polyphase"
                    | "fractional_max_pool"
            )
        }
        StageSpec::Upsample(spec) => spec.operator.name() == "spectral_upsample",
        _ => false,
    }
}

/// Runs the network on one picture's input `[height, width, channels]`.
pub fn run_map(
    network: &Network,
    input: &[f32],
    shape: ImageShape,
    tiling: Option<Tiling>,
    device: &Device,
) -> DenseMap {
    if tiling.is_none() {
        return run_whole(network, input.to_vec(), shape, device);
    }
    let mut whole: Option<DenseMap> = None;
    let read = |piece: Piece| {
        let mut values = Vec::with_capacity(piece.shape.len());
        piece.runs(shape).for_each(|(first, count)| values.extend_from_slice(&input[first..first + count]));
        values
    };
    run_tiles(network, &read, shape, tiling, device, &mut |tile| {
        let whole =
            whole.get_or_insert_with(|| DenseMap { shape: tile.whole, values: vec![0.0; tile.whole.len()] });
        for (to, from, count) in tile.runs(tile.whole.channels) {
            whole.values[to..to + count].copy_from_slice(&tile.map.values[from..from + count]);
        }
    });
    whole.unwrap_or_else(|| run_whole(network, input.to_vec(), shape, device))
}

/// A part of a picture that the network sees at once.
pub(crate) struct Piece {
    top: usize,
    left: usize,
    pub(crate) shape: ImageShape,
}

impl Piece {
    /// Iterates over its rows in a picture of this shape: the place of the first value, and the number of values.
    pub(crate) fn runs(&self, whole: ImageShape) -> impl Iterator<Item = (usize, usize)> {
        let Piece { top, left, shape } = *self;
        let first = move |row| ((top + row) * whole.width + left) * whole.channels;
        (0..shape.height).map(move |row| (first(row), shape.width * whole.channels))
    }
}

/// The map of a piece, and the part of it that belongs to the map of the whole picture.
pub(crate) struct Tile {
    pub(crate) map: DenseMap,
    /// The shape of the map of the whole picture.
    pub(crate) whole: ImageShape,
    from: [usize; 2],
    to: [usize; 2],
    size: [usize; 2],
}

impl Tile {
    /// Iterates over its rows where a position has `channels` values: the first value of each in the whole map and in its own map, and the number of values.
    pub(crate) fn runs(&self, channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let widths = [self.whole.width, self.map.shape.width];
        let ([to_row, to_column], [from_row, from_column], [rows, columns]) = (self.to, self.from, self.size);
        (0..rows).map(move |row| {
            let to = ((to_row + row) * widths[0] + to_column) * channels;
            let from = ((from_row + row) * widths[1] + from_column) * channels;
            (to, from, columns * channels)
        })
    }
}

/// Runs the network on the pieces of a picture of this shape, which `read` gives, and hands each map over to `take`: no more than one piece and its map is in
/// memory at a time. Without tiles the picture is one piece.
pub(crate) fn run_tiles(
    network: &Network,
    read: &dyn Fn(Piece) -> Vec<f32>,
    shape: ImageShape,
    tiling: Option<Tiling>,
    device: &Device,
    take: &mut dyn FnMut(Tile),
) {
    let Tiling { size, margin } = tiling.unwrap_or(Tiling { size: shape.height.max(shape.width), margin: 0 });
    for top in (0..shape.height).step_by(size) {
        for left in (0..shape.width).step_by(size) {
            let (first_row, first_column) = (top.saturating_sub(margin), left.saturating_sub(margin));
            let end_row = (top + size + margin).min(shape.height);
            let end_column = (left + size + margin).min(shape.width);
            let piece = ImageShape { height: end_row - first_row, width: end_column - first_column, ..shape };
            let values = read(Piece { top: first_row, left: first_column, shape: piece });
            let map = run_whole(network, values, piece, device);
            let scale = map.shape.height / piece.height;
            let whole = ImageShape {
                height: shape.height * scale,
                width: shape.width * scale,
                channels: map.shape.channels,
            };
            let (rows, columns) =
                ((top + size).min(shape.height) - top, (left + size).min(shape.width) - left);
            take(Tile {
                map,
                whole,
                from: [(top - first_row) * scale, (left - first_column) * scale],
                to: [top * scale, left * scale],
                size: [rows * scale, columns * scale],
            });
        }
    }
}

fn run_whole(network: &Network, input: Vec<f32>, shape: ImageShape, device: &Device) -> DenseMap {
    let images = images_to_tensor(input, [1, shape.height, shape.width, shape.channels], device);
    let map = network.forward_map(images, Mode::Evaluate);
    let [_, channels, height, width] = map.dims();
    DenseMap { shape: ImageShape { height, width, channels }, values: channels_last_values(map) }
}

/// Returns the values of maps `[n, c, h, w]` in host memory as `[n, h, w, c]`.
///
/// # Panics
/// If the values cannot be read from the device, e.g. because it was lost.
pub(crate) fn channels_last_values(maps: Tensor<4>) -> Vec<f32> {
    match maps.permute([0, 2, 3, 1]).into_data().try_into_vec::<f32>() {
        Ok(values) => values,
        Err(error) => panic!("the maps could not be read from their device: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_nets::{Engine, NetworkSpec, walk};

    /// Tiles and whole pictures take different kernels near their borders; values of about 1 differ by f32 rounding alone.
    const BOUND: f32 = 2e-5;

    fn spec(text: &str) -> NetworkSpec {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn tiles_with_their_surroundings_give_the_map_of_the_whole_picture() {
        let device = Device::flex();
        for text in [
            "architecture = { u_net = { depth = 2, channels = 4 } }",
            "architecture = { u_net = { depth = 2, channels = 4 } }\ndownsample = { blur_pool = {} }\nupsample = { blur_upsample = {} }",
            "architecture = { super_resolution_u_net = { scale = 2, depth = 1, channels = 4, residual = 'bicubic' } }",
        ] {
            let spec = spec(text);
            let walk = walk(&spec, [3, 32, 32], 3).unwrap();
            let network = Network::initialise(&spec, [3, 32, 32], 3, 1, Engine::detect(), &device).unwrap();
            let shape = ImageShape { height: 101, width: 83, channels: 3 };
            let input: Vec<f32> =
                (0..shape.len()).map(|place| ((place * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
            let whole = run_map(&network, &input, shape, None, &device);
            let tiling = Tiling::new(&walk, 32).unwrap();
            let tiled = run_map(&network, &input, shape, Some(tiling), &device);
            assert_eq!(whole.shape, tiled.shape);
            let largest =
                whole.values.iter().zip(&tiled.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{text}: {tiling:?}, largest difference {largest:e}");
            assert!(largest <= BOUND, "{text}: {largest}");
            // Without its surroundings a tile's map differs.
            let alone = run_map(&network, &input, shape, Some(Tiling { margin: 0, ..tiling }), &device);
            assert!(alone.values.iter().zip(&whole.values).any(|(a, b)| (a - b).abs() > 100.0 * BOUND));
        }
    }

    #[test]
    fn sizes_that_do_not_fit_and_networks_that_depend_on_the_whole_map_are_refused() {
        let walked = |text: &str| walk(&spec(text), [3, 32, 32], 3).unwrap();
        let plain = walked("architecture = { u_net = { depth = 2, channels = 4 } }");
        assert_eq!(Tiling::new(&plain, 30), Err(TilingError::Size { size: 30, multiple: 4 }));
        assert!(Tiling::new(&plain, 0).is_err());
        let grouped = walked("architecture = { u_net = { depth = 1, channels = 4, norm = 'group' } }");
        assert!(matches!(Tiling::new(&grouped, 32), Err(TilingError::Global { .. })));
        assert_eq!(Tiling::by_default(&plain, ImageShape { height: 1024, width: 1024, channels: 3 }), None);
        assert!(Tiling::by_default(&plain, ImageShape { height: 1025, width: 1024, channels: 3 }).is_some());
    }
}
