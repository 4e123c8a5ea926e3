//! The registry of architectures: each turns its settings into a list of stages.
//!
//! Adding one means one new file and its line in [`architectures!`](self).

mod all_cnn_imagenet;
mod autoencoder;
mod builder;
mod dense_builder;
mod edsr;
mod large_all_cnn;
mod layout;
mod listed_stage;
mod named_builder;
mod resnet;
mod shortcut;
mod springenberg;
mod stages;
mod super_resolution_u_net;
mod u_net;
mod vgg;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use all_cnn_imagenet::AllCnnImagenet;
pub use autoencoder::Autoencoder;
pub use edsr::{Edsr, SkipOverAll};
pub use large_all_cnn::LargeAllCnn;
pub use layout::OutputKind;
pub(crate) use layout::{Layout, SharedSettings, SlotKind};
pub use listed_stage::{ListedConvolution, ListedStage};
pub use resnet::Resnet;
pub use shortcut::Shortcut;
pub use springenberg::{Base, Springenberg};
pub use stages::Stages;
pub use super_resolution_u_net::SuperResolutionUNet;
pub use u_net::{Blocks, UNet};
pub use vgg::{Vgg, VggHead};

/// Defines the enum of all architectures from one line each.
macro_rules! architectures {
    ($($(#[$documentation:meta])* $net:ident,)+) => {
        /// The architectures, each with its own settings.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Architecture {
            $($(#[$documentation])* $net($net),)+
        }

        impl Architecture {
            pub(crate) fn layout(&self) -> &dyn Layout {
                match self { $(Self::$net(net) => net,)+ }
            }

            /// Returns the factor on all channel counts but that of the classes.
            pub(crate) fn width(&self) -> f64 {
                match self { $(Self::$net(net) => net.width,)+ }
            }

            pub(crate) fn set_width(&mut self, width: f64) {
                match self { $(Self::$net(net) => net.width = width,)+ }
                // A list has no place for a width of its own.
                if let Self::Stages(list) = self {
                    list.multiply_width_in();
                }
            }
        }
    };
}

architectures! {
    /// The CIFAR networks A, B and C of tables 1 and 2.
    Springenberg,
    /// The network of appendix table 5, for 126×126 inputs.
    LargeAllCnn,
    /// The network of appendix table 6, for 224×224 inputs.
    AllCnnImagenet,
    /// A U-shaped network that returns a map of the image's height and width.
    UNet,
    /// A residual network that enlarges an image.
    Edsr,
    /// A U-shaped network with an enlarging head.
    SuperResolutionUNet,
    /// Residual networks for CIFAR and for ImageNet.
    Resnet,
    /// The networks of the Visual Geometry Group.
    Vgg,
    /// A classifier that is written as a list of its stages.
    Stages,
    /// An encoder, a bottleneck and a decoder, without skips.
    Autoencoder,
}
