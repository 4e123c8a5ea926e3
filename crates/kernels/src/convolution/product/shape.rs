//! The description of a product of matrices: operands, their strides, and the use of the result.

use crate::cpu::LANES;
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
    /// Returns the operands of an accuracy class.
    pub(crate) const fn of(accuracy: Accuracy) -> Self {
        if accuracy.rounds_operands() { Self::Pairs } else { Self::Singles }
    }

    /// Returns the number of values in an element.
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
    /// In the order in which it is read, see `packed_order`: one stream that the hardware fetches ahead.
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
    /// Returns one past the last element that each operand touches.
    pub(super) fn extents(&self) -> Offsets {
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
