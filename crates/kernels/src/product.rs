//! The matrix product that every dense convolution is made of, over strided operands.

use crate::isa::Isa;
use crate::simd::{Kernel, LANES, Simd, Single, Wide, dispatch};

/// Whether a product replaces the result or adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// `C = A B`
    Replace,
    /// `C += A B`
    Add,
}

/// Element strides of the left operand, `A[block, row, segment, step]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftStrides {
    pub(crate) block: usize,
    pub(crate) row: usize,
    pub(crate) segment: usize,
    pub(crate) step: usize,
}

/// Where the right operand, `B[segment, step, vector]`, lies; the lanes of a vector are contiguous.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Right {
    /// Element strides.
    Strided {
        /// Between segments.
        segment: usize,
        /// Between steps.
        step: usize,
        /// Between vectors.
        vector: usize,
    },
    /// In the order in which it is read, see [`packed_order`]: one stream that the hardware fetches ahead.
    Packed,
}

/// Element strides of the result, `C[block, row, vector]`; the lanes of a vector are contiguous.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResultStrides {
    pub(crate) block: usize,
    pub(crate) row: usize,
    pub(crate) vector: usize,
}

/// `C[block, row, vector] = sum over segments and steps of A[block, row, segment, step] * B[segment, step, vector]`.
///
/// Rows and the inner dimension have two levels each, so that operands are read where they lie: in channel blocks, or
/// in the rows of several images. The sum runs in order, so the result does not depend on how rows and vectors are tiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) blocks: usize,
    pub(crate) rows: usize,
    pub(crate) vectors: usize,
    pub(crate) segments: usize,
    pub(crate) steps: usize,
    pub(crate) a: LeftStrides,
    pub(crate) b: Right,
    pub(crate) c: ResultStrides,
    pub(crate) store: Store,
}

/// Where one product of a batch finds its operands: offsets into the three slices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offsets {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) c: usize,
}

impl Product {
    /// Runs the product once per entry of `offsets`.
    ///
    /// # Panics
    /// When an operand would reach beyond its slice.
    pub(crate) fn run(
        &self,
        isa: Isa,
        mut offsets: impl Iterator<Item = Offsets>,
        a: &[f32],
        b: &[f32],
        c: &mut [f32],
    ) {
        // One type of iterator, so that the kernel is compiled once per instruction set.
        dispatch(isa, Batch { product: self, offsets: &mut offsets, a, b, c });
    }

    /// One past the last element that each operand touches.
    fn extents(&self) -> Offsets {
        let last = |count: usize, stride: usize| (count - 1) * stride;
        let inner = |segment: usize, step: usize| last(self.segments, segment) + last(self.steps, step);
        let right = match self.b {
            Right::Strided { segment, step, vector } => {
                inner(segment, step) + last(self.vectors, vector) + LANES
            }
            Right::Packed => self.segments * self.steps * self.vectors * LANES,
        };
        Offsets {
            a: last(self.blocks, self.a.block)
                + last(self.rows, self.a.row)
                + inner(self.a.segment, self.a.step)
                + 1,
            b: right,
            c: last(self.blocks, self.c.block)
                + last(self.rows, self.c.row)
                + last(self.vectors, self.c.vector)
                + LANES,
        }
    }
}

struct Batch<'a> {
    product: &'a Product,
    offsets: &'a mut dyn Iterator<Item = Offsets>,
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
}

impl Kernel for Batch<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let product = self.product;
        let sizes = [product.blocks, product.rows, product.vectors, product.segments, product.steps];
        assert!(!sizes.contains(&0), "an empty product: {product:?}");
        let extents = product.extents();
        for offsets in self.offsets {
            assert!(
                offsets.a + extents.a <= self.a.len()
                    && offsets.b + extents.b <= self.b.len()
                    && offsets.c + extents.c <= self.c.len(),
                "{product:?} at {offsets:?} reaches {extents:?}, beyond {}, {}, {}",
                self.a.len(),
                self.b.len(),
                self.c.len()
            );
            // SAFETY: the three operands, `extents` long from their offsets on, lie in their slices.
            unsafe {
                let (a, b) = (self.a.as_ptr().add(offsets.a), self.b.as_ptr().add(offsets.b));
                panels(simd, product, a, b, self.c.as_mut_ptr().add(offsets.c));
            }
        }
    }
}

/// Splits the columns into panels of at most three wide vectors and the rows into tiles.
///
/// A panel stays in the first-level cache while the rows pass by. Four rows by three vectors (twelve accumulators,
/// three vectors of B, one broadcast of A) fill the sixteen registers of AVX2, eight rows those of AVX-512; narrower panels
/// take more rows, to keep enough multiply-adds in flight.
///
/// # Safety
/// The operands must be as large as `product.extents()` says.
#[inline(always)]
unsafe fn panels<S: Simd>(simd: S, product: &Product, a: *const f32, b: *const f32, c: *mut f32) {
    let together = <S::Wide as Wide>::VECTORS;
    let mut first = 0;
    while first < product.vectors {
        let width = panel_width(together, product.vectors - first);
        // SAFETY: `first + width <= vectors`, so the panel lies within both operands.
        unsafe {
            let (b, strides) = match product.b {
                Right::Strided { segment, step, vector } => (b.add(first * vector), [segment, step, vector]),
                Right::Packed => {
                    let start = product.segments * product.steps * first * LANES;
                    (b.add(start), [product.steps * width * LANES, width * LANES, LANES])
                }
            };
            let c = c.add(first * product.c.vector);
            if width.is_multiple_of(together) {
                panel(simd.wide(), width / together, product, strides, a, b, c);
            } else {
                panel(Single(simd), width, product, strides, a, b, c);
            }
        }
        first += width;
    }
}

/// Vectors of the next panel when `left` are left, for wide vectors of `together`.
///
/// Three wide vectors, unless that would leave a single one; an odd number ends in a panel of three narrow vectors.
const fn panel_width(together: usize, left: usize) -> usize {
    match (together, left) {
        (_, 0..=3) => left,
        (1, 4) => 2,
        (1, _) => 3,
        (_, 5) => 2,
        (_, 4 | 7 | 8) => 4,
        _ => 6,
    }
}

/// The vectors of a packed operand in the order in which they lie, as `(vector, inner row)`: panel by panel, inside a
/// panel row by row.
pub(crate) fn packed_order(isa: Isa, vectors: usize, steps: usize) -> impl Iterator<Item = (usize, usize)> {
    let together = isa.wide_vectors();
    let panels = std::iter::successors(Some((0, panel_width(together, vectors))), move |&(first, width)| {
        Some((first + width, panel_width(together, vectors - first - width)))
    });
    let panels = panels.take_while(move |&(first, _)| first < vectors);
    panels.flat_map(move |(first, width)| {
        (0..steps).flat_map(move |step| (first..first + width).map(move |v| (v, step)))
    })
}

/// All rows of one panel of one, two or three wide vectors.
///
/// # Safety
/// As [`panels`], for a panel of `width` wide vectors.
#[inline(always)]
unsafe fn panel<W: Wide>(
    simd: W,
    width: usize,
    product: &Product,
    strides: [usize; 3],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe {
        match width {
            1 => rows::<W, 1>(simd, product, strides, a, b, c),
            2 => rows::<W, 2>(simd, product, strides, a, b, c),
            _ => rows::<W, 3>(simd, product, strides, a, b, c),
        }
    }
}

/// All rows of one panel of `WIDTH` wide vectors, in tiles.
///
/// # Safety
/// As [`panels`], for a panel of `WIDTH` wide vectors.
#[inline(always)]
unsafe fn rows<W: Wide, const WIDTH: usize>(
    simd: W,
    product: &Product,
    strides: [usize; 3],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    for block in 0..product.blocks {
        let mut row = 0;
        while row < product.rows {
            let height = tile_height(W::ROWS[WIDTH - 1], product.rows - row);
            // SAFETY: the tile starts at `row` of `block` and has at most the rows left, so it lies within A and C.
            unsafe {
                let a = a.add(block * product.a.block + row * product.a.row);
                let c = c.add(block * product.c.block + row * product.c.row);
                match height {
                    8 => tile::<W, 8, WIDTH>(simd, product, strides, a, b, c),
                    7 => tile::<W, 7, WIDTH>(simd, product, strides, a, b, c),
                    6 => tile::<W, 6, WIDTH>(simd, product, strides, a, b, c),
                    5 => tile::<W, 5, WIDTH>(simd, product, strides, a, b, c),
                    4 => tile::<W, 4, WIDTH>(simd, product, strides, a, b, c),
                    3 => tile::<W, 3, WIDTH>(simd, product, strides, a, b, c),
                    2 => tile::<W, 2, WIDTH>(simd, product, strides, a, b, c),
                    _ => tile::<W, 1, WIDTH>(simd, product, strides, a, b, c),
                }
            }
            row += height;
        }
    }
}

/// Rows of the next tile when `left` rows are left: the full height, unless that would leave a tile of one or two
/// rows, which has too few multiply-adds in flight.
#[inline(always)]
const fn tile_height(full: usize, left: usize) -> usize {
    match (full, left) {
        (6, 7 | 8) => 4,
        _ if left < full => left,
        _ => full,
    }
}

/// One register tile: `HEIGHT` rows by `WIDTH` wide vectors.
///
/// # Safety
/// As [`panels`], for `HEIGHT` rows and `WIDTH` wide vectors.
#[inline(always)]
unsafe fn tile<W: Wide, const HEIGHT: usize, const WIDTH: usize>(
    simd: W,
    product: &Product,
    strides: [usize; 3],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    let [b_segment, b_step, b_vector] = strides;
    let c_vector = product.c.vector;
    let mut sums = [[simd.zero(); WIDTH]; HEIGHT];
    for segment in 0..product.segments {
        // SAFETY: segment and step stay below their counts, so every load lies within the operands.
        unsafe {
            let mut a = a.add(segment * product.a.segment);
            let mut b = b.add(segment * b_segment);
            for _ in 0..product.steps {
                let right: [W::Vector; WIDTH] =
                    std::array::from_fn(|vector| simd.load(b.add(vector * W::VECTORS * b_vector), b_vector));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = simd.broadcast(a.add(row * product.a.row));
                    for (sum, &right) in sums.iter_mut().zip(&right) {
                        *sum = simd.mul_add(left, right, *sum);
                    }
                }
                // `wrapping_add`: after the last step the pointers may leave the operands, unread.
                a = a.wrapping_add(product.a.step);
                b = b.wrapping_add(b_step);
            }
        }
    }
    // SAFETY: the tile lies within C.
    unsafe {
        match product.store {
            Store::Replace => {
                for (row, sums) in sums.iter().enumerate() {
                    for (vector, &sum) in sums.iter().enumerate() {
                        simd.store(
                            c.add(row * product.c.row + vector * W::VECTORS * c_vector),
                            c_vector,
                            sum,
                        );
                    }
                }
            }
            Store::Add => {
                for (row, sums) in sums.iter().enumerate() {
                    for (vector, &sum) in sums.iter().enumerate() {
                        let target = c.add(row * product.c.row + vector * W::VECTORS * c_vector);
                        simd.store(target, c_vector, simd.add(simd.load(target, c_vector), sum));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows, vectors, segments, steps: every tile height and panel width, and remainders of both.
    const SIZES: [[usize; 4]; 17] = [
        [1, 1, 1, 1],
        [4, 3, 2, 8],
        [5, 4, 3, 8],
        [6, 2, 1, 7],
        [7, 1, 2, 3],
        [9, 5, 1, 9],
        [11, 7, 2, 8],
        [3, 6, 1, 1],
        [15, 1, 4, 8],
        [8, 8, 2, 5],
        [13, 2, 1, 4],
        [2, 3, 5, 2],
        [9, 12, 1, 8],
        [17, 9, 2, 3],
        [10, 10, 1, 6],
        [8, 4, 3, 2],
        [12, 11, 1, 5],
    ];

    #[test]
    fn integer_products_are_exact_in_both_orientations_on_every_set() {
        for isa in Isa::available() {
            for [rows, vectors, segments, steps] in SIZES {
                for rows_are_contiguous in [false, true] {
                    for store in [Store::Replace, Store::Add] {
                        for packed in [false, true] {
                            check(isa, [rows, vectors, segments, steps], rows_are_contiguous, store, packed);
                        }
                    }
                }
            }
        }
    }

    fn check(
        isa: Isa,
        [rows, vectors, segments, steps]: [usize; 4],
        rows_are_contiguous: bool,
        store: Store,
        packed: bool,
    ) {
        const BLOCKS: usize = 2;
        let inner = segments * steps;
        let (left, result) = (rows * inner, rows * vectors * LANES);
        let a = if rows_are_contiguous {
            LeftStrides { block: left, row: 1, segment: steps * rows, step: rows }
        } else {
            LeftStrides { block: left, row: inner, segment: steps, step: 1 }
        };
        let b = if packed {
            Right::Packed
        } else {
            Right::Strided { segment: steps * LANES, step: LANES, vector: inner * LANES }
        };
        let c = ResultStrides { block: result, row: LANES, vector: rows * LANES };
        let product = Product { blocks: BLOCKS, rows, vectors, segments, steps, a, b, c, store };
        // Small integers: every sum is exact in f32.
        let left: Vec<f32> = (0..BLOCKS * left).map(|i| ((i * 7) % 5) as f32 - 2.0).collect();
        let right: Vec<f32> = (0..inner * vectors * LANES).map(|i| ((i * 11) % 7) as f32 - 3.0).collect();
        let place_in_b = |vector: usize, k: usize| {
            let strided = vector * inner + k;
            if packed {
                packed_order(isa, vectors, inner).position(|place| place == (vector, k)).unwrap_or(usize::MAX)
            } else {
                strided
            }
        };
        let mut found = vec![1.0; BLOCKS * result];
        product.run(isa, std::iter::once(Offsets::default()), &left, &right, &mut found);
        for (place, &found) in found.iter().enumerate() {
            let (block, vector) = (place / result, place % result / (rows * LANES));
            let (row, lane) = (place / LANES % rows, place % LANES);
            let mut expected = if store == Store::Add { 1.0 } else { 0.0 };
            for k in 0..inner {
                let (segment, step) = (k / steps, k % steps);
                expected += left[block * a.block + row * a.row + segment * a.segment + step * a.step]
                    * right[place_in_b(vector, k) * LANES + lane];
            }
            assert_eq!(found, expected, "{isa} {product:?} row {row} vector {vector} lane {lane}");
        }
    }

    #[test]
    #[should_panic(expected = "beyond")]
    fn an_operand_that_is_too_short_is_refused() {
        let product = Product {
            blocks: 1,
            rows: 2,
            vectors: 1,
            segments: 1,
            steps: 3,
            a: LeftStrides { block: 0, row: 3, segment: 0, step: 1 },
            b: Right::Strided { segment: 0, step: LANES, vector: 0 },
            c: ResultStrides { block: 0, row: LANES, vector: 0 },
            store: Store::Replace,
        };
        product.run(
            Isa::portable(),
            std::iter::once(Offsets::default()),
            &[0.0; 5],
            &[0.0; 24],
            &mut [0.0; 16],
        );
    }
}
