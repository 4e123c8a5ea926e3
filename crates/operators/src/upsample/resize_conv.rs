//! Resize-convolution: interpolation, then a convolution.

use super::pixel_shuffle::same_size_convolution;
use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::axis_maps::{Interpolation, interpolated};
use crate::lowering::lowered_map;
use crate::operations::{SeparableMap, separable};
use crate::prelude::*;

/// Interpolates, then convolves. [`ResizeConv::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResizeConv {
    /// The interpolation. Default: the nearest position.
    pub filter: Interpolation,
    /// Height and width of the convolution's kernel, 1 to 64. Default 3.
    pub kernel: usize,
}

impl Default for ResizeConv {
    fn default() -> Self {
        Self { filter: Interpolation::default(), kernel: 3 }
    }
}

impl Settings for ResizeConv {
    const DESCRIPTION: Description = Description {
        name: "resize_conv",
        kind: Kind::Convolution,
        revision: 1,
        statement: "Interpolation to the required height and width, then a convolution.",
        formula: "y = b + W ∗ z, z[c,i,j] = x[c] interpolated at ((i + 1/2)·h/h' − 1/2, (j + 1/2)·w/w' − 1/2)",
        shape: "[n, c', h', w'] for any c', h' ≥ h and w' ≥ w",
        boundary: "the interpolation repeats the edge position; the convolution reads zeros",
        cost: "c·kernel² multiply–accumulates; c·c'·kernel² + c' parameters",
        source: "Odena, Dumoulin and Olah, Distill, 2016",
        note: "Half-pixel centres (align_corners = false). nearest is PyTorch's nearest-exact, whose plain nearest has no half \
               pixel; bicubic uses a = −0.75 as PyTorch does without antialiasing (Pillow: −0.5).",
    };

    fn examples() -> Vec<Self> {
        let of = |filter, kernel| Self { filter, kernel };
        vec![
            Self::default(),
            of(Interpolation::Bilinear, 3),
            of(Interpolation::Bicubic, 3),
            of(Interpolation::Nearest, 1),
            of(Interpolation::Bilinear, 2),
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("kernel", self.kernel)
    }
}

impl Upsampling for ResizeConv {
    fn properties(&self) -> Properties {
        let inside = self.kernel == 1 && self.filter == Interpolation::Nearest;
        Properties { shifts_with_the_input: inside, ..Properties::MIXING }
    }

    fn usual_partner(&self) -> &'static str {
        "average_pool"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::NotSmaller
    }

    fn mixes_channels(&self) -> bool {
        true
    }

    fn positions_read(&self, enlargement: &Enlargement) -> usize {
        let Enlargement { input: [_, height, width], output: [_, rows, columns], .. } = *enlargement;
        // The taps of the kernel lie on the finer grid.
        let steps = |size: usize, outputs| ((self.kernel - 1) * size).div_ceil(outputs);
        self.filter.taps() + steps(height, rows).max(steps(width, columns))
    }

    fn channels_in(&self, _channels: usize, _switches: SwitchKind) -> Option<usize> {
        None
    }

    fn parameters(&self, enlargement: &Enlargement) -> Vec<ParameterSpec> {
        let (channels_in, channels_out) = (enlargement.input[0], enlargement.output[0]);
        let shape = [channels_out, channels_in, self.kernel, self.kernel];
        vec![
            ParameterSpec::new("weight", shape, Start::Drawn),
            ParameterSpec::new("bias", [channels_out], Start::Filled(0.0)),
        ]
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let values: usize = enlargement.output.iter().product();
        (values * enlargement.input[0] * self.kernel * self.kernel) as u64
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let ([_, _, height, width], [rows, columns]) = (x.dims(), to.size);
        let along = |size, outputs| interpolated(size, outputs, self.filter);
        let map = SeparableMap::new(along(height, rows), along(width, columns));
        let resized = separable(x, map, pass.engine);
        let (weight, bias) = (parameters.get("weight"), parameters.get("bias"));
        same_size_convolution(resized, weight, bias, to.activation, pass)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let ([_, height, width], [channels, rows, columns]) = (graph.map_shape(x), to.output);
        let along = |size, outputs| interpolated(size, outputs, self.filter);
        let resized = lowered_map(graph, x, &SeparableMap::new(along(height, rows), along(width, columns)));
        graph.same_convolution(resized, "", channels, self.kernel)
    }
}
