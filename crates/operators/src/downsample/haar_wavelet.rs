//! One step of the Haar transform with all four bands as channels (HWD).

use super::downsampling::Part;
use super::haar_low_pass::{HAAR_BANDS, HAAR_BOUNDARY, haar_bands, lowered_bands};
use super::pixel_unshuffle::Projection;
use super::properties::Properties;
use super::reduction::Reduction;
use crate::axis_maps::EdgePadding;
use crate::prelude::*;

/// All four bands of the Haar transform as channels. [`HaarWavelet::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HaarWavelet {
    /// The value that an odd height or width reads beyond its last position. Default: the map mirrored.
    pub padding: EdgePadding,
    /// The reduction to the number of input channels. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Projection>,
}

impl Settings for HaarWavelet {
    const DESCRIPTION: Description = Description {
        name: "haar_wavelet",
        kind: Kind::Filter,
        revision: 1,
        statement: "One step of the orthonormal Haar transform, its four bands as channels; nothing is lost.",
        formula: "[a b; c d] to LL = (a+b+c+d)/2, LH = (a+b−c−d)/2, HL = (a−b+c−d)/2, HH = (a−b−c+d)/2, band-major",
        shape: "[n, 4c, ceil(h/2), ceil(w/2)]; with `project` c channels; any h, w ≥ 1",
        boundary: HAAR_BOUNDARY,
        cost: "16 additions; with `project` 4c multiply–accumulates and 4c² + c parameters",
        source: "Xu et al., Pattern Recognition 143, 2023 (HWD, down-wavelet); Haar, Math. Annalen 69, 1910",
        note: "An orthogonal mix of `pixel_unshuffle`: with `project` it spans the same functions as a 2×2 convolution of \
               stride 2. Band names differ between projects. HWD normalises batches between projection and activation; here not.",
    };

    fn examples() -> Vec<Self> {
        let project = Some(Projection::Pointwise);
        vec![
            Self::default(),
            Self { padding: EdgePadding::Zero, project: None },
            Self { project, ..Self::default() },
        ]
    }
}

impl Reduction for HaarWavelet {
    fn properties(&self) -> Properties {
        let bands = Properties { gain: None, shifts_by_stride: true, ..Properties::pooling(2) };
        match self.project {
            None => Properties { linear: true, ..bands },
            Some(_) => Properties { channel_wise: false, ..bands },
        }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 2, stride: 2 }
    }

    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, 2);
        Ok([4 * channels, height, width])
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        haar_bands(x, &HAAR_BANDS, self.padding, pass)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        lowered_bands(graph, x, &HAAR_BANDS, self.padding)
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let itself = Part::reduction(Self { project: None, ..*self });
        std::iter::once(itself).chain(self.project.map(|projection| projection.part(channels))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_near, evaluated, grid, noise_tensor, values};
    use allconv_kernels::Engine;
    use burn::tensor::{DType, Device};

    #[test]
    fn worked_example_of_the_reference() {
        let bands = [7., 11., 23., 27., -4., -4., -4., -4., -1., -1., -1., -1., 0., 0., 0., 0.];
        assert_near(&evaluated(&HaarWavelet::default(), grid(4, 4)), &bands, 1e-5);
    }

    #[test]
    fn bands_together_have_the_bits_of_one_by_one() {
        let engine = Engine::detect();
        let pass = Pass::evaluate(&engine);
        let padding = EdgePadding::Reflect;
        let one_by_one = |x: Tensor<4>| {
            let band = |band: [bool; 2]| haar_bands(x.clone(), &[band], padding, &pass);
            Tensor::cat(HAAR_BANDS.map(band).to_vec(), 1)
        };
        let answers = |way: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = noise_tensor(5, [2, 19, 7, 6], &Device::flex().autodiff()).cast(DType::F32);
            let x = x.require_grad();
            let y = way(x.clone());
            let gradients = (y.clone() * y.clone()).sum().backward();
            [values(y), values(x.grad(&gradients).unwrap())]
                .map(|all| all.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let together = answers(&|x| haar_bands(x, &HAAR_BANDS, padding, &pass));
        assert_eq!(together, answers(&one_by_one));
    }
}
