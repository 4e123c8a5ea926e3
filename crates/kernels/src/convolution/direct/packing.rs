//! The weights of a direct convolution in the order in which they are read.

use rayon::prelude::*;

use super::sizes::{Direct, Products};
use crate::convolution::product::Operands;
use crate::convolution::product::{packed_panels, pair_packed};
use crate::cpu::LANES;
use crate::engine::Engine;
use crate::memory::Scratch;

impl Direct {
    /// Packs, for every product of [`multiply`](crate::convolution::staging::Lowering::multiply) and every part
    /// of the output channels, an operand of taps and input channels by output channels.
    pub(super) fn packed_forward<'e>(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        let [kernel_height, kernel_width] = self.bands.tiling.geometry.kernel;
        let Products { count, segments, steps, .. } = self.products();
        let blocks = self.blocks_out / self.parts;
        let len = segments * steps * blocks * LANES;
        let mut prepared = engine.scratch().take(count * self.parts * len);
        let runs = kernel_width / self.taps_together;
        let rows_are_segments = count == 1 && segments == kernel_height;
        let filter_len = self.channels_in * kernel_height * kernel_width;
        let panels = packed_panels(self.isa, [blocks, segments * steps], &mut prepared);
        panels.into_par_iter().with_max_len(1).for_each(|panel| {
            let (product, part) = (panel.operand / self.parts, panel.operand % self.parts);
            let first_out = (part * blocks + panel.first) * LANES;
            for (segment, target) in panel.elements.chunks_exact_mut(steps * panel.width * LANES).enumerate()
            {
                let (u, block) = if rows_are_segments { (segment, 0) } else { (product / runs, segment) };
                let first_v = product % runs * self.taps_together;
                // Filter by filter, so that each is read in runs.
                for lane in 0..panel.width * LANES {
                    let out = first_out + lane;
                    let filter =
                        if out < self.channels_out { &weight[out * filter_len..][..filter_len] } else { &[] };
                    let row_len = self.lanes_in * panel.width * LANES;
                    for (v, target) in target.chunks_exact_mut(row_len).enumerate() {
                        let first_tap = u * kernel_width + first_v + v;
                        for (c, target) in target.chunks_exact_mut(panel.width * LANES).enumerate() {
                            // Beyond the last channel a filter ends; where there is none it is empty.
                            let tap = (block * self.lanes_in + c) * kernel_height * kernel_width + first_tap;
                            target[lane] = filter.get(tap).copied().unwrap_or(0.0);
                        }
                    }
                }
            }
        });
        self.paired(engine, prepared, [blocks, segments * steps])
    }

    /// Writes packed operands of `vectors` by `steps` vectors as they are multiplied: paired if need be.
    fn paired<'e>(&self, engine: &'e Engine, weights: Scratch<'e>, sizes: [usize; 2]) -> Scratch<'e> {
        match self.bands.operands {
            Operands::Singles => weights,
            Operands::Pairs => {
                let mut pairs = engine.scratch().take(weights.len() / 2);
                pair_packed(self.isa, sizes, &weights, &mut pairs);
                pairs
            }
        }
    }

    /// Packs for every tap an operand of output channels by input channels.
    pub(super) fn packed_adjoint<'e>(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        let taps = self.bands.tiling.geometry.kernel[0] * self.bands.tiling.geometry.kernel[1];
        let (blocks, padded_out) = (self.channels_in.div_ceil(LANES), self.blocks_out * LANES);
        let len = blocks * padded_out * LANES;
        let mut prepared = engine.scratch().take(taps * len);
        let filter_len = self.channels_in * taps;
        let panels = packed_panels(self.isa, [blocks, padded_out], &mut prepared);
        panels.into_par_iter().with_max_len(1).for_each(|panel| {
            let (tap, first_in) = (panel.operand, panel.first * LANES);
            for (out, target) in panel.elements.chunks_exact_mut(panel.width * LANES).enumerate() {
                if out >= self.channels_out {
                    target.fill(0.0);
                    continue;
                }
                let filter = &weight[out * filter_len..][..filter_len];
                for (lane, target) in target.iter_mut().enumerate() {
                    *target = filter.get((first_in + lane) * taps + tap).copied().unwrap_or(0.0);
                }
            }
        });
        self.paired(engine, prepared, [blocks, padded_out])
    }
}
