//! The matrix product that every dense convolution is made of, over strided operands.

mod ahead;
mod packed;
mod pairs;
mod tiles;

use ahead::Ahead;
pub(crate) use packed::{packed_order, packed_panels, pair_packed};
pub(crate) use pairs::{pair_at_distance, pair_neighbours, pair_rows};

use crate::cpu::{Isa, Kernel, LANES, Simd, dispatch, dispatch_pairs};
use crate::numbers::Accuracy;

/// What an element of the operands of a product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    /// An f32.
    Singles,
    /// A [pair](crate::cpu::pair) of bfloat16, neighbours in the inner dimension, which then has half as many steps.
    Pairs,
}

impl Operands {
    /// Those of an accuracy class.
    pub(crate) const fn of(accuracy: Accuracy) -> Self {
        if accuracy.rounds_operands() { Self::Pairs } else { Self::Singles }
    }

    /// Values in an element.
    pub(crate) const fn values(self) -> usize {
        match self {
            Self::Singles => 1,
            Self::Pairs => 2,
        }
    }
}

/// Whether a product replaces the result or adds to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Store<'a> {
    /// `C = A B`
    Replace,
    /// `C += A B`
    Add,
    /// `C = f(A B + bias)`, for a result that lies far away: its lines are claimed before they are written.
    Finish {
        /// The bias of every vector, lane by lane.
        bias: &'a [f32],
        /// Whether `f` is ReLU, or nothing.
        rectify: bool,
    },
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

/// `C[block, row, vector] = sum over segments and steps of A[block, row, segment, step] * B[segment, step, vector]`, where the
/// product of two pairs is the sum of two products.
///
/// Rows and the inner dimension have two levels each, so that operands are read where they lie: in channel blocks, or
/// in the rows of several images. The sum runs in order, so the result does not depend on how rows and vectors are tiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    pub(crate) operands: Operands,
    pub(crate) blocks: usize,
    pub(crate) rows: usize,
    pub(crate) vectors: usize,
    pub(crate) segments: usize,
    pub(crate) steps: usize,
    pub(crate) a: LeftStrides,
    pub(crate) b: Right,
    pub(crate) c: ResultStrides,
    pub(crate) store: Store<'a>,
}

/// Where one product of a batch finds its operands: offsets into the three slices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offsets {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) c: usize,
}

impl Product<'_> {
    /// Runs the product once per entry of `offsets`.
    ///
    /// # Panics
    /// When an operand would reach beyond its slice.
    pub(crate) fn run(
        &self,
        isa: Isa,
        offsets: impl Iterator<Item = Offsets>,
        a: &[f32],
        b: &[f32],
        c: &mut [f32],
    ) {
        self.run_before(isa, offsets, None, [a, b], c);
    }

    /// As [`Self::run`], where the operands at the offsets `after` are likely to be multiplied next: operands that are not packed are
    /// fetched ahead.
    ///
    /// # Panics
    /// When an operand would reach beyond its slice.
    pub(crate) fn run_before(
        &self,
        isa: Isa,
        mut offsets: impl Iterator<Item = Offsets>,
        after: Option<Offsets>,
        [a, b]: [&[f32]; 2],
        c: &mut [f32],
    ) {
        // One type of iterator, so that the kernel is compiled once per instruction set.
        let batch = Batch { product: self, offsets: &mut offsets, after, a, b, c };
        match self.operands {
            Operands::Singles => dispatch(isa, OfSingles(batch)),
            Operands::Pairs => dispatch_pairs(isa, OfPairs(batch)),
        }
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
    product: &'a Product<'a>,
    offsets: &'a mut dyn Iterator<Item = Offsets>,
    after: Option<Offsets>,
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
}

/// A batch whose elements are numbers.
struct OfSingles<'a>(Batch<'a>);

impl Kernel for OfSingles<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.run::<S, false>(simd);
    }
}

/// A batch whose elements are pairs.
struct OfPairs<'a>(Batch<'a>);

impl Kernel for OfPairs<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.run::<S, true>(simd);
    }
}

impl Batch<'_> {
    #[inline(always)]
    fn run<S: Simd, const PAIRS: bool>(self, simd: S) {
        let product = self.product;
        let sizes = [product.blocks, product.rows, product.vectors, product.segments, product.steps];
        assert!(!sizes.contains(&0), "an empty product: {product:?}");
        if let Store::Finish { bias, .. } = product.store {
            assert!(bias.len() >= product.vectors * LANES, "{} biases for {product:?}", bias.len());
        }
        let extents = product.extents();
        let mut following = self.offsets.next();
        while let Some(offsets) = following {
            following = self.offsets.next();
            assert!(
                offsets.a + extents.a <= self.a.len()
                    && offsets.b + extents.b <= self.b.len()
                    && offsets.c + extents.c <= self.c.len(),
                "{product:?} at {offsets:?} reaches {extents:?}, beyond {}, {}, {}",
                self.a.len(),
                self.b.len(),
                self.c.len()
            );
            // Pointers that are fetched from, never read.
            let next = following
                .or(self.after)
                .map(|next| [self.a.as_ptr().wrapping_add(next.a), self.b.as_ptr().wrapping_add(next.b)]);
            let ahead = &mut Ahead::new(product, next, tiles::count::<S>(product));
            // SAFETY: the three operands, `extents` long from their offsets on, lie in their slices.
            unsafe {
                let (a, b) = (self.a.as_ptr().add(offsets.a), self.b.as_ptr().add(offsets.b));
                tiles::panels::<S, PAIRS>(simd, ahead, a, b, self.c.as_mut_ptr().add(offsets.c));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::pair;

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
                    let bias: Vec<f32> = (0..vectors * LANES).map(|place| (place % 5) as f32 - 2.0).collect();
                    let finish = [false, true].map(|rectify| Store::Finish { bias: &bias, rectify });
                    for store in [Store::Replace, Store::Add, finish[0], finish[1]] {
                        for packed in [false, true] {
                            for operands in [Operands::Singles, Operands::Pairs] {
                                let sizes = [rows, vectors, segments, steps];
                                check(isa, operands, sizes, rows_are_contiguous, store, packed);
                            }
                        }
                    }
                }
            }
        }
    }

    fn check(
        isa: Isa,
        operands: Operands,
        [rows, vectors, segments, steps]: [usize; 4],
        rows_are_contiguous: bool,
        store: Store<'_>,
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
        let product = Product { operands, blocks: BLOCKS, rows, vectors, segments, steps, a, b, c, store };
        // Small integers: every sum is exact in f32, and every integer in bfloat16.
        let left: Vec<[f32; 2]> =
            (0..BLOCKS * left).map(|i| [((i * 7) % 5) as f32 - 2.0, ((i * 13) % 9) as f32 - 4.0]).collect();
        let right: Vec<[f32; 2]> = (0..inner * vectors * LANES)
            .map(|i| [((i * 11) % 7) as f32 - 3.0, ((i * 17) % 11) as f32 - 5.0])
            .collect();
        let elements = |values: &[[f32; 2]]| -> Vec<f32> {
            let element = |&[first, second]: &[f32; 2]| match operands {
                Operands::Singles => first,
                Operands::Pairs => pair(first, second),
            };
            values.iter().map(element).collect()
        };
        let place_in_b = |vector: usize, k: usize| {
            let strided = vector * inner + k;
            if packed {
                packed_order(isa, vectors, inner).position(|place| place == (vector, k)).unwrap_or(usize::MAX)
            } else {
                strided
            }
        };
        let mut found = vec![1.0; BLOCKS * result];
        product.run(
            isa,
            std::iter::once(Offsets::default()),
            &elements(&left),
            &elements(&right),
            &mut found,
        );
        for (place, &found) in found.iter().enumerate() {
            let (block, vector) = (place / result, place % result / (rows * LANES));
            let (row, lane) = (place / LANES % rows, place % LANES);
            let mut expected = if store == Store::Add { 1.0 } else { 0.0 };
            for k in 0..inner {
                let (segment, step) = (k / steps, k % steps);
                let left = left[block * a.block + row * a.row + segment * a.segment + step * a.step];
                let right = right[place_in_b(vector, k) * LANES + lane];
                expected += (0..operands.values()).map(|part| left[part] * right[part]).sum::<f32>();
            }
            if let Store::Finish { bias, rectify } = store {
                expected += bias[vector * LANES + lane];
                expected = if rectify { expected.max(0.0) } else { expected };
            }
            assert_eq!(found, expected, "{isa} {product:?} row {row} vector {vector} lane {lane}");
        }
    }

    #[test]
    #[should_panic(expected = "beyond")]
    fn an_operand_that_is_too_short_is_refused() {
        let product = Product {
            operands: Operands::Singles,
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
