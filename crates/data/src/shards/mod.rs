//! Sets of encoded images in tar shards, with an index for random access: nothing is decoded before it is read.
//!
//! A set is a folder `imported/NAME.shards`:
//!
//! | file | what |
//! |---|---|
//! | `set.json` | [`SetHeader`]: classes, counts, hashes, the shards' names and sizes |
//! | `index.bin` | a [`Record`] of 40 bytes for each sample: training, validation, test samples, each in the order of class and file |
//! | `train-000000.tar` … | shards in the WebDataset layout: for each sample its image as it came (`KEY.jpg`) and its class number (`KEY.cls`) |

//!
//! Of a set whose images lie in shards that others made, the folder holds links to these.

mod index;
mod set;
mod write;

pub use index::Record;
pub(crate) use index::check_of;
pub(crate) use set::HEADER_FILE;
pub use set::{SetHeader, ShardFile, ShardedSet};
pub(crate) use write::{Contents, NewSample, SetWriter, check_free, write_linked};
