//! The architectures: each turns its settings into a list of stages.

mod all_cnn_imagenet;
mod builder;
mod large_all_cnn;
mod springenberg;

pub use all_cnn_imagenet::AllCnnImagenet;
pub use large_all_cnn::LargeAllCnn;
pub use springenberg::{Base, Springenberg};
