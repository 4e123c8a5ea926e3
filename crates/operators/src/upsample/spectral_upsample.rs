//! Spectral upsampling: the Fourier series of a map at more places.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::enlarging_maps::fourier_series;
use super::promises::Promises;
use super::upsampler::{Enlargement, FixedUpsampler, SideRule, Upsampler};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{SeparableMap, separable};
use crate::pass::Pass;
use crate::switches::Switches;

/// Interpolates by the Fourier series of each channel. [`SpectralUpsample::CARD`] has the definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectralUpsample {}

impl Upsampler for SpectralUpsample {
    const NAME: &'static str = "spectral_upsample";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "The Fourier series of each channel, read at more places: band-limited interpolation.",
        formula: "y = irfft2 of rfft2(x) with zeros for the frequencies that x does not have · h'w'/(hw); the highest \
                  frequency of an even side is shared between its two signs",
        shape: "[n, c, h', w'] for any h' ≥ h, w' ≥ w",
        boundary: "circular, as the Fourier transform is",
        cost: "dense matrices: about h + w multiplications; no weights",
        source: "Rippel, Snoek and Adams, arXiv 1506.03767 (the adjoint of its pooling); SciPy's signal.resample",
        note: "It goes through the cells of x where h' and w' are multiples. `spectral_pool` gives x back but for the highest \
               frequency of even sides. Putting that frequency on one sign alone would not help: on the way back half of \
               it is lost in the column of frequency 0, and the series would miss the cells.",
    };
    const PARTNER: &'static str = "spectral_pool";

    fn examples() -> Vec<Self> {
        vec![Self::default()]
    }

    fn promises(&self) -> Promises {
        Promises { shifts_with_the_input: true, ..Promises::FIXED }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        Ok(())
    }

    fn sides(&self) -> SideRule {
        SideRule::NotSmaller
    }

    fn cells_read(&self, enlargement: &Enlargement) -> usize {
        enlargement.input[1].max(enlargement.input[2])
    }
}

impl FixedUpsampler for SpectralUpsample {
    fn compute(
        &self,
        x: Tensor<4>,
        [rows, columns]: [usize; 2],
        _switches: &Switches,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let map = SeparableMap::new(fourier_series(height, rows), fourier_series(width, columns));
        separable(x, map, pass.engine)
    }
}
