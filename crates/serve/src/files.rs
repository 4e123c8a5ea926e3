//! The files of a written report.

use std::fs;
use std::path::Path;

use allconv_document::html;

use crate::http::Response;
use crate::live::is_contained;

/// The largest file that is sent.
const MOST_BYTES: u64 = 64 << 20;

/// Returns a file below the folder of a report; `None` where there is none, or links lead out of the folder.
pub(crate) fn report_file(folder: &Path, below: &[String]) -> Option<Response> {
    let path = below.iter().fold(folder.to_path_buf(), |path, part| path.join(part));
    let content_type = match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "csv" | "tex" | "md" => "text/plain; charset=utf-8",
        _ => return None,
    };
    // The folder of the report is checked together with its file: it may be a link itself.
    let study = folder.parent()?.canonicalize().ok()?;
    let about = fs::metadata(&path).ok()?;
    if !about.is_file() || about.len() > MOST_BYTES || !is_contained(&study, &path) {
        return None;
    }
    let response = Response::of(content_type, fs::read(&path).ok()?);
    // A report runs its own script, which may read nothing of the other pages: it has an origin of its own.
    Some(response.under(format!("{}; sandbox allow-scripts; frame-ancestors 'none'", html::policy())))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_study_and_other_files_are_not_sent() {
        let place = tempfile::tempdir().unwrap();
        let report = place.path().join("pilot/report");
        std::fs::create_dir_all(&report).unwrap();
        let secret = place.path().join("secret.json");
        std::fs::write(&secret, "{}").unwrap();
        std::fs::write(report.join("index.html"), "<p>").unwrap();
        std::fs::write(report.join("notes.sh"), "").unwrap();
        std::os::unix::fs::symlink(&secret, report.join("results.json")).unwrap();
        let sent = |name: &str| report_file(&report, &[name.to_owned()]).is_some();
        assert!(sent("index.html"));
        assert!(!sent("results.json") && !sent("notes.sh") && !sent("absent.html"));
        let linked = place.path().join("other/report");
        std::fs::create_dir_all(place.path().join("other")).unwrap();
        std::os::unix::fs::symlink(&report, &linked).unwrap();
        assert!(report_file(&linked, &["index.html".to_owned()]).is_none());
    }
}
