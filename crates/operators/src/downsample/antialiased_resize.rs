//! Antialiased resizing: the filters of image processing instead of a pooling window.

use super::properties::{Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::axis_maps::{ResizeFilter, resize};
use crate::lowering::lowered_map;
use crate::operations::{SeparableMap, separable};
use crate::prelude::*;

/// Resizing by a filter as wide as an output position. [`AntialiasedResize::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AntialiasedResize {
    /// The filter. Default: Lanczos with three lobes.
    pub filter: ResizeFilter,
    /// The divisor of height and width, rounding up, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for AntialiasedResize {
    fn default() -> Self {
        Self { filter: ResizeFilter::default(), stride: 2 }
    }
}

impl Settings for AntialiasedResize {
    const DESCRIPTION: Description = Description {
        name: "antialiased_resize",
        kind: Kind::Filter,
        revision: 1,
        statement: "Resizes the map with an image filter as wide as an output position.",
        formula: "y[i] = Σ w·x[h] / Σ w along each axis, w = f((h + ½ − (i + ½)·z)/z), z = h_in/h_out; f: box, triangle, cubic \
                  (a = −½), lanczos3",
        shape: SLOT_SHAPE,
        boundary: "weights beyond the map are left out, the rest sums to 1; half-pixel centres",
        cost: "about 4·radius·stride multiplications (radius ½, 1, 2, 3); no weights",
        source: "Keys, IEEE TASSP 29(6), 1981 (cubic); Duchon, J. Appl. Meteorology 18, 1979 (Lanczos)",
        note: "Pillow's rule and PyTorch's with `antialias=True`. Without antialiasing (OpenCV, older PyTorch) high frequencies \
               fold back.",
    };

    fn examples() -> Vec<Self> {
        let of = |filter, stride| Self { filter, stride };
        vec![
            Self::default(),
            of(ResizeFilter::Cubic, 2),
            of(ResizeFilter::Triangle, 2),
            of(ResizeFilter::Box, 2),
            of(ResizeFilter::Lanczos3, 3),
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("stride", self.stride)
    }
}

impl Reduction for AntialiasedResize {
    fn properties(&self) -> Properties {
        Properties {
            linear: true,
            shifts_by_stride: self.filter == ResizeFilter::Box,
            ..Properties::pooling(self.stride)
        }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.filter.taps(self.stride), stride: self.stride }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [rows, columns] =
            [height, width].map(|size| resize(size, size.div_ceil(self.stride), self.filter));
        separable(x, SeparableMap::new(rows, columns), pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let [_, height, width] = graph.map_shape(x);
        let [rows, columns] =
            [height, width].map(|size| resize(size, size.div_ceil(self.stride), self.filter));
        lowered_map(graph, x, &SeparableMap::new(rows, columns))
    }
}
