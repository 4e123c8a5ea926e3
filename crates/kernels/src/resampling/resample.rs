//! Separable linear maps of images: one sparse matrix along the rows and one along the columns, or several such maps together.

use rayon::prelude::*;

use super::axis_map::AxisMap;
use crate::cpu::{Kernel, LANES, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::Scalar;

/// A separable map between channels of two images: it reads `channels` neighbouring ones and adds to as many.
#[derive(Clone, Copy, Debug)]
pub struct ChannelMap<'a> {
    /// Along the rows' axis (height).
    pub rows: &'a AxisMap,
    /// Along the columns' axis (width).
    pub columns: &'a AxisMap,
    /// The first channel that it reads.
    pub from: usize,
    /// The first channel that it adds to.
    pub to: usize,
}

/// Channels of the maps that [`resample`] reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResampleChannels {
    /// Of `x`.
    pub input: usize,
    /// Of `y`.
    pub output: usize,
    /// Of every single map.
    pub each: usize,
}

/// Computes `y[n,i,j,to+c] = sum over the maps that write there, over h and w, of rows[i,h] · columns[j,w] · x[n,h,w,from+c]`.
///
/// `choices` are lists of maps and `choice` holds the index of the list for each image. Shapes: `x` `[N, H, W, input]`, `y`
/// `[N, rows.outputs, columns.outputs, output]`. Every sum over positions runs from 0 in the order of the terms, along the rows' axis
/// first; maps that write the same channels are added in their order.
///
/// # Panics
///
/// When a list is empty or its maps differ in their sizes, together they do not write every channel, or lengths do not fit.
pub fn resample<T: Scalar>(
    engine: &Engine,
    choices: &[&[ChannelMap<'_>]],
    choice: &[usize],
    channels: ResampleChannels,
    x: &[T],
    y: &mut [T],
) {
    let prepared: Vec<Prepared<T>> = choices.iter().map(|maps| Prepared::new(maps, channels)).collect();
    let Some(Prepared { size_in, size_out, .. }) = prepared.first() else { panic!("no maps") };
    for other in &prepared {
        assert_eq!((&other.size_in, &other.size_out), (size_in, size_out), "sizes of maps");
    }
    let image_in = size_in[0] * size_in[1] * channels.input;
    let line_out = size_out[1] * channels.output;
    assert!(image_in > 0 && line_out > 0 && size_out[0] > 0, "an image without positions");
    check_len("x", x.len(), choice.len() * image_in);
    check_len("y", y.len(), choice.len() * size_out[0] * line_out);
    y.par_chunks_mut(line_out).enumerate().for_each_init(Vec::new, |sums, (line, y)| {
        let (image, row) = (line / size_out[0], line % size_out[0]);
        let x = &x[image * image_in..][..image_in];
        dispatch(engine.isa(), Line { maps: &prepared[choice[image]], channels, row, x, y, sums });
    });
}

/// A list of maps with weights of the element type, each matrix along the rows' axis once.
struct Prepared<T> {
    size_in: [usize; 2],
    size_out: [usize; 2],
    /// Matrices along the rows' axis, and the first channel they read.
    rows: Vec<(Terms<T>, usize)>,
    maps: Vec<PreparedMap<T>>,
}

struct PreparedMap<T> {
    /// Which of the sums over rows it reads.
    rows: usize,
    columns: Terms<T>,
    to: usize,
    write: Write,
}

/// Whether values that are there already are replaced or added to.
#[derive(Clone, Copy)]
pub(crate) enum Write {
    Over,
    Onto,
}

/// The terms of each output of an [`AxisMap`], one after another.
struct Terms<T> {
    ends: Vec<usize>,
    terms: Vec<(usize, T)>,
}

impl<T: Scalar> Terms<T> {
    fn new(map: &AxisMap) -> Self {
        let (mut ends, mut terms) = (Vec::new(), Vec::new());
        for output in 0..map.outputs() {
            terms
                .extend(map.terms(output).iter().map(|(position, weight)| (*position, T::from_f64(*weight))));
            ends.push(terms.len());
        }
        Self { ends, terms }
    }

    #[inline(always)]
    fn of(&self, output: usize) -> &[(usize, T)] {
        let first = if output == 0 { 0 } else { self.ends[output - 1] };
        &self.terms[first..self.ends[output]]
    }
}

impl<T: Scalar> Prepared<T> {
    fn new(maps: &[ChannelMap<'_>], channels: ResampleChannels) -> Self {
        let Some(first) = maps.first() else { panic!("an empty list of maps") };
        let sizes = |map: &ChannelMap<'_>| {
            let (rows, columns) = (map.rows, map.columns);
            [[rows.inputs(), columns.inputs()], [rows.outputs(), columns.outputs()]]
        };
        let [size_in, size_out] = sizes(first);
        let mut written = vec![false; channels.output];
        let mut distinct: Vec<(&AxisMap, usize)> = Vec::new();
        let mut prepared = Vec::new();
        for map in maps {
            assert_eq!(sizes(map), [size_in, size_out], "sizes of maps");
            assert!(map.from + channels.each <= channels.input, "a map reads beyond {channels:?}");
            let written = &mut written[map.to..][..channels.each];
            let write = if written.contains(&true) { Write::Onto } else { Write::Over };
            assert!(matches!(write, Write::Over) || !written.contains(&false), "maps overlap in part");
            written.fill(true);
            let known = distinct.iter().position(|(rows, from)| *from == map.from && *rows == map.rows);
            let rows = known.unwrap_or(distinct.len());
            if known.is_none() {
                distinct.push((map.rows, map.from));
            }
            prepared.push(PreparedMap { rows, columns: Terms::new(map.columns), to: map.to, write });
        }
        assert!(!written.contains(&false), "maps that do not write every channel");
        let rows = distinct.into_iter().map(|(rows, from)| (Terms::new(rows), from)).collect();
        Self { size_in, size_out, rows, maps: prepared }
    }
}

/// One row of the output of one image.
struct Line<'a, T> {
    maps: &'a Prepared<T>,
    channels: ResampleChannels,
    row: usize,
    x: &'a [T],
    y: &'a mut [T],
    sums: &'a mut Vec<T>,
}

impl<T: Scalar> Kernel for Line<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { maps, channels: ResampleChannels { input, output, each }, row, x, y, sums } = self;
        let width = maps.size_in[1];
        sums.resize(maps.rows.len() * width * each, T::ZERO);
        for ((rows, from), sums) in maps.rows.iter().zip(sums.chunks_exact_mut(width * each)) {
            let terms = rows.of(row);
            if each == input {
                weigh(terms, width * input, x, sums, Write::Over);
            } else {
                for (position, sums) in sums.chunks_exact_mut(each).enumerate() {
                    weigh(terms, width * input, &x[position * input + from..], sums, Write::Over);
                }
            }
        }
        for map in &maps.maps {
            let sums = &sums[map.rows * width * each..][..width * each];
            for (column, y) in y.chunks_exact_mut(output).enumerate() {
                weigh(map.columns.of(column), each, sums, &mut y[map.to..][..each], map.write);
            }
        }
    }
}

/// Computes sums of `weight · source[position · step + k]` over the terms for each k: registers hold the sums of [`WIDE`] neighbours.
#[inline(always)]
pub(crate) fn weigh<T: Scalar>(
    terms: &[(usize, T)],
    step: usize,
    source: &[T],
    target: &mut [T],
    write: Write,
) {
    let mut first = 0;
    while first + WIDE <= target.len() {
        let mut sums = [[T::ZERO; LANES]; WIDE / LANES];
        for (position, weight) in terms {
            let values: &[T; WIDE] = chunk(&source[position * step + first..]);
            for vector in 0..WIDE / LANES {
                for lane in 0..LANES {
                    sums[vector][lane] += values[vector * LANES + lane] * *weight;
                }
            }
        }
        for vector in 0..WIDE / LANES {
            put(sums[vector], &mut target[first + vector * LANES..], write);
        }
        first += WIDE;
    }
    while first + LANES <= target.len() {
        let mut sums = [T::ZERO; LANES];
        for (position, weight) in terms {
            let values: &[T; LANES] = chunk(&source[position * step + first..]);
            for lane in 0..LANES {
                sums[lane] += values[lane] * *weight;
            }
        }
        put(sums, &mut target[first..], write);
        first += LANES;
    }
    for place in first..target.len() {
        let mut sum = T::ZERO;
        for (position, weight) in terms {
            sum += source[position * step + place] * *weight;
        }
        target[place] = match write {
            Write::Over => sum,
            Write::Onto => target[place] + sum,
        };
    }
}

/// Neighbours that are summed together: enough independent sums to keep the adders busy.
pub(crate) const WIDE: usize = 4 * LANES;

#[inline(always)]
pub(crate) fn chunk<T, const COUNT: usize>(source: &[T]) -> &[T; COUNT] {
    source.first_chunk().expect("positions lie inside the map")
}

#[inline(always)]
fn put<T: Scalar>(sums: [T; LANES], target: &mut [T], write: Write) {
    let target: &mut [T; LANES] = target.first_chunk_mut().expect("a whole vector of channels");
    match write {
        Write::Over => *target = sums,
        Write::Onto => {
            for lane in 0..LANES {
                target[lane] += sums[lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::numbers::Accuracy;

    /// Applies one map to every image.
    fn one(rows: &AxisMap, columns: &AxisMap, channels: usize, images: usize, x: &[f64], y: &mut [f64]) {
        let map = ChannelMap { rows, columns, from: 0, to: 0 };
        let channels = ResampleChannels { input: channels, output: channels, each: channels };
        resample(&Engine::detect(), &[&[map]], &vec![0; images], channels, x, y);
    }

    /// Returns two matrices: two rows to one (their sum), three columns to two (differences).
    fn maps() -> (AxisMap, AxisMap) {
        let rows = AxisMap::new(2, vec![vec![(0, 1.0), (1, 1.0)]]);
        let columns = AxisMap::new(3, vec![vec![(0, -1.0), (1, 1.0)], vec![(1, -1.0), (2, 1.0)]]);
        (rows, columns)
    }

    #[test]
    fn both_matrices_act_on_every_image_and_channel() {
        let (rows, columns) = maps();
        // Two images of 2×3 positions and two channels; the second channel is ten times the first.
        let first = [1.0, 2.0, 4.0, 1.0, 3.0, 9.0];
        let image = |factor: f64| first.iter().flat_map(move |value| [value * factor, 10.0 * value * factor]);
        let x: Vec<f64> = image(1.0).chain(image(2.0)).collect();
        let mut y = vec![0.0; 8];
        one(&rows, &columns, 2, 2, &x, &mut y);
        assert_eq!(y, [3.0, 30.0, 8.0, 80.0, 6.0, 60.0, 16.0, 160.0]);
    }

    #[test]
    fn the_transposed_map_is_the_adjoint() {
        let (rows, columns) = maps();
        let x = [0.3, -1.0, 2.0, 0.7, 0.1, -0.4];
        let dy = [1.5, -0.5];
        let (mut y, mut dx) = ([0.0; 2], [0.0; 6]);
        one(&rows, &columns, 1, 1, &x, &mut y);
        one(&rows.transposed(), &columns.transposed(), 1, 1, &dy, &mut dx);
        let forward: f64 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        let backward: f64 = x.iter().zip(dx).map(|(x, dx)| x * dx).sum();
        assert!((forward - backward).abs() < 1e-12, "{forward} and {backward}");
    }

    /// Returns the definition, by sums over all positions: lists of maps, and the choice of each image.
    fn by_definition<T: Scalar>(
        choices: &[&[ChannelMap<'_>]],
        choice: &[usize],
        channels: ResampleChannels,
        x: &[T],
    ) -> Vec<f64> {
        let mut y = Vec::new();
        for (image, chosen) in choice.iter().enumerate() {
            let maps = choices[*chosen];
            let [height, width] = [maps[0].rows.inputs(), maps[0].columns.inputs()];
            for i in 0..maps[0].rows.outputs() {
                for j in 0..maps[0].columns.outputs() {
                    let mut values = vec![0.0; channels.output];
                    for map in maps {
                        let (rows, columns) = (map.rows.dense(), map.columns.dense());
                        for channel in 0..channels.each {
                            for (h, w) in (0..height).flat_map(|h| (0..width).map(move |w| (h, w))) {
                                let position = (image * height + h) * width + w;
                                values[map.to + channel] += rows[i * height + h]
                                    * columns[j * width + w]
                                    * x[position * channels.input + map.from + channel].to_f64();
                            }
                        }
                    }
                    y.extend(values);
                }
            }
        }
        y
    }

    fn agrees<T: Scalar>(bound: f64) {
        let weights = |seed: usize, inputs: usize, outputs: usize| {
            let term = |output: usize, position: usize| ((seed + 7 * output + 3 * position) % 5) as f64 - 2.0;
            let line = |output| (0..inputs).map(|position| (position, term(output, position))).collect();
            AxisMap::new(inputs, (0..outputs).map(line).collect())
        };
        let [rows, other_rows] = [weights(0, 5, 3), weights(1, 5, 3)];
        let [columns, other_columns] = [weights(2, 4, 6), weights(3, 4, 6)];
        // A vector of four, one vector, and channels that fill none.
        for each in [32 + 8 + 3, 5] {
            let map = |rows, columns, from, to| ChannelMap { rows, columns, from, to };
            let apart = [map(&rows, &columns, 0, each), map(&other_rows, &columns, 0, 0)];
            let joined = [map(&rows, &columns, each, 0), map(&rows, &other_columns, 0, 0)];
            let summed = [map(&rows, &columns, 0, 0), map(&other_rows, &other_columns, 0, 0)];
            let lists: [(&[&[ChannelMap<'_>]], [usize; 2]); 4] = [
                (&[&apart], [1, 2]),
                (&[&joined], [2, 1]),
                (&[&summed], [1, 1]),
                (&[&summed[..1], &summed[1..]], [1, 1]),
            ];
            for (choices, [input, output]) in lists {
                let channels = ResampleChannels { input: input * each, output: output * each, each };
                let choice: Vec<usize> = (0..3).map(|image| image % choices.len()).collect();
                let value = |index: usize| T::from_f64(((index * 37) % 101) as f64 / 50.0 - 1.0);
                let x: Vec<T> = (0..3 * 20 * channels.input).map(value).collect();
                let expected = by_definition(choices, &choice, channels, &x);
                for isa in Isa::available() {
                    let mut y = vec![T::ZERO; 3 * 18 * channels.output];
                    let engine = Engine::new(isa, Accuracy::F32);
                    resample(&engine, choices, &choice, channels, &x, &mut y);
                    for (found, expected) in y.iter().zip(&expected) {
                        let error = (found.to_f64() - expected).abs();
                        assert!(error < bound, "{isa}, {channels:?}: {found:?} and {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn lists_of_maps_agree_with_their_definition_on_every_instruction_set() {
        // 40 products of at most 4, and as many rounding steps.
        agrees::<f32>(40.0 * 160.0 * f64::from(f32::EPSILON));
        agrees::<f64>(40.0 * 160.0 * f64::EPSILON);
    }

    #[test]
    #[should_panic(expected = "do not write every channel")]
    fn channels_that_no_map_writes_are_refused() {
        let (rows, columns) = maps();
        let map = ChannelMap { rows: &rows, columns: &columns, from: 0, to: 0 };
        let channels = ResampleChannels { input: 1, output: 2, each: 1 };
        resample(&Engine::detect(), &[&[map]], &[0], channels, &[0.0; 6], &mut [0.0; 4]);
    }
}
