//! Explanations of a unit or a class in an image: the registry. Gradient, deconvnet, guided backpropagation, Grad-CAM, integrated gradients.

mod class_map;
mod integrated;
mod interface;
mod patches;
mod picture;
mod randomisation;
mod region;
mod signal;
mod signal_file;
mod strip;
mod target;
mod unconditional;

pub use class_map::{ClassMap, class_maps};
pub use integrated::{Attribution, integrated_gradients};
pub use interface::{DEFAULT_STEPS, Explanation, ExplanationRequest, Explanations};
pub use patches::{Patch, UnitPatches, strongest_patches};
pub use picture::{ContactSheet, input_picture, map_picture, signal_picture};
pub use randomisation::{RandomisationStep, randomisation_check, rank_correlation};
pub use region::Region;
pub use signal::{Signals, signals};
pub use signal_file::write_signals;
pub use strip::{Strip, strips};
pub use target::{Choice, Place, Target};
pub use unconditional::unconditional_signals;

use allconv_nets::ReluRule;

/// Every explanation, in the order of the documentation.
pub static EXPLANATIONS: [&dyn Explanation; 5] = [
    &signal::GRADIENT,
    &signal::DECONVNET,
    &signal::GUIDED,
    &class_map::GradCam,
    &integrated::IntegratedGradients,
];

/// Returns the explanations that are signals of a unit, with the rule of the rectifiers.
pub fn signal_explanations() -> impl Iterator<Item = (&'static str, ReluRule)> {
    EXPLANATIONS.into_iter().filter_map(|explanation| Some((explanation.name(), explanation.signal_rule()?)))
}
