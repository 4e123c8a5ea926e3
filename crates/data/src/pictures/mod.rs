//! Pictures of different sizes, with or without label maps: what super-resolution, restoration and segmentation learn from.

mod divide;
mod example;
mod open;
pub mod pack;
mod test_sets;

pub use divide::Fold;
pub use example::{IGNORED, PictureDataset, PictureExample, PictureSource};
pub use open::{PictureOptions, open_pictures};
pub use test_sets::TestSets;
