//! The report as a whole: same bytes, nothing fetched, nothing lost, nothing injected.

use super::*;
use crate::matrix::plan;
use crate::testing::{small_study_text, write_run};
use allconv_record::Status;

fn study(seeds: u32) -> StudyFile {
    let text = small_study_text(seeds)
        .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005")
        .replace("pooling?\"", "pooling? <script>alert(1)</script> & more\"")
        .replace("primary", "caveat = \"Invented data.\"\nprimary");
    StudyFile::parse("small.toml", text).unwrap()
}

fn filled(folder: &Path, study: &StudyFile) -> StudyResults {
    for planned in plan(study) {
        let error = 0.1
            + 0.01 * planned.arm_index as f64
            + 0.001 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
        let (status, error) = match (planned.arm.as_str(), planned.seed) {
            ("all_conv", 1) => (Status::Diverged, None),
            ("all_conv", 2) => (Status::Stuck, None),
            _ => (Status::Finished, Some(error)),
        };
        write_run(folder, &planned, status, error);
    }
    StudyResults::collect(study, &[folder.to_path_buf()]).unwrap()
}

fn content<'a>(files: &'a [ReportFile], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap().content
}

#[test]
fn the_same_runs_give_the_same_bytes_wherever_they_lie() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let study = study(6);
    let reports = [first, second].map(|folder| report_files(&study, &filled(folder.path(), &study)));
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn the_page_fetches_nothing_and_text_from_outside_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let files = report_files(&study, &filled(folder.path(), &study));
    let page = content(&files, "index.html");
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    for forbidden in
        ["<script>alert", "src=", "href=", "http://", "https://", "@import", "url('", "url(h", "url(/"]
    {
        assert!(!page.contains(forbidden), "the page contains {forbidden}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert_eq!(page.matches("<script").count(), 1, "the embedded data alone");
}

#[test]
fn lost_runs_are_listed_with_their_reason_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let files = report_files(&study, &filled(folder.path(), &study));
    for path in ["index.html", "results.csv", "results.json"] {
        let content = content(&files, path);
        assert!(
            content.contains("was diverged on purpose") && content.contains("was stuck on purpose"),
            "{path}"
        );
    }
    assert!(content(&files, "index.html").contains("18 runs: 16 done, 1 diverged, 1 stuck"));
}

#[test]
fn the_json_parses_names_its_schema_and_agrees_with_the_csv() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let results = filled(folder.path(), &study);
    let files = report_files(&study, &results);
    let json: serde_json::Value = serde_json::from_str(content(&files, "results.json")).unwrap();
    assert_eq!(json["schema"], RESULTS_SCHEMA);
    assert_eq!(json["arms"][0]["mean"].as_f64(), results.arms[0].summary.map(|summary| summary.mean));
    let lines: Vec<&str> = content(&files, "results.csv").lines().collect();
    assert_eq!(lines.len(), 1 + 18);
    let columns = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == columns));
    for (line, run) in lines[1..].iter().zip(json["runs"].as_array().unwrap()) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[6].parse::<f64>().ok(), run["value"].as_f64());
    }
    // The page embeds the same object.
    let page = content(&files, "index.html");
    let start = page.find("id=\"results\">").unwrap() + "id=\"results\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    let embedded: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
    assert_eq!(embedded, json);
}

#[test]
fn the_sentences_say_what_was_shown_and_below_five_seeds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let page = report_files(&study, &filled(folder.path(), &study));
    let text = content(&page, "index.html");
    assert!(text.contains("is shown to be worse than"), "strided is one point worse without noise");
    assert!(text.contains("intervals only"), "all_conv has four pairs left");
    let folder = tempfile::tempdir().unwrap();
    let study = self::study(3);
    let page = report_files(&study, &filled(folder.path(), &study));
    assert!(!content(&page, "index.html").contains("is shown to be"));
}

#[test]
fn figures_are_files_of_their_own_and_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let files = report_files(&study, &filled(folder.path(), &study));
    let figures: Vec<&ReportFile> = files.iter().filter(|file| file.path.ends_with(".svg")).collect();
    let names: Vec<&str> = figures.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        names,
        [
            "figures/results.svg",
            "figures/curve-validation.svg",
            "figures/curve-training-loss.svg",
            "figures/cost-parameters.svg"
        ]
    );
    for figure in figures {
        assert!(!figure.content.contains("NaN") && !figure.content.contains("inf"), "{}", figure.path);
        for element in ["svg", "g", "text", "path", "line", "circle"] {
            let opened = figure.content.matches(&format!("<{element} ")).count()
                + figure.content.matches(&format!("<{element}>")).count();
            let closed = figure.content.matches(&format!("</{element}>")).count();
            assert_eq!(opened, closed, "{element} in {}", figure.path);
        }
    }
}

#[test]
fn a_study_without_any_run_and_one_with_one_arm_still_give_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    assert!(content(&report_files(&study, &results), "index.html").contains("18 runs: 18 left"));
    let text = small_study_text(6);
    let end = text.find("[arms.strided").unwrap();
    let alone = StudyFile::parse("alone.toml", text[..end].to_string()).unwrap();
    let results = filled(folder.path(), &alone);
    assert!(content(&report_files(&alone, &results), "index.html").contains("nothing to compare"));
}

#[test]
fn the_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(2);
    let files = report_files(&study, &filled(folder.path(), &study));
    let target = folder.path().join("report");
    write_report(&files, &target).unwrap();
    for file in &files {
        assert_eq!(std::fs::read_to_string(target.join(&file.path)).unwrap(), file.content);
    }
}
