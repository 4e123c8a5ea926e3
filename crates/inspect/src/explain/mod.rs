//! What a unit or a class saw in an image: gradient, deconvnet, guided backpropagation, Grad-CAM, integrated gradients.

mod class_map;
mod integrated;
mod patches;
mod picture;
mod randomisation;
mod signal;
mod signal_file;
mod strip;
mod target;
mod unconditional;

pub use class_map::{ClassMap, class_maps};
pub use integrated::{Attribution, integrated_gradients};
pub use patches::{Patch, Region, UnitPatches, strongest_patches};
pub use picture::{ContactSheet, input_picture, map_picture, signal_picture};
pub use randomisation::{RandomisationStep, randomisation_check, rank_correlation};
pub use signal::{Signals, signals};
pub use signal_file::{SIGNAL_RULES, write_signals};
pub use strip::{STRIP_METHODS, Strip, strips};
pub use target::{Choice, Place, Target};
pub use unconditional::unconditional_signals;
