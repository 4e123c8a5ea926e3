//! Downsampling operators, the paper's architectures, their shapes and costs, and the bridge from Burn to the kernels.
//!
//! - [`NetworkSpec`] describes a network in plain values; [`models`] holds the paper's by name.
//! - [`walk()`] gives its shapes, parameters and costs without a tensor.
//! - [`Network`] is the network itself, a Burn module.
//! - [`downsample`] is the registry of what may stand in its slot, [`upsample`] that of the ways back up; [`ops`] holds
//!   the custom operators underneath.

#![forbid(unsafe_code)]

#[path = "../../operators/src/activated.rs"]
mod activated;
mod architectures;
#[path = "../../operators/src/axis_maps.rs"]
mod axis_maps;
mod branches;
#[path = "../../operators/src/description.rs"]
mod card;
mod cost_match;
#[cfg(test)]
mod dense_net;
mod description;
#[path = "../../operators/src/downsample/mod.rs"]
pub mod downsample;
#[path = "../../operators/src/initialise.rs"]
mod initialise;
pub mod layers;
pub mod models;
mod network;
mod normalise_layer;
#[path = "../../operators/src/operations/mod.rs"]
pub mod ops;
#[path = "../../operators/src/parameter_source.rs"]
mod parameter_source;
#[path = "../../operators/src/parameters.rs"]
mod parameters;
#[path = "../../operators/src/pass.rs"]
mod pass;
mod receptive_field;
#[path = "../../operators/src/signal_rules.rs"]
mod signal_rules;
mod stage;
#[path = "../../operators/src/switches.rs"]
mod switches;
mod targets;
#[cfg(test)]
mod tests;
#[path = "../../operators/src/upsample/mod.rs"]
pub mod upsample;
mod walk;
mod walk_branches;
#[cfg(test)]
mod whole_net;

pub use allconv_kernels::Engine;
pub use architectures::{
    AllCnnImagenet, Autoencoder, Base, Blocks, Edsr, LargeAllCnn, Norm, SkipOverAll, Springenberg,
    SuperResolutionUNet, UNet,
};
pub use cost_match::{ChannelRounding, CostMatch, CostQuantity, MATCH_TOLERANCE};
pub use description::{Architecture, DescriptionError, NetworkSpec, OutputKind};
pub use downsample::DownsampleConfig;
pub use initialise::Initialisation;
pub use network::{Mode, Network, Trace};
pub use ops::images_to_tensor;
pub use parameter_source::ParameterSource;
pub use parameters::{Parameter, ParameterError};
pub use pass::{Draws, Pass};
pub use signal_rules::{MaxPoolRule, ReluRule, SignalRules};
pub use stage::{
    ActivationKind, Border, ConvolutionSpec, InitialWeights, NormaliseKind, NormaliseSpec, StageSpec, Target,
    UpsampleSpec,
};
pub use switches::{PhaseShares, Shares, SwitchKind, Switches};
pub use upsample::UpsampleConfig;
pub use walk::{StageShape, Walk, Window, walk, walk_stages};
