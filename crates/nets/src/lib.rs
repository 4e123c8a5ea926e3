//! Networks: the paper's architectures and those of dense tasks, their shapes and costs, and the networks themselves as Burn modules.
//!
//! - [`NetworkSpec`] describes a network in plain values; [`models`] holds the paper's by name.
//! - [`walk()`] gives its shapes, parameters and costs without a tensor.
//! - [`Network`] is the network itself, a Burn module. Its stages are in [`layers`].
//! - [`Slot`] and [`UpsamplePair`] are an operator, and a pair of operators, without a network around them. The operators themselves
//!   are in `allconv-operators`.
//!
//! # Example
//!
//! A network is described, walked, made, and called:
//!
//! ```
//! use allconv_nets::{Engine, Mode, Network, NetworkSpec, images_to_tensor, walk};
//! use burn::tensor::Device;
//!
//! let spec: NetworkSpec = toml::from_str(
//!     r#"
//!     architecture = { springenberg = { base = "c", width = 0.25 } }
//!     downsample = { blur_pool = { taps = 3 } }
//!     "#,
//! )?;
//!
//! // Shapes and costs need no tensor.
//! let walk = walk(&spec, [3, 32, 32], 10)?;
//! assert_eq!((walk.parameters(), walk.receptive_field()), (60_706, 27));
//!
//! let device = Device::flex();
//! let mut network = Network::initialise(&spec, [3, 32, 32], 10, 0, Engine::detect(), &device)?;
//! let images = || images_to_tensor(vec![0.5; 2 * 32 * 32 * 3], [2, 32, 32, 3], &device);
//! assert_eq!(network.forward(images(), Mode::Evaluate).dims(), [2, 10]);
//!
//! // Parameters are called as those of a PyTorch `nn.Sequential` of the same stages.
//! assert_eq!(network.parameters()[0].path, "features.1.weight");
//! network.replace(|path, values| if path.ends_with("bias") { values.fill(0.1) });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod architectures;
mod branches;
mod cost_match;
mod description;
mod error;
mod forward_pass;
pub mod layers;
mod lowering;
mod mode;
pub mod models;
mod network;
mod norm;
mod normalise_layer;
mod operator_pair;
mod parameters;
mod receptive_field;
mod rounding;
mod slot;
mod stage;
mod stage_name;
mod stage_shape;
mod targets;
mod walk;
mod walk_branches;

pub use allconv_operators::parameters::Parameter;
pub use allconv_operators::{
    Bias, Border, ConvolutionSpec, DownsampleConfig, Engine, InitialWeights, Initialisation, MaxPoolRule,
    OperatorError, Pass, ReluRule, SignalRules, SwitchKind, Switches, UpsampleConfig, images_to_tensor,
};
pub use architectures::{
    AllCnnImagenet, Architecture, Autoencoder, Base, Blocks, Edsr, LargeAllCnn, ListedConvolution,
    ListedStage, OutputKind, Resnet, Shortcut, SkipOverAll, Springenberg, Stages, SuperResolutionUNet, UNet,
    Vgg, VggHead,
};
pub use cost_match::MATCH_TOLERANCE;
pub use description::{CostMatch, CostQuantity, NetworkSpec, walk};
pub use error::DescriptionError;
pub use mode::Mode;
pub use network::{Network, Trace};
pub use norm::Norm;
pub use operator_pair::{UpsamplePair, slot_parameters};
pub use parameters::ParameterError;
pub use rounding::ChannelRounding;
pub use slot::Slot;
pub use stage::{ActivationKind, NormaliseKind, NormaliseSpec, StageSpec, Target, UpsampleSpec};
pub use stage_name::{StageName, WeightForm};
pub use stage_shape::StageShape;
pub use walk::{Walk, walk_stages};
