//! Pages: a frame that stays, and sections that are sent again when they change.

mod content;
mod curves;
mod frame;
mod overview;
mod run;
mod study;
mod tables;

use crate::routes::Page;
use crate::store::Store;

pub(crate) use content::View;
pub(crate) use frame::{SCRIPT, STYLE, frame};

/// Returns a page; `None` where there is no such study or run. Links begin with `base`, the path of the token.
pub(crate) fn view(store: &Store, page: &Page, base: &str) -> Option<View> {
    match page {
        Page::Overview => Some(overview::view(store, base)),
        Page::Study(name) => Some(study::view(name, store.study(name)?, base)),
        Page::Run(study, run) => run::view(study, store.study(study)?.live.run(run)?),
    }
}
