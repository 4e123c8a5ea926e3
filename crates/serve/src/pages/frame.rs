//! The frame of a page: head, navigation, status, controls.

use std::sync::LazyLock;

use allconv_document::html::style_sheet;
use maud::{DOCTYPE, Markup, html};

use super::content::View;
use crate::routes::Page;

/// Series that a legend can hide.
const SERIES: usize = 256;

/// The style sheet: that of reports, and that of the frame.
pub(crate) static STYLE: LazyLock<String> =
    LazyLock::new(|| style_sheet(SERIES) + include_str!("../assets/app.css"));

/// The script.
pub(crate) const SCRIPT: &str = include_str!("../assets/app.js");

/// States that rows can be filtered by.
const STATES: [&str; 7] = ["running", "done", "failed", "diverged", "stuck", "interrupted", "left"];

/// Returns the whole page.
pub(crate) fn frame(view: &View, page: &Page, base: &str) -> String {
    let content = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (view.title) " · allconv" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (base) "/assets/style.css" };
                script src={ (base) "/assets/app.js" } defer {}
            }
            body data-events={ (base) "/events" (page.path()) } {
                a.skip href="#content" { "Skip to the content" }
                header {
                    nav.kicker aria-label="Pages above" {
                        @for (name, path) in &view.above { a href={ (base) (path) } { (name) } " › " }
                        @if view.above.is_empty() { "allconv serve" }
                    }
                    h1 { (view.title) }
                }
                (bar(view, page))
                main id="content" tabindex="-1" {
                    @for (name, content) in &view.sections { section id=(name) { (content) } }
                }
                footer { "Read only. The page shows what the run directories hold; it changes nothing." }
            }
        }
    };
    content.into_string() + "\n"
}

/// The line that stays in view: what happens now, and the controls.
fn bar(view: &View, page: &Page) -> Markup {
    // The page of a run has no table of runs.
    let is_filtered = !matches!(page, Page::Run(..));
    html! {
        div.bar {
            p id="status" role="status" { (view.status) }
            div.controls {
                @if is_filtered {
                    label { "Show runs with " input id="filter" type="search" placeholder="arm, seed, state, …"; }
                    label {
                        "State "
                        select id="state" {
                            option value="" { "all" }
                            @for state in STATES { option { (state) } }
                        }
                    }
                }
                button id="pause" type="button" aria-pressed="false" { "Pause" }
                span id="connection" role="status" { noscript { "Without its script this page shows one moment: reload it." } }
            }
        }
    }
}
