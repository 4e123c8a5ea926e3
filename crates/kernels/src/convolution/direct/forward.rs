//! The products of the forward pass of a direct convolution.

use super::{Direct, Products};
use crate::convolution::ConvGeometry;
use crate::convolution::product::{LeftStrides, Offsets, Product, ResultStrides, Right, Store};
use crate::convolution::staging::Lowering;
use crate::cpu::LANES;

/// Where a forward product reads: element strides of values, and elements of an image.
#[derive(Clone, Copy)]
pub(super) struct Left {
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

impl Direct<'_> {
    /// The lifted input as the left operand.
    pub(super) fn left(&self) -> Left {
        let (input, stride) = (self.input_stage(), self.tiling.geometry.stride);
        let strides = LeftStrides {
            block: stride[0] * input.row_len(),
            row: stride[1] * self.lanes_in,
            segment: self.products().segment_stride,
            step: 1,
        };
        Left { strides, image_len: input.image_len() }
    }

    /// The map as the left operand, see [`Lowering::reads_map`].
    pub(super) fn left_in_map(&self) -> Left {
        let ConvGeometry { height_in, width_in, channels_in, .. } = self.tiling.geometry;
        let strides =
            LeftStrides { block: width_in * channels_in, row: channels_in, segment: LANES, step: 1 };
        Left { strides, image_len: height_in * width_in * channels_in }
    }

    /// One of the products of the forward pass, for one of the parts of the output channels.
    pub(super) fn multiply_part(
        &self,
        [index, part]: [usize; 2],
        left: Left,
        lifted: &[f32],
        target: Target<'_>,
        output: &mut [f32],
    ) {
        let input = self.input_stage();
        let ConvGeometry { kernel, dilation, .. } = self.tiling.geometry;
        let Products { segments, steps, .. } = self.products();
        let (values, vectors) = (self.operands.values(), self.blocks_out / self.parts);
        let LeftStrides { block, row, segment, step } = left.strides;
        let product = Product {
            operands: self.operands,
            blocks: target.rows,
            rows: self.tiling.columns_out,
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
        product.run(self.isa, offsets, lifted, self.forward_weights(), output);
    }
}
