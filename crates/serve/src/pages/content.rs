//! The content of a page.

use maud::Markup;

/// A page as it is now.
#[derive(Debug)]
pub(crate) struct View {
    /// The title.
    pub(crate) title: String,
    /// Pages above it: their names and paths below the token.
    pub(crate) above: Vec<(String, String)>,
    /// One sentence on what happens now, which screen readers read out when it changes.
    pub(crate) status: String,
    /// The sections with their names, in order; an empty one keeps its place for later.
    pub(crate) sections: Vec<(&'static str, Markup)>,
}
