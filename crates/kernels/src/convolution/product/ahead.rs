//! The operands of the next product of a batch, fetched while one is computed.
//!
//! A weight gradient reads every operand once or twice, in short runs that lie far apart, so that the hardware does not predict what comes
//! next, and from further away than the instructions under way can hide.

use super::shape::{Product, Right};
use crate::cpu::{LANES, LINE, prefetch};

/// Runs of adjoining elements that are still to be fetched, some of them with every register tile.
pub(super) struct Ahead<'a> {
    /// The current product, which the next one is like.
    pub(super) product: &'a Product<'a>,
    a: *const f32,
    b: *const f32,
    /// Elements between segments and vectors of the right operand.
    b_strides: [usize; 2],
    next: usize,
    runs: usize,
    per_tile: usize,
}

impl<'a> Ahead<'a> {
    /// Fetches for a product like `product` on the operands `a` and `b`, over the `tiles` register tiles of the one before it. A packed
    /// operand is left to the hardware.
    pub(super) fn new(product: &'a Product<'a>, operands: Option<[*const f32; 2]>, tiles: usize) -> Self {
        let (Some([a, b]), Right::Strided { segment, vector, .. }) = (operands, product.b) else {
            let none = std::ptr::null();
            return Self { product, a: none, b: none, b_strides: [0; 2], next: 0, runs: 0, per_tile: 0 };
        };
        let runs = product.segments * (product.blocks + product.vectors);
        Self { product, a, b, b_strides: [segment, vector], next: 0, runs, per_tile: runs.div_ceil(tiles) }
    }

    /// Fetches the runs of one register tile.
    #[inline(always)]
    pub(super) fn fetch(&mut self) {
        let end = (self.next + self.per_tile).min(self.runs);
        for run in self.next..end {
            self.fetch_run(run);
        }
        self.next = end;
    }

    fn fetch_run(&self, run: usize) {
        let product = self.product;
        let (segment, place) =
            (run / (product.blocks + product.vectors), run % (product.blocks + product.vectors));
        let (start, len) = if place < product.blocks {
            let start = self.a.wrapping_add(segment * product.a.segment + place * product.a.block);
            (start, (product.steps - 1) * product.a.step + (product.rows - 1) * product.a.row + 1)
        } else {
            let [segment_stride, vector_stride] = self.b_strides;
            let vector = place - product.blocks;
            (self.b.wrapping_add(segment * segment_stride + vector * vector_stride), product.steps * LANES)
        };
        for line in (0..len).step_by(LINE) {
            prefetch(start.wrapping_add(line));
        }
    }
}
