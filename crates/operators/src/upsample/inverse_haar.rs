//! One step of the inverse Haar transform.

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::axis_maps::inverse_haar;
use crate::downsample::HAAR_BANDS;
use crate::lowering::lowered_map;
use crate::operations::{SeparableMap, Together, activated, concatenate_channels, separable_together};
use crate::prelude::*;

/// Puts the bands of a Haar step together. [`InverseHaar::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InverseHaar {}

impl Settings for InverseHaar {
    const DESCRIPTION: Description = Description {
        name: "inverse_haar",
        kind: Kind::Filter,
        revision: 2,
        statement: "One step of the inverse orthonormal Haar transform.",
        formula: "a = (LL+LH+HL+HH)/2, b = (LL+LH−HL−HH)/2, c = (LL−LH+HL−HH)/2, d = (LL−LH−HL+HH)/2 for each block [a b; c d]",
        shape: "[n, c/4, h', w'] from the four bands as channels, band-major; after `haar_low_pass` [n, c, h', w']; \
                ceil(h'/2) = h, ceil(w'/2) = w",
        boundary: "of an odd height or width the last, incomplete block is cut off",
        cost: "16 additions; no weights",
        source: "Haar, Math. Annalen 69, 1910",
        note: "The exact inverse of `haar_wavelet`. After `haar_low_pass` the map is the band LL, and the others are those \
               that were left out in downsampling. After any other operator its channels are taken for bands.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default()]
    }
}

impl Upsampling for InverseHaar {
    fn properties(&self) -> Properties {
        // Of four equal bands only one position of each block is left.
        Properties { gain: None, channel_wise: false, shifts_with_the_input: true, ..Properties::FIXED }
    }

    fn usual_partner(&self) -> &'static str {
        "haar_wavelet"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Factor(2)
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        1
    }

    fn takes(&self, offered: SwitchKind) -> bool {
        offered == SwitchKind::Details
    }

    fn channels_in(&self, channels: usize, switches: SwitchKind) -> Option<usize> {
        Some(if switches == SwitchKind::Details { channels } else { 4 * channels })
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        _parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [rows, columns] = to.size;
        let bands = match to.switches {
            Switches::Details(details) => concatenate_channels(x, details.clone()),
            _ => x,
        };
        let [_, channels, height, width] = bands.dims();
        assert_eq!(channels % HAAR_BANDS.len(), 0, "channels of {channels} are not four bands");
        let map = |[along_rows, along_columns]: [bool; 2]| {
            SeparableMap::new(
                inverse_haar(height, rows, along_rows),
                inverse_haar(width, columns, along_columns),
            )
        };
        let maps = HAAR_BANDS.map(map).to_vec();
        let y = separable_together(bands, maps, Together::SumOfBands, pass.engine);
        activated(y, to.activation)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let bands = match to.switches {
            LoweredSwitches::Details(details) => graph.concatenate(&[x, details], 1),
            _ => x,
        };
        let ([channels, height, width], [_, rows, columns]) = (graph.map_shape(bands), to.output);
        let each = channels / HAAR_BANDS.len();
        let parts = HAAR_BANDS.iter().enumerate().map(|(index, [along_rows, along_columns])| {
            let first = index * each;
            let band = graph.slice(bands, 1, [first, channels - first - each, 1]);
            let map = SeparableMap::new(
                inverse_haar(height, rows, *along_rows),
                inverse_haar(width, columns, *along_columns),
            );
            lowered_map(graph, band, &map)
        });
        let parts: Vec<Value> = parts.collect();
        graph.sum(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, values};
    use allconv_kernels::{Activation, Engine};
    use burn::tensor::{Device, TensorData};

    #[test]
    fn worked_example_of_the_reference() {
        let bands = vec![7_f32, 11., 23., 27., -4., -4., -4., -4., -1., -1., -1., -1., 0., 0., 0., 0.];
        let x = Tensor::from_data(TensorData::new(bands, [1, 4, 2, 2]), &Device::flex());
        let engine = Engine::detect();
        let to = Destination { size: [4, 4], switches: &Switches::None, activation: Activation::Identity };
        let y = InverseHaar {}.compute(x, &to, &Parameters::default(), &Pass::evaluate(&engine));
        let grid: Vec<f64> = (1..=16).map(f64::from).collect();
        assert_near(&values(y), &grid, 1e-5);
    }
}
