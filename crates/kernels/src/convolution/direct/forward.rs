//! The products of the forward pass of a direct convolution.

use super::sizes::{Direct, Products};
use crate::convolution::ConvGeometry;
use crate::convolution::product::{LeftStrides, Offsets, Product, ResultStrides, Right, Store};
use crate::cpu::LANES;

/// What a forward product reads: the operand, element strides of values, and elements of an image.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) operand: &'a [f32],
    pub(super) strides: LeftStrides,
    pub(super) image_len: usize,
}

/// Where a forward product writes: the number of images and elements of one, rows of each, and how.
pub(super) struct Target<'a> {
    pub(super) images: [usize; 2],
    pub(super) rows: usize,
    pub(super) strides: ResultStrides,
    pub(super) store: Store<'a>,
}

impl Direct {
    /// Returns the lifted input as the left operand.
    pub(super) fn left<'a>(&self, operand: &'a [f32]) -> Left<'a> {
        let (input, stride) = (self.bands.input_stage, self.bands.tiling.geometry.stride);
        let strides = LeftStrides {
            block: stride[0] * input.row_len(),
            row: stride[1] * self.lanes_in,
            segment: self.products().segment_stride,
            step: 1,
        };
        Left { operand, strides, image_len: input.image_len() }
    }

    /// Returns the map as the left operand, see [`Lowering::reads_map`](crate::convolution::staging::Lowering::reads_map).
    pub(super) fn left_in_map<'a>(&self, operand: &'a [f32]) -> Left<'a> {
        let ConvGeometry { height_in, width_in, channels_in, .. } = self.bands.tiling.geometry;
        let strides =
            LeftStrides { block: width_in * channels_in, row: channels_in, segment: LANES, step: 1 };
        Left { operand, strides, image_len: height_in * width_in * channels_in }
    }

    /// Computes one of the products of the forward pass, for one of the parts of the output channels.
    pub(super) fn multiply_part(
        &self,
        [index, part]: [usize; 2],
        weights: &[f32],
        left: Left<'_>,
        target: Target<'_>,
        output: &mut [f32],
    ) {
        let input = self.bands.input_stage;
        let ConvGeometry { kernel, dilation, .. } = self.bands.tiling.geometry;
        let Products { segments, steps, .. } = self.products();
        let (values, vectors) = (self.bands.operands.values(), self.blocks_out / self.parts);
        let LeftStrides { block, row, segment, step } = left.strides;
        let product = Product {
            operands: self.bands.operands,
            blocks: target.rows,
            rows: self.bands.tiling.columns_out,
            vectors,
            segments,
            steps: steps / values,
            a: LeftStrides { block: block / values, row: row / values, segment: segment / values, step },
            b: Right::Packed,
            c: target.strides,
            store: target.store,
        };
        let runs = kernel[1] / self.taps_together;
        let (u, v) = (index / runs, index % runs * self.taps_together);
        let tap = u * dilation[0] * input.row_len() + v * dilation[1] * self.lanes_in;
        let [images, image_len] = target.images;
        let offsets = (0..images).map(|image| Offsets {
            a: (image * left.image_len + tap) / values,
            b: (index * self.parts + part) * segments * steps * vectors * LANES / values,
            c: image * image_len,
        });
        product.run(self.isa, offsets, left.operand, weights, output);
    }
}
