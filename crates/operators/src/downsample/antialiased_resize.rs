//! Antialiased resizing: the filters of image processing instead of a pooling window.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::slot::Operator;
use super::{ComputingOperator, FixedOperator};
use crate::axis_maps::{ResizeFilter, resize};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{SeparableMap, separable};
use crate::pass::Pass;
use crate::walk::Window;

/// Resizing by a filter as wide as an output cell. [`AntialiasedResize::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AntialiasedResize {
    /// The filter. Default: Lanczos with three lobes.
    #[serde(default)]
    pub filter: ResizeFilter,
    /// By what sides are divided, rounding up, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for AntialiasedResize {
    fn default() -> Self {
        Self { filter: ResizeFilter::default(), stride: two() }
    }
}

impl Operator for AntialiasedResize {
    const NAME: &'static str = "antialiased_resize";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Resizes the map with an image filter as wide as an output cell.",
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

    fn promises(&self) -> Promises {
        Promises {
            linear: true,
            shifts_by_stride: self.filter == ResizeFilter::Box,
            ..Promises::pooling(self.stride)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "stride", self.stride)
    }
}

impl ComputingOperator for AntialiasedResize {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.filter.taps(self.stride), stride: self.stride }
    }
}

impl FixedOperator for AntialiasedResize {
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [rows, columns] =
            [height, width].map(|side| resize(side, side.div_ceil(self.stride), self.filter));
        separable(x, SeparableMap::new(rows, columns), pass.engine)
    }
}
