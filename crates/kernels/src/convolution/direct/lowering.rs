//! A direct convolution as an algorithm on staged bands.

use super::forward::Target;
use super::sizes::Direct;
use crate::convolution::geometry::ConvGeometry;
use crate::convolution::product::{
    LeftStrides, Offsets, Operands, Product, ResultStrides, Right, Store, pair_at_distance, pair_neighbours,
    pair_rows,
};
use crate::convolution::staging::{Bands, ForwardOperand, LiftedBand, Lowering, OutputBand};
use crate::cpu::LANES;
use crate::engine::Engine;
use crate::memory::Scratch;
use crate::windows::Padding;

impl Direct {
    /// Copies a stage to the operands that are wanted, or pairs it.
    fn lift(&self, stage: &[f32], operands: LiftedBand<'_>, keep: impl FnOnce(&mut [f32])) {
        let LiftedBand { multiplied, kept } = operands;
        match self.bands.operands {
            Operands::Singles => {
                multiplied.into_iter().chain(kept).for_each(|lifted| lifted.copy_from_slice(stage));
            }
            Operands::Pairs => {
                if let Some(multiplied) = multiplied {
                    pair_neighbours(self.isa, stage, multiplied);
                }
                kept.map(keep);
            }
        }
    }
}

impl Lowering for Direct {
    fn bands(&self) -> &Bands {
        &self.bands
    }

    fn lift_input(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(stage, operands, |kept| {
            // Every pixel with the next one that the same tap reads.
            let distance = self.bands.tiling.geometry.stride[1] * self.lanes_in;
            pair_at_distance(self.isa, stage, self.bands.input_stage.row_len(), distance, kept);
        });
    }

    fn lift_gradient(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(stage, operands, |kept| {
            // The pixels of a row, two by two.
            pair_rows(self.isa, stage, [self.bands.output_stage.columns, LANES], kept);
        });
    }

    fn pack_forward<'e>(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        self.packed_forward(engine, weight)
    }

    fn pack_adjoint<'e>(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        self.packed_adjoint(engine, weight)
    }

    fn multiply(&self, weights: &[f32], lifted: &[f32], _workspace: &mut [f32], output: &mut [f32]) {
        let result = self.bands.output_stage;
        let strides = ResultStrides { block: result.row_len(), row: LANES, vector: result.block_len() };
        let part_len = self.blocks_out / self.parts * result.block_len();
        for index in 0..self.products().count {
            for part in 0..self.parts {
                let target = Target {
                    images: [result.images, result.image_len()],
                    rows: result.rows,
                    strides,
                    store: if index == 0 { Store::Replace } else { Store::Add },
                };
                let output = &mut output[part * part_len..];
                self.multiply_part([index, part], weights, self.left(lifted), target, output);
            }
        }
    }

    /// Returns whether one product adds up all taps and channels.
    fn fills_map(&self, _rows: usize, spread: [usize; 2]) -> bool {
        self.products().count == 1
            && self.channels_out.is_multiple_of(LANES)
            && self.parts == spread[0] * spread[1]
    }

    /// Returns true for a 1×1 convolution of whole blocks: its operand lies in the map.
    fn reads_map(&self) -> bool {
        let ConvGeometry { kernel, stride, padding, .. } = self.bands.tiling.geometry;
        self.bands.operands == Operands::Singles
            && (kernel, stride, padding) == ([1, 1], [1, 1], Padding::NONE)
            && self.channels_in.is_multiple_of(LANES)
    }

    fn multiply_into_map(
        &self,
        weights: &[f32],
        operand: ForwardOperand<'_>,
        _workspace: &mut [f32],
        band: OutputBand<'_>,
    ) {
        let OutputBand { images, rows, columns, channels, spread, bias, rectify, output } = band;
        assert!(
            columns == self.bands.tiling.width_out && rows <= self.bands.tiling.rows_out,
            "{rows} rows of {columns} outputs in a band of {:?}",
            self.bands.tiling
        );
        let ([tall, wide], pixel) = (spread, channels.total / self.parts);
        let row_len = columns * wide * pixel;
        let left = match operand {
            ForwardOperand::Lifted(lifted) => self.left(lifted),
            ForwardOperand::Map(map) => self.left_in_map(map),
        };
        let count = channels.count / self.parts;
        for (part, bias) in bias.chunks_exact(count).enumerate().take(self.parts) {
            let target = Target {
                images: [images, rows * tall * row_len],
                rows,
                strides: ResultStrides { block: tall * row_len, row: wide * pixel, vector: LANES },
                store: Store::Finish { bias, rectify },
            };
            let start = part / wide * row_len + part % wide * pixel + channels.first / self.parts;
            self.multiply_part([0, part], weights, left, target, &mut output[start..]);
        }
    }

    fn input_gradient(&self, weights: &[f32], lifted: &[f32], _workspace: &mut [f32], gradient: &mut [f32]) {
        let (output, result) = (self.bands.output_stage, self.bands.input_gradient_stage);
        let ConvGeometry { kernel, stride, dilation, .. } = self.bands.tiling.geometry;
        let (padded_out, values) = (self.blocks_out * LANES, self.bands.operands.values());
        let product = Product {
            operands: self.bands.operands,
            blocks: output.rows,
            rows: output.columns,
            vectors: result.blocks,
            segments: self.blocks_out,
            steps: LANES / values,
            a: LeftStrides {
                block: output.row_len() / values,
                row: LANES / values,
                segment: output.block_len() / values,
                step: 1,
            },
            b: Right::Packed,
            c: ResultStrides {
                block: stride[0] * result.row_len(),
                row: stride[1] * LANES,
                vector: result.block_len(),
            },
            store: Store::Add,
        };
        for u in 0..kernel[0] {
            for v in 0..kernel[1] {
                let offsets = (0..output.images).map(|image| Offsets {
                    a: image * output.image_len() / values,
                    b: (u * kernel[1] + v) * result.blocks * padded_out * LANES / values,
                    c: image * result.image_len()
                        + u * dilation[0] * result.row_len()
                        + v * dilation[1] * LANES,
                });
                product.run(self.isa, offsets, lifted, weights, gradient);
            }
        }
    }

    fn weight_pieces(&self) -> (usize, usize) {
        (self.piece_shape().iter().product(), self.pieces())
    }

    fn weight_gradient(&self, piece: usize, inputs: &[f32], dz: &[f32], gradient: &mut [f32]) {
        self.add_to_piece(piece, inputs, dz, gradient);
    }

    fn finish_weight_gradient(&self, pieces: &[f32], gradient: &mut [f32]) {
        self.join_pieces(pieces, gradient);
    }
}
