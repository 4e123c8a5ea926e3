//! Paths below the token, and what lies there.

use crate::http::{decoded, encoded};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// All studies.
    Overview,
    /// The study of this name.
    Study(String),
    /// The run of this study with this folder.
    Run(String, String),
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A page.
    Page(Page),
    /// The changes of a page.
    Events(Page),
    /// A file of the program.
    Asset(Asset),
    /// A file of the report of a study: its name, and the path below the report's folder.
    Report(String, Vec<String>),
}

/// The files of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    Style,
    Script,
}

impl Page {
    /// Returns the path of the page below the token.
    pub(crate) fn path(&self) -> String {
        match self {
            Page::Overview => "/".to_owned(),
            Page::Study(study) => format!("/study/{}", encoded(study)),
            Page::Run(study, run) => format!("/study/{}/run/{}", encoded(study), encoded(run)),
        }
    }
}

/// Returns what a path below the token names; it begins with `/`. Names are looked up, never used as paths, but those of a report, which
/// hold neither separators nor a dot at the beginning.
pub(crate) fn route(path: &str) -> Option<Route> {
    let parts: Vec<String> = path.strip_prefix('/')?.split('/').map(decoded).collect::<Option<_>>()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["assets", "style.css"] => Some(Route::Asset(Asset::Style)),
        ["assets", "app.js"] => Some(Route::Asset(Asset::Script)),
        ["study", study, "report", below @ ..] if !below.is_empty() => {
            below.iter().all(|part| is_file_name(part)).then(|| {
                Route::Report((*study).to_owned(), below.iter().map(|part| (*part).to_owned()).collect())
            })
        }
        ["events", page @ ..] => self::page(page).map(Route::Events),
        page => self::page(page).map(Route::Page),
    }
}

fn page(parts: &[&str]) -> Option<Page> {
    match parts {
        [""] => Some(Page::Overview),
        ["study", study] => Some(Page::Study((*study).to_owned())),
        ["study", study, "run", run] => Some(Page::Run((*study).to_owned(), (*run).to_owned())),
        _ => None,
    }
}

/// Returns whether a part of a path is the plain name of a file or folder.
fn is_file_name(part: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_their_paths() {
        let pages = [
            Page::Overview,
            Page::Study("a b/ü".to_owned()),
            Page::Run("pilot".to_owned(), "max_pool-s0-0a1b".to_owned()),
        ];
        for page in pages {
            assert_eq!(route(&page.path()), Some(Route::Page(page.clone())));
            assert_eq!(route(&format!("/events{}", page.path())), Some(Route::Events(page)));
        }
        assert_eq!(route("/assets/app.js"), Some(Route::Asset(Asset::Script)));
    }

    #[test]
    fn no_path_of_a_report_leads_out_of_it() {
        let report = |path: &str| route(&format!("/study/pilot/report/{path}"));
        let figure = vec!["figures".to_owned(), "curve-training.svg".to_owned()];
        assert_eq!(report("figures/curve-training.svg"), Some(Route::Report("pilot".to_owned(), figure)));
        for path in [
            "",
            "..",
            "../run.json",
            "%2e%2e/run.json",
            "..%2frun.json",
            "figures/../../run.json",
            "//etc/passwd",
            "%2fetc%2fpasswd",
            ".hidden",
            "a%00b",
            "a\\..\\b",
            "C:",
        ] {
            assert_eq!(report(path), None, "{path}");
        }
    }
}
