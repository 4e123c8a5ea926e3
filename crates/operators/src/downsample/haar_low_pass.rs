//! The low-pass band of the Haar transform (WaveCNet).

use super::properties::Properties;
use super::reduction::Reduction;
use crate::axis_maps::{EdgePadding, haar};
use crate::operations::{SeparableMap, Together, separable_together};
use crate::prelude::*;

/// Keeps the low-pass band of the Haar transform. [`HaarLowPass::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HaarLowPass {
    /// The value that an odd height or width reads beyond its last position. Default: the map mirrored.
    pub padding: EdgePadding,
}

/// The shape of the Haar operators.
pub(super) const HAAR_BOUNDARY: &str =
    "one position beyond the last of an odd height or width, read by `padding`";

impl Settings for HaarLowPass {
    const DESCRIPTION: Description = Description {
        name: "haar_low_pass",
        kind: Kind::Filter,
        revision: 1,
        statement: "The low-pass band of one step of the orthonormal Haar transform; the detail bands are dropped.",
        formula: "y = (a + b + c + d)/2 for each block [a b; c d]",
        shape: "[n, c, ceil(h/2), ceil(w/2)]; any h, w ≥ 1",
        boundary: HAAR_BOUNDARY,
        cost: "4 additions; no weights",
        source: "Li et al., arXiv 2005.03337 (WaveCNet)",
        note: "Twice the 2×2 average: its gain of 2 is a confound unless a normalisation follows.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { padding: EdgePadding::Zero }]
    }
}

impl Reduction for HaarLowPass {
    fn properties(&self) -> Properties {
        Properties { gain: Some(2.0), linear: true, shifts_by_stride: true, ..Properties::pooling(2) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 2, stride: 2 }
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        haar_bands(x, &HAAR_BANDS[..1], self.padding, pass)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        lowered_bands(graph, x, &HAAR_BANDS[..1], self.padding)
    }

    fn lower_with_switches(&self, graph: &mut Graph, x: Value) -> (Value, LoweredSwitches) {
        let low = self.lower(graph, x);
        let details = lowered_bands(graph, x, &HAAR_BANDS[1..], self.padding);
        (low, LoweredSwitches::Details(details))
    }

    fn switches(&self) -> SwitchKind {
        SwitchKind::Details
    }

    fn compute_with_switches(
        &self,
        x: Tensor<4>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> (Tensor<4>, Switches) {
        let [low, details] = [&HAAR_BANDS[..1], &HAAR_BANDS[1..]]
            .map(|bands| haar_bands(x.clone(), bands, self.padding, pass));
        (low, Switches::Details(details))
    }
}

/// The bands LL, LH, HL, HH: whether each takes differences along the rows' axis and along the columns' axis.
pub(crate) const HAAR_BANDS: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];

/// Computes the bands of a Haar step as channels, band-major: along rows' axis and columns' axis the sum, or the difference.
pub(super) fn haar_bands(
    x: Tensor<4>,
    bands: &[[bool; 2]],
    padding: EdgePadding,
    pass: &Pass<'_>,
) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let map = |[along_rows, along_columns]: &[bool; 2]| {
        SeparableMap::new(haar(height, *along_rows, padding), haar(width, *along_columns, padding))
    };
    separable_together(x, bands.iter().map(map).collect(), Together::Bands, pass.engine)
}

/// Lowers [`haar_bands`], for any height and width.
pub(super) fn lowered_bands(graph: &mut Graph, x: Value, bands: &[[bool; 2]], padding: EdgePadding) -> Value {
    // Even sizes end before the border.
    let padded = graph.edged(x, [0, 0, 1, 1], padding);
    let filter = |difference: bool| {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        [half, if difference { -half } else { half }]
    };
    let bands = bands.iter().map(|[along_rows, along_columns]| {
        graph.channel_filter(padded, &filter(*along_rows), &filter(*along_columns), 2)
    });
    let bands: Vec<Value> = bands.collect();
    graph.concatenate(&bands, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid};

    #[test]
    fn worked_example_of_the_reference() {
        assert_near(&evaluated(&HaarLowPass::default(), grid(4, 4)), &[7.0, 11.0, 23.0, 27.0], 1e-5);
    }
}
