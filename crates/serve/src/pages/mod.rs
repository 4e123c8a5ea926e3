//! Pages: a frame that stays, and sections that are sent again when they change.

mod curves;
mod frame;
mod overview;
mod run;
mod study;
mod tables;

use maud::Markup;

use crate::routes::Page;
use crate::store::Store;

pub(crate) use frame::{SCRIPT, STYLE, frame};

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

/// Returns a page; `None` where there is no such study or run. Links begin with `base`, the path of the token.
pub(crate) fn view(store: &Store, page: &Page, base: &str) -> Option<View> {
    match page {
        Page::Overview => Some(overview::view(store, base)),
        Page::Study(name) => Some(study::view(name, store.study(name)?, base)),
        Page::Run(study, run) => run::view(study, store.study(study)?.live.run(run)?),
    }
}
