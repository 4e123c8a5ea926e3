//! A downsampling operator and the upsampling operator that undoes it, with their parameters.

use allconv_kernels::{Activation, Engine};
use allconv_operators::parameters::{Parameter, in_double_precision, parameters_of};
use allconv_operators::{
    Destination, DownsampleConfig, Enlargement, Initialisation, OperatorError, OperatorLayer,
    ParameterSource, Pass, Switches, UpsampleConfig,
};
use burn::tensor::{Device, Tensor};

use crate::error::DescriptionError;
use crate::mode::Mode;
use crate::network::Network;
use crate::slot::Slot;
use crate::stage::ActivationKind;
use crate::walk::walk_stages;

/// A downsampling operator and its upsampling operator for maps of one size, without a network around them.
///
/// ```
/// use allconv_nets::{DownsampleConfig, Engine, UpsampleConfig, UpsamplePair};
/// use burn::tensor::{Device, Int, Tensor};
///
/// let up = &UpsampleConfig::named("pixel_shuffle")?[0];
/// let down = &DownsampleConfig::named("pixel_unshuffle")?[0];
/// let pair = UpsamplePair::new(up, down, [3, 4, 6], &Engine::detect(), &Device::flex())?;
/// let x = Tensor::<1, Int>::arange(0..72, &Device::flex()).reshape([1, 3, 4, 6]).float();
/// let (reduced, switches) = pair.reduce(x.clone());
/// assert_eq!(reduced.dims(), [1, 12, 2, 3]);
/// assert_eq!(pair.enlarge(reduced, &switches).into_data(), x.into_data());
/// # Ok::<(), allconv_nets::DescriptionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct UpsamplePair {
    down: Network,
    up: OperatorLayer<UpsampleConfig>,
    enlargement: Enlargement,
}

impl UpsamplePair {
    /// Builds `up` after `down`, which reduces maps of `input` channels, rows and columns; their parameters start from seed 0.
    ///
    /// An upsampling operator that accepts any number of channels returns as many as `input` has.
    ///
    /// # Errors
    ///
    /// Operators that cannot be paired, or that refuse the shape.
    pub fn new(
        up: &UpsampleConfig,
        down: &DownsampleConfig,
        input: [usize; 3],
        engine: &Engine,
        device: &Device,
    ) -> Result<Self, DescriptionError> {
        up.check_pair(down)?;
        let mut stages = Vec::new();
        Slot::new(&mut stages, input[0], ActivationKind::Relu).place(down)?;
        let walk = walk_stages(&stages, input)?;
        let reduced = walk.stages.last().map_or(input, |stage| stage.output);
        let switches = down.switches();
        // Where the operator determines its output channels by those of its input, these are used.
        let channels =
            (1..=input[0]).rev().find(|channels| fits(up.channels_in(*channels, switches), reduced[0]));
        let output = [channels.unwrap_or(input[0]), input[1], input[2]];
        let enlargement = Enlargement { input: reduced, output, switches };
        up.check_shape(&enlargement).map_err(|reason| OperatorError::Unpaired {
            upsample: up.name(),
            downsample: down.name(),
            reason,
        })?;
        let initialisation = Initialisation::He;
        let source = ParameterSource { initialisation, seed: 0, path: "up".to_owned(), device };
        Ok(Self {
            down: Network::from_walk(&walk, initialisation, 0, engine.clone(), device),
            up: up.layer(&enlargement, &source),
            enlargement,
        })
    }

    /// Returns the input and output shape of the upsampling operator.
    pub fn enlargement(&self) -> &Enlargement {
        &self.enlargement
    }

    /// Returns whether one of the two has weights.
    pub fn is_learned(&self) -> bool {
        !self.parameters().is_empty() || !self.down.parameters().is_empty()
    }

    /// Returns the parameters of the upsampling operator.
    pub fn parameters(&self) -> Vec<Parameter> {
        parameters_of(&self.up)
    }

    /// Returns the reduced map of `x` `[n, c, h, w]`, and the switches for the upsampling operator.
    pub fn reduce(&self, x: Tensor<4>) -> (Tensor<4>, Switches) {
        let (reduced, switches) = self.down.forward_with_switches(x, Mode::Evaluate);
        (reduced, switches.into_iter().next_back().unwrap_or(Switches::None))
    }

    /// Returns a map with the height and width of the one that was reduced.
    ///
    /// # Panics
    ///
    /// When `x` does not have the shape of a reduced map, or the switches are another operator's.
    pub fn enlarge(&self, x: Tensor<4>, switches: &Switches) -> Tensor<4> {
        let [_, rows, columns] = self.enlargement.output;
        let to = Destination { size: [rows, columns], switches, activation: Activation::Identity };
        self.up.forward(x, &to, &Pass::evaluate(self.down.engine()))
    }

    /// Returns the same pair with all parameters in f64, for f64 maps.
    #[must_use]
    pub fn in_double_precision(self) -> Self {
        Self { down: self.down.in_double_precision(), up: in_double_precision(self.up), ..self }
    }
}

fn fits(needed: Option<usize>, entering: usize) -> bool {
    needed.is_none_or(|needed| needed == entering)
}

/// Returns the number of parameters of a downsampling operator with its own convolutions, for an input of `input` channels, rows and
/// columns.
///
/// # Errors
///
/// An operator that needs a stage before it, or that refuses the shape.
pub fn slot_parameters(down: &DownsampleConfig, input: [usize; 3]) -> Result<u64, DescriptionError> {
    let mut stages = Vec::new();
    Slot::new(&mut stages, input[0], ActivationKind::Relu).place(down)?;
    Ok(walk_stages(&stages, input)?.parameters())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_undoes_its_usual_partner() {
        let (engine, device) = (Engine::detect(), Device::flex());
        for name in UpsampleConfig::NAMES {
            let up = UpsampleConfig::named(name).unwrap().remove(0);
            let partner = up.partner();
            assert!(up.check_pair(&partner).is_ok(), "{name} and {}", partner.name());
            let pair = UpsamplePair::new(&up, &partner, [2, 8, 6], &engine, &device).unwrap();
            let (reduced, switches) = pair.reduce(Tensor::ones([3, 2, 8, 6], &device));
            assert_eq!(pair.enlarge(reduced, &switches).dims(), [3, 2, 8, 6], "{name}");
        }
    }

    #[test]
    fn every_setting_has_a_partner_and_no_name_is_in_both_registries() {
        for up in UpsampleConfig::examples() {
            assert!(up.check_pair(&up.partner()).is_ok(), "{up:?}");
        }
        for name in UpsampleConfig::NAMES {
            assert!(!DownsampleConfig::NAMES.contains(name), "{name}");
        }
    }

    #[test]
    fn an_impossible_pair_is_refused() {
        let up = UpsampleConfig::named("max_unpool").unwrap().remove(0);
        let down = DownsampleConfig::named("decimation").unwrap().remove(0);
        let error = UpsamplePair::new(&up, &down, [1, 4, 4], &Engine::detect(), &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("positions of the maxima"), "{error}");
    }
}
