//! Transposed convolution: the adjoint of a strided convolution.

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::convolution_spec::Border;
use crate::operations::{TransposedConvolutionSettings, transposed_convolution};
use crate::prelude::*;

/// The adjoint of a strided convolution. [`TransposedConv::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransposedConv {
    /// Height and width of the kernel, 1 to 64. Default 2.
    pub kernel: usize,
    /// Positions of the result between neighbouring positions of the input, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for TransposedConv {
    fn default() -> Self {
        Self { kernel: 2, stride: 2 }
    }
}

impl Settings for TransposedConv {
    const DESCRIPTION: Description = Description {
        name: "transposed_conv",
        kind: Kind::Convolution,
        revision: 1,
        statement: "The adjoint of `strided_conv` with its own weights, and a bias.",
        formula: "y[o, s·i + u − p, s·j + v − p] = b[o] + Σ over c, i, j, u, v of w[c,o,u,v]·x[c,i,j], s = stride, \
                  p = floor((kernel − 1)/2)",
        shape: "[n, c', h', w'] for any c'; ceil(h'/stride) = h, ceil(w'/stride) = w",
        boundary: "what falls outside the map is cut off",
        cost: "c·kernel²/stride² multiply–accumulates; c·c'·kernel² + c' parameters",
        source: "Zeiler et al., CVPR 2010; Ronneberger et al., arXiv 1505.04597 (2×2, stride 2: the up-convolution of U-Net)",
        note: "Where the stride does not divide the kernel, positions receive unequally many values: a checkerboard (Odena et al., \
               Distill, 2016). Weights start with the variance of the values that an output sums over on average.",
    };

    fn examples() -> Vec<Self> {
        let of = |kernel, stride| Self { kernel, stride };
        vec![Self::default(), of(3, 2), of(4, 2), of(1, 2), of(3, 3), of(3, 1)]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Upsampling for TransposedConv {
    fn properties(&self) -> Properties {
        // Without overlap nothing is cut off, since the windows start at the first position.
        let inside = self.kernel <= self.stride && self.kernel <= 2;
        Properties { shifts_with_the_input: inside, ..Properties::MIXING }
    }

    fn usual_partner(&self) -> &'static str {
        "strided_conv"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Factor(self.stride)
    }

    fn mixes_channels(&self) -> bool {
        true
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        self.kernel.div_ceil(self.stride)
    }

    fn channels_in(&self, _channels: usize, _switches: SwitchKind) -> Option<usize> {
        None
    }

    fn parameters(&self, enlargement: &Enlargement) -> Vec<ParameterSpec> {
        let (channels_in, channels_out) = (enlargement.input[0], enlargement.output[0]);
        // PyTorch's order.
        let shape = [channels_in, channels_out, self.kernel, self.kernel];
        vec![
            ParameterSpec::new("weight", shape, Start::DrawnTransposed { stride: self.stride }),
            ParameterSpec::new("bias", [channels_out], Start::Filled(0.0)),
        ]
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let elements: usize = enlargement.input.iter().product();
        (elements * enlargement.output[0] * self.kernel * self.kernel) as u64
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let settings = TransposedConvolutionSettings {
            stride: [self.stride; 2],
            padding: Border::same(self.kernel).padding(),
            size: to.size,
            activation: to.activation,
        };
        let (weight, bias) = (parameters.get("weight"), parameters.get("bias"));
        transposed_convolution(x, weight, bias, settings, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let ([channels, height, width], [outputs, rows, columns]) = (graph.map_shape(x), to.output);
        let weight = graph.parameter("weight", &[channels, outputs, self.kernel, self.kernel]);
        let bias = graph.parameter("bias", &[outputs]);
        let Border { before, after } = Border::same(self.kernel);
        let added =
            |size: usize, output: usize| output + before + after - (size - 1) * self.stride - self.kernel;
        let output_padding = [added(height, rows), added(width, columns)];
        let pads = [before, before, after, after];
        if [rows, columns] != [height * self.stride, width * self.stride] {
            graph.fix_size();
        }
        graph.transposed_convolution(&[x, weight, bias], [self.stride; 2], pads, output_padding, 1)
    }
}
