//! Spectral upsampling: the Fourier series of a map at more positions.

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::axis_maps::fourier_series;
use crate::lowering::lowered_map;
use crate::operations::{SeparableMap, activated, separable};
use crate::prelude::*;

/// Interpolates by the Fourier series of each channel. [`SpectralUpsample::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpectralUpsample {}

impl Settings for SpectralUpsample {
    const DESCRIPTION: Description = Description {
        name: "spectral_upsample",
        kind: Kind::Filter,
        revision: 2,
        statement: "The Fourier series of each channel, evaluated at more positions: band-limited interpolation.",
        formula: "y = irfft2 of rfft2(x) with zeros for the frequencies that x does not have · h'w'/(hw); the highest \
                  frequency of an even height or width is divided between its two signs",
        shape: "[n, c, h', w'] for any h' ≥ h, w' ≥ w",
        boundary: "circular, as the Fourier transform is",
        cost: "dense matrices: about h + w multiplications; no weights",
        source: "Rippel, Snoek and Adams, arXiv 1506.03767 (the adjoint of its pooling); SciPy's signal.resample",
        note: "It goes through the values of x where h' and w' are multiples. `spectral_pool` gives x back but for the highest \
               frequency of an even height or width. Putting that frequency on one sign alone would not help: downsampling again loses half of \
               it in the column of frequency 0, and the series would miss the values.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default()]
    }
}

impl Upsampling for SpectralUpsample {
    fn properties(&self) -> Properties {
        Properties { shifts_with_the_input: true, ..Properties::FIXED }
    }

    fn usual_partner(&self) -> &'static str {
        "spectral_pool"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::NotSmaller
    }

    fn positions_read(&self, enlargement: &Enlargement) -> usize {
        enlargement.input[1].max(enlargement.input[2])
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [rows, columns] = to.size;
        let [_, _, height, width] = x.dims();
        let map = SeparableMap::new(fourier_series(height, rows), fourier_series(width, columns));
        activated(separable(x, map, pass.engine), to.activation)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let ([_, height, width], [_, rows, columns]) = (graph.map_shape(x), to.output);
        let map = SeparableMap::new(fourier_series(height, rows), fourier_series(width, columns));
        lowered_map(graph, x, &map)
    }
}
