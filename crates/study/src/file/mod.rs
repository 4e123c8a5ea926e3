//! Study files: syntax, checks of keys and values, and the positions of errors.

mod arms;
mod choices;
mod claim_groups;
mod claims;
mod disclosures;
mod document;
mod factors;
mod fields;
mod keys;
mod limits;
mod matched_arms;
mod matching;
mod node;
mod parse;
mod read;
mod reference;
mod refusals;
mod schema;
mod search;
mod secondary;
mod sections;
mod sequential;
mod set;
mod settings;
mod study_file;

pub use arms::Arm;
pub use choices::{Correction, TestKind};
pub use claims::{Claim, Contrast};
pub use document::StudyFileError;
pub(crate) use document::nearest_name;
pub use factors::Factor;
pub(crate) use fields::quoted;
pub use matching::CostQuantity;
pub use reference::Reference;
pub use schema::schema;
pub use search::{Halving, Search};
pub use sections::SECTION_NAMES;
pub use sequential::Sequential;
pub use set::with_settings;
pub use settings::{Baseline, Comparison, Primary, Seeds};
pub use study_file::StudyFile;

pub use crate::metric::Better;
