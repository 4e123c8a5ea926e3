//! Tests of the whole report: same bytes, nothing fetched, no run lost, no markup injected.

mod many_runs;
mod markup;

use super::*;
use crate::file::StudyFile;
use crate::matrix::plan;
use crate::testing::{
    append_metric, lengths_study_text, small_study_text, write_pictures, write_run,
    write_run_with_validation, write_scores,
};
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
    std::str::from_utf8(&files.iter().find(|file| file.path == path).unwrap().content).unwrap()
}

#[test]
fn the_same_runs_give_the_same_bytes_wherever_they_lie() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let study = study(6);
    let reports = [first, second].map(|folder| report_files(&filled(folder.path(), &study), &()));
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn the_page_fetches_nothing_and_text_from_outside_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let files = report_files(&filled(folder.path(), &study), &());
    let page = content(&files, "index.html");
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    for forbidden in
        ["<script>alert", " src=", "href=\"h", "http://", "https://", "@import", "url('", "url(h", "url(/"]
    {
        assert!(!page.contains(forbidden), "the page contains {forbidden}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert_eq!(page.matches("<script").count(), 2, "the embedded data and the page's own script");
}

#[test]
fn lost_runs_are_listed_with_their_reason_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let files = report_files(&filled(folder.path(), &study), &());
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
fn arms_matched_in_cost_are_listed_with_their_cost_ratio() {
    let folder = tempfile::tempdir().unwrap();
    let text = small_study_text(2).replace("alpha = 0.05", "alpha = 0.05, match = \"parameters\"");
    let matched = StudyFile::parse("small.toml", text).unwrap();
    let files = report_files(&filled(folder.path(), &matched), &());
    // The fake networks have 1000, 2000 and 3000 parameters.
    assert!(
        content(&files, "index.html")
            .contains("<code>strided</code>: 200.0 % of the parameters of <code>max_pool</code>")
    );
    assert!(content(&files, "paper.md").contains("- `all_conv`: 300.0 % of the parameters of `max_pool`"));
    let json: serde_json::Value = serde_json::from_str(content(&files, "results.json")).unwrap();
    assert_eq!(json["arms"][2]["matched"]["share"], 3.0);
    assert!(json["arms"][0].get("matched").is_none());
    let plain = tempfile::tempdir().unwrap();
    let files = report_files(&filled(plain.path(), &study(2)), &());
    assert!(!content(&files, "index.html").contains("Matched in cost"));
}

#[test]
fn the_json_parses_names_its_schema_and_agrees_with_the_csv() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let results = filled(folder.path(), &study);
    let files = report_files(&results, &());
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
    let page = report_files(&filled(folder.path(), &study), &());
    let text = content(&page, "index.html");
    assert!(text.contains("is shown to be worse than"), "strided is one point worse without noise");
    assert!(text.contains("too few seeds for a verdict"), "all_conv has four pairs left");
    let folder = tempfile::tempdir().unwrap();
    let study = self::study(3);
    let page = report_files(&filled(folder.path(), &study), &());
    assert!(!content(&page, "index.html").contains("is shown to be"));
}

#[test]
fn a_grid_on_validation_examples_chooses_a_level_for_each_row_once_its_runs_have_ended() {
    let errors = [[0.30, 0.20, 0.25], [0.30, 0.25, 0.22], [0.40, 0.35, 0.33]];
    let text = lengths_study_text(1).replace("split = \"test\"", "split = \"valid\"");
    let study = StudyFile::parse("small.toml", text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for planned in plan(&study) {
        let [rule, length] = study.arms[planned.arm_index].levels[..] else { panic!("two factors") };
        if (rule, length) != (2, 0) {
            write_run_with_validation(folder.path(), &planned, errors[rule][length]);
        }
    }
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    let files = report_files(&results, &());
    let paper = content(&files, "paper.md");
    for row in [
        "| `max_pool` | 30.00 | **20.00** | 25.00 | middle |",
        "| `strided` | 30.00 | 25.00 | **22.00** | long, an end of the grid |",
        "| `all_conv` | – | 35.00 | 33.00 | open |",
    ] {
        assert!(paper.contains(row), "{row} is not in {paper}");
    }
    assert!(paper.contains("6 comparisons with at most one pair of seeds"), "{paper}");
    let on_test = StudyFile::parse("small.toml", lengths_study_text(1)).unwrap();
    let results = StudyResults::collect(&on_test, &[folder.path().to_path_buf()]).unwrap();
    assert!(!content(&report_files(&results, &()), "paper.md").contains("end of the grid"));
}

#[test]
fn figures_are_files_of_their_own_and_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let files = report_files(&filled(folder.path(), &study), &());
    let figures: Vec<&ReportFile> = files.iter().filter(|file| file.path.ends_with(".svg")).collect();
    let names: Vec<&str> = figures.iter().map(|file| file.path.as_str()).collect();
    for name in &names {
        let picture = files.iter().find(|file| file.path == name.replace(".svg", ".png")).unwrap();
        assert!(picture.content.starts_with(b"\x89PNG"), "{name}");
    }
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
        let text = std::str::from_utf8(&figure.content).unwrap();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{}", figure.path);
        for element in ["svg", "g", "text", "path", "line", "circle"] {
            let opened =
                text.matches(&format!("<{element} ")).count() + text.matches(&format!("<{element}>")).count();
            let closed = text.matches(&format!("</{element}>")).count();
            assert_eq!(opened, closed, "{element} in {}", figure.path);
        }
    }
}

/// Runs of a study about segmentation with scores, pictures, another metric and claims.
fn filled_segmentation(folder: &Path) -> (StudyFile, StudyResults) {
    let claims = r#"secondary = ["boundary_f1"]
[claims.replaces]
text = "A convolution replaces <pooling>."
contrasts = [{ of = "all_conv", against = "max_pool", shows = "not_higher", margin = 0.05 }]
[base.data]"#;
    let text = small_study_text(6)
        .replace("metric = \"error\"", "metric = \"pixel_error\"")
        .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005")
        .replace("[base.data]", claims);
    let study = StudyFile::parse("masks.toml", text).unwrap();
    for planned in plan(&study) {
        let run = write_run(folder, &planned, Status::Finished, None);
        let noise = 0.001 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
        append_metric(&run, "pixel_error", 0.08 + 0.002 * planned.arm_index as f64 + noise);
        append_metric(&run, "boundary_f1", 0.7 + noise);
        append_metric(&run, "iou_1", 0.9 - noise);
        write_scores(&run, "pixel_error", 9, |image| 0.05 + 0.01 * image as f64 + noise);
        write_pictures(&run, &["slice_<1>"], |_| 64);
    }
    let results = StudyResults::collect(&study, &[folder.to_path_buf()]).unwrap();
    (study, results)
}

#[test]
fn claims_other_metrics_images_and_pictures_are_on_the_page_and_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (_, results) = filled_segmentation(folder.path());
    assert!(results.warnings.is_empty(), "{:?}", results.warnings);
    let files = report_files(&results, &());
    let page = content(&files, "index.html");
    for expected in [
        "Fixed in the study file: two arms count as equivalent when their difference in test pixel error",
        "holds here</span>",
        "A convolution replaces &lt;pooling&gt;.",
        "at most 5.00\u{a0}pp higher",
        "Test boundary F1 (%), higher is better",
        "Test IoU 1 (%), higher is better",
        "Each image",
        "alt=\"slice_&lt;1&gt;, all_conv\" src=\"data:image/png;base64,",
        "pixel error 25.00\u{a0}%",
    ] {
        // The pictures' metric is called `error` by the helper that writes them.
        let expected = expected.replace("pixel error 25", "error 25");
        assert!(page.contains(&expected), "{expected} is not on the page");
    }
    let figures: Vec<&str> = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| path.starts_with("figures/metric"))
        .collect();
    assert_eq!(
        figures,
        [
            "figures/metric-boundary-f1.svg",
            "figures/metric-boundary-f1.png",
            "figures/metric-iou-1.svg",
            "figures/metric-iou-1.png"
        ]
    );
    // The answer precedes everything else.
    assert!(page.find("A convolution replaces").unwrap() < page.find("<figure>").unwrap());
    let json: serde_json::Value = serde_json::from_str(content(&files, "results.json")).unwrap();
    assert_eq!(json["claims"][0]["verdict"], "supported");
    assert_eq!(json["claims"][0]["contrasts"][0]["shows"], "not_higher");
    assert_eq!(json["secondary"][0]["metric"], "boundary_f1");
    assert_eq!(json["images"].as_array().unwrap().len(), 9);
    assert_eq!(json["comparisons"][0]["images"]["images"], 9);
    let csv = content(&files, "metrics.csv");
    assert_eq!(csv.lines().filter(|line| line.contains(",test,iou_1,")).count(), 18);
    let paper = content(&files, "paper.md");
    assert!(paper.contains("- **holds here**: A convolution replaces"), "{paper}");
    assert!(paper.contains("### Test boundary F1"), "{paper}");
}

#[test]
fn disclosures_and_the_number_of_families_are_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let (study, _) = filled_segmentation(folder.path());
    let text = study.text().replace("primary", "disclosures = [\"Nine <seeds> were planned.\"]\nprimary");
    let study = StudyFile::parse("masks.toml", text).unwrap();
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    let files = report_files(&results, &());
    let readme = published_files(&results).remove(0);
    let readme = std::str::from_utf8(&readme.content).unwrap();
    assert!(content(&files, "index.html").contains("Disclosed.</strong> Nine &lt;seeds&gt; were planned."));
    assert!(readme.contains("> **Disclosed.** Nine"), "{readme}");
    for page in [content(&files, "index.html"), content(&files, "paper.md"), readme] {
        // Differences, equivalences, the planned metric, all pairs.
        assert!(page.contains("The one claim is the confirmatory family"), "{page}");
        assert!(page.contains("This page holds 4 families of tests beside it"), "{page}");
        assert!(page.contains("at most 2α = 0.1"), "{page}");
        assert!(page.contains("No run was lost."), "{page}");
    }
    let json: serde_json::Value = serde_json::from_str(content(&files, "results.json")).unwrap();
    assert_eq!(json["disclosures"][0], "Nine <seeds> were planned.");
    assert_eq!(
        (&json["families"]["confirmatory"], json["families"]["exploratory"].as_array().unwrap().len()),
        (&1.into(), 4)
    );
    assert_eq!(json["claims"][0]["label"], "holds here");
    assert!(
        json["claims"][0]["sentence"].as_str().unwrap().starts_with("Holds in the set-up of this study.")
    );
}

#[test]
fn differences_come_with_their_parts_their_chances_and_no_times() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    for planned in plan(&study) {
        let noise = 0.001 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
        let error = 0.3 + 0.02 * planned.arm_index as f64 + noise;
        let run = write_run(folder.path(), &planned, Status::Finished, Some(error));
        crate::testing::append_training_metric(&run, "error", error - 0.1);
    }
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    let files = report_files(&results, &());
    let readme = published_files(&results).remove(0);
    let readme = std::str::from_utf8(&readme.content).unwrap();
    for page in [content(&files, "index.html"), content(&files, "paper.md"), readme] {
        assert!(page.contains("Where the differences come from"), "{page}");
        assert!(page.contains("with dropout and augmentation"), "{page}");
        assert!(page.contains("Worse by more than 0.50 percentage points: > 99.9"), "{page}");
        assert!(page.contains("with the spread of all arms"), "{page}");
        assert!(!page.contains("training time") && !page.contains("images/s"), "{page}");
    }
    assert!(readme.contains("| `strided` − `max_pool` | +"), "{readme}");
    let json: serde_json::Value = serde_json::from_str(content(&files, "results.json")).unwrap();
    assert_eq!(json["gap"]["rows"].as_array().unwrap().len(), 2);
    let chances = &json["comparisons"][0]["practical"];
    let sum: f64 = ["worse", "within", "better"].iter().map(|name| chances[name].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-12);
    assert!(json["pooled"]["standard_deviation"].as_f64().unwrap() > 0.0);
    assert_eq!(json["arms"][0]["training_seconds"], 12.5, "what was recorded is not lost");
}

#[test]
fn a_study_without_any_run_and_one_with_one_arm_still_give_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(6);
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    assert!(content(&report_files(&results, &()), "index.html").contains("18 runs: 18 left"));
    let text = small_study_text(6);
    let end = text.find("[arms.strided").unwrap();
    let alone = StudyFile::parse("alone.toml", text[..end].to_string()).unwrap();
    let results = filled(folder.path(), &alone);
    assert!(content(&report_files(&results, &()), "index.html").contains("nothing to compare"));
}

#[test]
fn the_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(2);
    let files = report_files(&filled(folder.path(), &study), &());
    let target = folder.path().join("report");
    write_report(&files, &target).unwrap();
    for file in &files {
        assert_eq!(std::fs::read(target.join(&file.path)).unwrap(), file.content);
    }
}
