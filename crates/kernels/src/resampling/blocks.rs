//! Blocks of positions as channels, and the polyphase components of a map: data movement at a stride.

use rayon::prelude::*;

use crate::cpu::{Isa, Kernel, Simd, dispatch};
use crate::memory::check_len;
use crate::numbers::Scalar;

/// The order in which the positions of a block become channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOrder {
    /// Channel `c·r² + r·a + b` for the position in row a and column b of a block: PyTorch's.
    ChannelMajor,
    /// Channel `(a + r·b)·C + c`: phase-major, down first.
    PhaseMajorDown,
    /// Channel `(r·a + b)·C + c`: phase-major, across first.
    PhaseMajorAcross,
}

/// The maps of [`space_to_depth`]: `[N, H, W, C]` in blocks of `factor × factor` positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockGeometry {
    /// Images.
    pub batch: usize,
    /// Rows of the larger map.
    pub height: usize,
    /// Columns of the larger map.
    pub width: usize,
    /// Channels of the larger map.
    pub channels: usize,
    /// Height and width of a block, at least 1.
    pub factor: usize,
    /// The order in which positions become channels.
    pub order: BlockOrder,
}

impl BlockGeometry {
    /// Returns the number of rows and columns of blocks; the last ones may be incomplete.
    #[must_use]
    pub const fn blocks(&self) -> [usize; 2] {
        [self.height.div_ceil(self.factor), self.width.div_ceil(self.factor)]
    }

    fn lengths(&self) -> [usize; 2] {
        let [rows, columns] = self.blocks();
        let block = self.factor * self.factor * self.channels;
        [self.batch * self.height * self.width * self.channels, self.batch * rows * columns * block]
    }

    /// Returns whether every block is a whole square of 2×2 positions, which become neighbouring channels.
    fn is_squares(&self) -> bool {
        self.order == BlockOrder::ChannelMajor
            && self.factor == 2
            && self.height.is_multiple_of(2)
            && self.width.is_multiple_of(2)
    }

    /// Returns the first channel of a position of a block, and the step between its channels.
    fn place(&self, down: usize, across: usize) -> [usize; 2] {
        let Self { factor, channels, order, .. } = *self;
        match order {
            BlockOrder::ChannelMajor => [factor * down + across, factor * factor],
            BlockOrder::PhaseMajorDown => [(down + factor * across) * channels, 1],
            BlockOrder::PhaseMajorAcross => [(factor * down + across) * channels, 1],
        }
    }
}

/// Moves blocks of positions to channels: `x` `[N, H, W, C]` to `y` `[N, ceil(H/r), ceil(W/r), r²·C]`; positions beyond the far edges are
/// 0.
///
/// # Panics
/// When a slice has the wrong length.
pub fn space_to_depth<T: Scalar>(geometry: &BlockGeometry, x: &[T], y: &mut [T]) {
    let [larger, smaller] = geometry.lengths();
    check_len("the larger map", x.len(), larger);
    check_len("the map of blocks", y.len(), smaller);
    let BlockGeometry { height, width, channels, factor, .. } = *geometry;
    let [rows, columns] = geometry.blocks();
    let block = factor * factor * channels;
    if geometry.is_squares() {
        let isa = Isa::detect();
        let lines = x.par_chunks(2 * width * channels).zip(y.par_chunks_mut(2 * width * channels));
        return lines.for_each(|(pixels, squares)| dispatch(isa, Gather { channels, pixels, squares }));
    }
    y.par_chunks_mut(columns * block).enumerate().for_each(|(line, y)| {
        let (image, row) = (line / rows, line % rows);
        if (row + 1) * factor > height || columns * factor > width {
            y.fill(T::ZERO);
        }
        for down in (0..factor).take_while(|down| row * factor + down < height) {
            let x = &x[(image * height + row * factor + down) * width * channels..][..width * channels];
            for (column, x) in x.chunks_exact(channels).enumerate() {
                let [first, step] = geometry.place(down, column % factor);
                copy_apart(x, &mut y[column / factor * block + first..], [1, step]);
            }
        }
    });
}

/// Moves channels to blocks of positions, the inverse and adjoint of [`space_to_depth`]; what lies beyond the far edges is left out.
///
/// # Panics
/// As [`space_to_depth`].
pub fn depth_to_space<T: Scalar>(geometry: &BlockGeometry, y: &[T], x: &mut [T]) {
    let [larger, smaller] = geometry.lengths();
    check_len("the larger map", x.len(), larger);
    check_len("the map of blocks", y.len(), smaller);
    let BlockGeometry { height, width, channels, factor, .. } = *geometry;
    let [rows, columns] = geometry.blocks();
    let block = factor * factor * channels;
    if geometry.is_squares() {
        let isa = Isa::detect();
        let lines = x.par_chunks_mut(2 * width * channels).zip(y.par_chunks(2 * width * channels));
        return lines.for_each(|(pixels, squares)| dispatch(isa, Scatter { channels, squares, pixels }));
    }
    x.par_chunks_mut(width * channels).enumerate().for_each(|(line, x)| {
        let (image, row) = (line / height, line % height);
        let y = &y[(image * rows + row / factor) * columns * block..][..columns * block];
        for (column, x) in x.chunks_exact_mut(channels).enumerate() {
            let [first, step] = geometry.place(row % factor, column % factor);
            copy_apart(&y[column / factor * block + first..], x, [step, 1]);
        }
    });
}

/// Two rows of pixels to one row of squares.
struct Gather<'a, T> {
    channels: usize,
    pixels: &'a [T],
    squares: &'a mut [T],
}

impl<T: Scalar> Kernel for Gather<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let count = self.channels;
        let (top, bottom) = self.pixels.split_at(self.pixels.len() / 2);
        let pairs = top.chunks_exact(2 * count).zip(bottom.chunks_exact(2 * count));
        for (squares, (top, bottom)) in self.squares.chunks_exact_mut(4 * count).zip(pairs) {
            let (squares, _) = squares.as_chunks_mut::<4>();
            let ((a, b), (c, d)) = (top.split_at(count), bottom.split_at(count));
            // All of one length, which the compiler must know.
            let (squares, a, b, c, d) =
                (&mut squares[..count], &a[..count], &b[..count], &c[..count], &d[..count]);
            for channel in 0..count {
                squares[channel] = [a[channel], b[channel], c[channel], d[channel]];
            }
        }
    }
}

/// One row of squares to two rows of pixels.
struct Scatter<'a, T> {
    channels: usize,
    squares: &'a [T],
    pixels: &'a mut [T],
}

impl<T: Scalar> Kernel for Scatter<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let count = self.channels;
        let (top, bottom) = self.pixels.split_at_mut(self.pixels.len() / 2);
        let pairs = top.chunks_exact_mut(2 * count).zip(bottom.chunks_exact_mut(2 * count));
        for (squares, (top, bottom)) in self.squares.chunks_exact(4 * count).zip(pairs) {
            let (squares, _) = squares.as_chunks::<4>();
            let ((a, b), (c, d)) = (top.split_at_mut(count), bottom.split_at_mut(count));
            separate(squares, a, b, c, d);
        }
    }
}

/// Writes the four values of every square, each to its run. In a function of its own, since the loop is vectorised only where the compiler
/// knows that the runs do not overlap.
#[inline(always)]
fn separate<T: Scalar>(squares: &[[T; 4]], a: &mut [T], b: &mut [T], c: &mut [T], d: &mut [T]) {
    let count = squares.len();
    let (a, b, c, d) = (&mut a[..count], &mut b[..count], &mut c[..count], &mut d[..count]);
    for place in 0..count {
        a[place] = squares[place][0];
        b[place] = squares[place][1];
        c[place] = squares[place][2];
        d[place] = squares[place][3];
    }
}

/// Copies the values of one pixel, with these steps in source and target. The copy ends with the shorter of the two.
fn copy_apart<T: Copy>(source: &[T], target: &mut [T], steps: [usize; 2]) {
    match steps {
        [1, 1] => {
            let count = source.len().min(target.len());
            target[..count].copy_from_slice(&source[..count]);
        }
        [from, to] => {
            let values = source.iter().step_by(from);
            target.iter_mut().step_by(to).zip(values).for_each(|(target, value)| *target = *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [BlockOrder; 3] =
        [BlockOrder::ChannelMajor, BlockOrder::PhaseMajorDown, BlockOrder::PhaseMajorAcross];

    fn geometry(height: usize, width: usize, factor: usize, order: BlockOrder) -> BlockGeometry {
        BlockGeometry { batch: 2, height, width, channels: 3, factor, order }
    }

    /// Computes the definition, with index arithmetic of its own.
    fn expected(geometry: &BlockGeometry, x: &[f32]) -> Vec<f32> {
        let BlockGeometry { batch, height, width, channels, factor: r, order } = *geometry;
        let [rows, columns] = geometry.blocks();
        let mut y = vec![0.0; batch * rows * columns * r * r * channels];
        for (index, &value) in x.iter().enumerate() {
            let (channel, column) = (index % channels, index / channels % width);
            let (row, image) = (index / channels / width % height, index / channels / width / height);
            let (a, b) = (row % r, column % r);
            let to = match order {
                BlockOrder::ChannelMajor => channel * r * r + r * a + b,
                BlockOrder::PhaseMajorDown => (a + r * b) * channels + channel,
                BlockOrder::PhaseMajorAcross => (r * a + b) * channels + channel,
            };
            y[((image * rows + row / r) * columns + column / r) * r * r * channels + to] = value;
        }
        y
    }

    #[test]
    fn every_order_puts_positions_where_its_definition_says_and_back() {
        for order in ORDERS {
            for (height, width, factor) in [(4, 6, 2), (2, 2, 2), (5, 3, 2), (1, 1, 2), (7, 5, 3), (3, 2, 1)]
            {
                let geometry = geometry(height, width, factor, order);
                let [larger, smaller] = geometry.lengths();
                let x: Vec<f32> = (1..=larger).map(|value| value as f32).collect();
                let (mut y, mut back) = (vec![9.0; smaller], vec![9.0; larger]);
                space_to_depth(&geometry, &x, &mut y);
                assert_eq!(y, expected(&geometry, &x), "{geometry:?}");
                depth_to_space(&geometry, &y, &mut back);
                assert_eq!(back, x, "{geometry:?}");
            }
        }
    }
}
