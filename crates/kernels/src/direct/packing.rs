//! The weights of a direct convolution in the order in which they are read.

use rayon::prelude::*;

use super::{Direct, Products};
use crate::engine::Engine;
use crate::product::{Operands, packed_order, pair_packed};
use crate::scratch::Scratch;
use crate::simd::LANES;

impl<'e> Direct<'e> {
    /// For every product of [`multiply`](crate::blocked::Lowering::multiply), and every part of the output channels, a packed operand of taps
    /// and input channels by output channels.
    pub(super) fn pack_forward(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        let [kernel_height, kernel_width] = self.tiling.geometry.kernel;
        let Products { count, segments, steps, .. } = self.products();
        let blocks = self.blocks_out / self.parts;
        let len = segments * steps * blocks * LANES;
        let mut prepared = engine.scratch().take(count * self.parts * len);
        prepared.fill(0.0);
        let runs = kernel_width / self.taps_together;
        let rows_are_segments = count == 1 && segments == kernel_height;
        prepared.par_chunks_exact_mut(len).enumerate().for_each(|(operand, target)| {
            let (product, part) = (operand / self.parts, operand % self.parts);
            for (target, (vector, step)) in
                target.chunks_exact_mut(LANES).zip(packed_order(self.isa, blocks, segments * steps))
            {
                let vector = part * blocks + vector;
                let (segment, step) = (step / steps, step % steps);
                let (u, block) = if rows_are_segments { (segment, 0) } else { (product / runs, segment) };
                let v = product % runs * self.taps_together + step / self.lanes_in;
                let c = block * self.lanes_in + step % self.lanes_in;
                if c < self.channels_in {
                    let tap = (c * kernel_height + u) * kernel_width + v;
                    let filters = weight
                        .chunks_exact(self.channels_in * kernel_height * kernel_width)
                        .skip(vector * LANES);
                    target.iter_mut().zip(filters).for_each(|(target, filter)| *target = filter[tap]);
                }
            }
        });
        self.packed(engine, prepared, [blocks, segments * steps])
    }

    /// Packed operands of `vectors` by `steps` vectors as they are multiplied: paired if need be.
    fn packed(&self, engine: &'e Engine, weights: Scratch<'e>, sizes: [usize; 2]) -> Scratch<'e> {
        match self.operands {
            Operands::Singles => weights,
            Operands::Pairs => {
                let mut pairs = engine.scratch().take(weights.len() / 2);
                pair_packed(self.isa, sizes, &weights, &mut pairs);
                pairs
            }
        }
    }

    /// For every tap a packed operand of output channels by input channels.
    pub(super) fn pack_backward(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        let taps = self.tiling.geometry.kernel[0] * self.tiling.geometry.kernel[1];
        let (blocks, padded_out) = (self.channels_in.div_ceil(LANES), self.blocks_out * LANES);
        let len = blocks * padded_out * LANES;
        let mut prepared = engine.scratch().take(taps * len);
        prepared.fill(0.0);
        prepared.par_chunks_exact_mut(len).enumerate().for_each(|(tap, target)| {
            for (target, (vector, out)) in
                target.chunks_exact_mut(LANES).zip(packed_order(self.isa, blocks, padded_out))
            {
                if out < self.channels_out {
                    let filters =
                        weight[out * self.channels_in * taps..][..self.channels_in * taps].chunks_exact(taps);
                    target
                        .iter_mut()
                        .zip(filters.skip(vector * LANES))
                        .for_each(|(target, filter)| *target = filter[tap]);
                }
            }
        });
        self.packed(engine, prepared, [blocks, padded_out])
    }
}
