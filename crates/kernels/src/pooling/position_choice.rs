//! The choice of one position in each window: the median, a drawn one, the largest of a region.

use rayon::prelude::*;

use super::geometry::PoolGeometry;
use super::largest::{keep_larger, pixel_index, wins};
use super::rows::{checked_size, list_pixels, rows};
use crate::cpu::{Kernel, LANES, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::{Channels, Scalar, lanes};

/// Elements of the largest window whose elements are ranked by comparing each with each.
const MOST_RANKED: usize = 64;

/// Finds the positions `row · W + column` of the middle values of each window: of an odd number of elements twice the same, of an even
/// number the lower and the upper. Equal values count in reading order; where an element is NaN, both are its position.
///
/// Shapes: `x` `[N, H, W, C]`, `lower` and `upper` `[N, H_out, W_out, C]`.
///
/// # Panics
/// When the geometry is invalid, a slice has the wrong length, or a window holds no pixel or more than 64.
pub fn median_positions<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    x: &[T],
    lower: &mut [u32],
    upper: &mut [u32],
) {
    let elements = geometry.kernel[0] * geometry.kernel[1];
    assert!(elements <= MOST_RANKED, "windows of {elements} elements, at most {MOST_RANKED} are ranked");
    rows(geometry, x, lower).zip(rows(geometry, x, upper)).for_each(|((row, x, lower), (_, _, upper))| {
        dispatch(engine.isa(), Median { geometry, row, x, lower, upper });
    });
}

/// One row of the output.
struct Median<'a, T> {
    geometry: &'a PoolGeometry,
    row: usize,
    x: &'a [T],
    lower: &'a mut [u32],
    upper: &'a mut [u32],
}

impl<T: Scalar> Kernel for Median<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels;
        let (mut pixels, mut window) = (Vec::new(), Vec::new());
        let outputs = self.lower.chunks_exact_mut(channels).zip(self.upper.chunks_exact_mut(channels));
        for (column, (lower, upper)) in outputs.enumerate() {
            list_pixels(self.geometry, self.row, column, &mut pixels);
            assert!(!pixels.is_empty(), "a pooling window holds no pixel: {:?}", self.geometry);
            for block in Channels::blocks(channels) {
                block.load_window(self.x, channels, &pixels, &mut window);
                let [low, high] = middle(&window, &pixels);
                block.store_places(low, lower);
                block.store_places(high, upper);
            }
        }
    }
}

/// Finds for each lane the pixels of the elements with the middle ranks.
#[inline(always)]
fn middle<T: Scalar>(elements: &[[T; LANES]], pixels: &[usize]) -> [[u32; LANES]; 2] {
    let ranks = [rank((elements.len() - 1) / 2), rank(elements.len() / 2)];
    let (mut found, mut odd) = ([[0; LANES]; 2], [u32::MAX; LANES]);
    for (place, (element, &pixel)) in elements.iter().zip(pixels).enumerate() {
        // Elements that come before this one in the order of values.
        let mut before = [0_u32; LANES];
        for other in &elements[..place] {
            for lane in 0..LANES {
                before[lane] += u32::from(other[lane] <= element[lane]);
            }
        }
        for other in &elements[place + 1..] {
            for lane in 0..LANES {
                before[lane] += u32::from(other[lane] < element[lane]);
            }
        }
        let pixel = pixel_index(pixel);
        for lane in 0..LANES {
            found[0][lane] = if before[lane] == ranks[0] { pixel } else { found[0][lane] };
            found[1][lane] = if before[lane] == ranks[1] { pixel } else { found[1][lane] };
            #[expect(clippy::eq_op, reason = "the test for NaN that a generic scalar offers")]
            let is_odd = element[lane] != element[lane];
            odd[lane] = if is_odd { pixel } else { odd[lane] };
        }
    }
    let [low, high] = found;
    [
        lanes!(lane => if odd[lane] == u32::MAX { low[lane] } else { odd[lane] }),
        lanes!(lane => if odd[lane] == u32::MAX { high[lane] } else { odd[lane] }),
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "a window holds at most 64 elements")]
const fn rank(place: usize) -> u32 {
    place as u32
}

/// Finds the position of one element of each window, drawn with a probability in proportion to its value: the first at which the running
/// sum of the values exceeds `draws` times their sum. In a window of zeros it is the first.
///
/// Shapes: `x` `[N, H, W, C]`, at least 0; `draws`, in [0, 1), and `indices` `[N, H_out, W_out, C]`.
///
/// # Panics
/// When the geometry is invalid, a slice has the wrong length, or a window holds no pixel.
pub fn drawn_positions<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    x: &[T],
    draws: &[T],
    indices: &mut [u32],
) {
    let [_, width] = checked_size(geometry, x.len(), indices.len());
    check_len("draws", draws.len(), indices.len());
    let draws = draws.par_chunks(width * geometry.channels);
    rows(geometry, x, indices).zip(draws).for_each(|((row, x, indices), draws)| {
        dispatch(engine.isa(), Drawn { geometry, row, x, draws, indices });
    });
}

/// One row of the output.
struct Drawn<'a, T> {
    geometry: &'a PoolGeometry,
    row: usize,
    x: &'a [T],
    draws: &'a [T],
    indices: &'a mut [u32],
}

impl<T: Scalar> Kernel for Drawn<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels;
        let (mut pixels, mut window) = (Vec::new(), Vec::new());
        let outputs = self.indices.chunks_exact_mut(channels).zip(self.draws.chunks_exact(channels));
        for (column, (indices, draws)) in outputs.enumerate() {
            list_pixels(self.geometry, self.row, column, &mut pixels);
            assert!(!pixels.is_empty(), "a pooling window holds no pixel: {:?}", self.geometry);
            for block in Channels::blocks(channels) {
                block.load_window(self.x, channels, &pixels, &mut window);
                let mut sum = [T::ZERO; LANES];
                for values in &window {
                    for lane in 0..LANES {
                        sum[lane] += values[lane];
                    }
                }
                let draws = block.load(draws);
                let threshold: [T; LANES] = lanes!(lane => draws[lane] * sum[lane]);
                let (mut reached, mut drawn) = ([T::ZERO; LANES], [pixel_index(pixels[0]); LANES]);
                for (values, &pixel) in window.iter().zip(&pixels) {
                    for lane in 0..LANES {
                        // The last positive element that begins at or below the threshold: rounding leaves none out.
                        let here = (reached[lane] <= threshold[lane]) & (values[lane] > T::ZERO);
                        drawn[lane] = if here { pixel_index(pixel) } else { drawn[lane] };
                        reached[lane] += values[lane];
                    }
                }
                block.store_places(drawn, indices);
            }
        }
    }
}

/// Windows along both axes of each map: first position, and the one after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionLists {
    /// For each map, or for all maps alike: the windows along the rows' axis.
    pub rows: Vec<Vec<(usize, usize)>>,
    /// The windows along the columns' axis.
    pub columns: Vec<Vec<(usize, usize)>>,
}

/// Finds the position of the largest value of each region, the first one on ties. The maps are the channels of each image in turn.
///
/// Shapes: `x` `[N, height, width, C]`, `indices` `[N, windows of rows, windows of columns, C]`.
///
/// # Panics
/// When lengths do not fit, or a region is empty or leaves the map.
pub fn region_max_positions<T: Scalar>(
    engine: &Engine,
    [batch, height, width, channels]: [usize; 4],
    regions: &RegionLists,
    x: &[T],
    indices: &mut [u32],
) {
    let image = height * width * channels;
    check_len("the input map", x.len(), batch * image);
    let (rows, columns) = (regions.rows[0].len(), regions.columns[0].len());
    check_len("indices", indices.len(), batch * rows * columns * channels);
    let images = indices.par_chunks_mut(rows * columns * channels).zip(x.par_chunks(image)).enumerate();
    images.for_each(|(number, (indices, x))| {
        if regions.rows.len() == 1 && regions.columns.len() == 1 {
            return dispatch(engine.isa(), SharedRegions { regions, width, channels, x, indices });
        }
        // One list for all maps, or one each.
        let of_map = |lists: &'_ [Vec<(usize, usize)>], map: usize| if lists.len() == 1 { 0 } else { map };
        for channel in 0..channels {
            let map = number * channels + channel;
            let rows = &regions.rows[of_map(&regions.rows, map)];
            let columns = &regions.columns[of_map(&regions.columns, map)];
            let windows = rows.iter().flat_map(|rows| columns.iter().map(move |columns| (rows, columns)));
            for (window, (&(top, bottom), &(left, right))) in windows.enumerate() {
                let (mut best, mut place) =
                    (x[(top * width + left) * channels + channel], top * width + left);
                for row in top..bottom {
                    for column in left..right {
                        let value = x[(row * width + column) * channels + channel];
                        if wins(value, best) {
                            (best, place) = (value, row * width + column);
                        }
                    }
                }
                indices[window * channels + channel] = pixel_index(place);
            }
        }
    });
}

/// One image whose maps all have the same windows.
struct SharedRegions<'a, T> {
    regions: &'a RegionLists,
    width: usize,
    channels: usize,
    x: &'a [T],
    indices: &'a mut [u32],
}

impl<T: Scalar> Kernel for SharedRegions<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (rows, columns) = (&self.regions.rows[0], &self.regions.columns[0]);
        let mut outputs = self.indices.chunks_exact_mut(self.channels);
        for &(top, bottom) in rows {
            for (&(left, right), indices) in columns.iter().zip(&mut outputs) {
                let first = top * self.width + left;
                for block in Channels::blocks(self.channels) {
                    let mut best = block.load(&self.x[first * self.channels..]);
                    let mut places = [pixel_index(first); LANES];
                    for row in top..bottom {
                        for pixel in row * self.width + left..row * self.width + right {
                            let values = block.load(&self.x[pixel * self.channels..]);
                            keep_larger(&mut best, &mut places, values, pixel);
                        }
                    }
                    block.store_places(places, indices);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::numbers::Accuracy;
    use crate::windows::Padding;

    const GEOMETRY: PoolGeometry = PoolGeometry {
        batch: 2,
        height_in: 5,
        width_in: 6,
        channels: 11,
        kernel: [3, 3],
        stride: [2, 2],
        padding: Padding { top: 1, bottom: 1, left: 0, right: 1 },
        dilation: [1, 1],
        ceil_mode: false,
    };

    /// Returns whole numbers from −3 to 3, so that many are equal.
    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|index| ((index * 7919 + 13) % 1009 % 7) as f32 - 3.0).collect()
    }

    /// Returns the window of an output, in reading order, by loops of its own: values with their positions.
    fn window(x: &[f32], output: usize) -> Vec<(f32, u32)> {
        let PoolGeometry { height_in, width_in, channels, .. } = GEOMETRY;
        let (rows, columns) = (GEOMETRY.height_out().unwrap(), GEOMETRY.width_out().unwrap());
        let channel = output % channels;
        let (column, row) = (output / channels % columns, output / channels / columns % rows);
        let image = output / channels / columns / rows;
        let mut elements = Vec::new();
        for down in 0..3 {
            for across in 0..3 {
                let (Some(row), column) = ((2 * row + down).checked_sub(1), 2 * column + across) else {
                    continue;
                };
                if row < height_in && column < width_in {
                    let pixel = row * width_in + column;
                    elements
                        .push((x[(image * height_in * width_in + pixel) * channels + channel], pixel as u32));
                }
            }
        }
        elements
    }

    #[test]
    fn medians_are_the_middle_of_the_sorted_window_on_every_instruction_set() {
        let x = values(GEOMETRY.input_len());
        let outputs = GEOMETRY.output_len().unwrap();
        for isa in Isa::available() {
            let engine = Engine::new(isa, Accuracy::F32);
            let (mut lower, mut upper) = (vec![0; outputs], vec![0; outputs]);
            median_positions(&engine, &GEOMETRY, &x, &mut lower, &mut upper);
            for output in 0..outputs {
                let mut elements = window(&x, output);
                elements.sort_by(|a, b| a.0.total_cmp(&b.0));
                let middle = |rank: usize| elements[rank].1;
                assert_eq!(
                    (lower[output], upper[output]),
                    (middle((elements.len() - 1) / 2), middle(elements.len() / 2)),
                    "{isa} {output}: {elements:?}"
                );
            }
        }
    }

    #[test]
    fn the_position_of_nan_is_both_medians_of_its_window() {
        let mut x = values(GEOMETRY.input_len());
        x[0] = f32::NAN;
        let (mut lower, mut upper) =
            (vec![9; GEOMETRY.output_len().unwrap()], vec![9; GEOMETRY.output_len().unwrap()]);
        median_positions(&Engine::detect(), &GEOMETRY, &x, &mut lower, &mut upper);
        assert_eq!((lower[0], upper[0]), (0, 0));
    }

    #[test]
    fn positions_are_drawn_where_the_running_sum_passes_the_draw() {
        let x: Vec<f32> = values(GEOMETRY.input_len()).into_iter().map(|value| value.max(0.0)).collect();
        let outputs = GEOMETRY.output_len().unwrap();
        let draws: Vec<f32> = (0..outputs).map(|index| (index * 37 % 101) as f32 / 101.0).collect();
        for isa in Isa::available() {
            let mut indices = vec![0; outputs];
            drawn_positions(&Engine::new(isa, Accuracy::F32), &GEOMETRY, &x, &draws, &mut indices);
            for output in 0..outputs {
                let elements = window(&x, output);
                let sum: f32 = elements.iter().map(|element| element.0).sum();
                let mut reached = 0.0;
                let passes = |element: &&(f32, u32)| {
                    reached += element.0;
                    reached > draws[output] * sum
                };
                let expected = elements.iter().find(passes).map_or(elements[0].1, |element| element.1);
                assert_eq!(indices[output], expected, "{isa} {output}: {elements:?}");
            }
        }
    }

    #[test]
    fn each_map_of_a_region_gets_the_position_of_its_first_maximum() {
        // One image of 2×3 positions and two channels; the second channel has windows of its own.
        let x = [1., 0., 5., 7., 5., 7., 2., 1., 0., 9., 3., 3.];
        let regions = RegionLists {
            rows: vec![vec![(0, 2)], vec![(0, 1)]],
            columns: vec![vec![(0, 2), (1, 3)], vec![(0, 3), (2, 3)]],
        };
        let mut indices = [9; 4];
        region_max_positions(&Engine::detect(), [1, 2, 3, 2], &regions, &x, &mut indices);
        assert_eq!(indices, [1, 1, 1, 2]);
        let same = RegionLists { rows: vec![vec![(1, 2)]], columns: vec![vec![(0, 2), (2, 3)]] };
        region_max_positions(&Engine::detect(), [1, 2, 3, 2], &same, &x, &mut indices);
        assert_eq!(indices, [3, 4, 5, 5]);
    }
}
