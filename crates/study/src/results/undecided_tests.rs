//! Tests of comparisons without a verdict: without spread, at chance level, without runs.

use allconv_record::{Outcome, Outcomes, Status};

use super::*;
use crate::file::StudyFile;
use crate::matrix::{PlannedRun, plan};
use crate::report::report_files;
use crate::testing::{append_metric, small_study_text, write_run};

const TESTS: [&str; 4] = ["paired-t", "permutation", "wilcoxon", "welch"];

const CLAIM: &str = "[claims.c]\ntext = \"Alike.\"\ncontrasts = [{ of = \"strided\", against = \"max_pool\", shows = \"not_higher\", margin = 0.005 }]\n[base.data]";

fn study(test: &str, seeds: u32) -> StudyFile {
    let compare = format!("alpha = 0.05, equivalence_margin = 0.005, test = \"{test}\"");
    let text = small_study_text(seeds).replace("alpha = 0.05", &compare).replace("[base.data]", CLAIM);
    StudyFile::parse("small.toml", text).unwrap()
}

/// The results of runs with these test errors; a run without one diverged.
fn collected(study: &StudyFile, error: impl Fn(&PlannedRun) -> Option<f64>) -> (StudyResults, String) {
    let folder = tempfile::tempdir().unwrap();
    for planned in plan(study) {
        let error = error(&planned);
        let status = if error.is_some() { Status::Finished } else { Status::Diverged };
        write_run(folder.path(), &planned, status, error);
    }
    read(study, folder.path())
}

/// The results with the draft of the paper.
fn read(study: &StudyFile, folder: &std::path::Path) -> (StudyResults, String) {
    let results = StudyResults::collect(study, &[folder.to_path_buf()]).unwrap();
    let paper = report_files(&results, &()).into_iter().find(|file| file.path == "paper.md").unwrap();
    (results, String::from_utf8(paper.content).unwrap())
}

#[test]
fn a_difference_that_is_the_same_in_every_seed_is_undecided_by_every_test_and_claim() {
    for test in TESTS {
        // Welch's test reads the arms' own spreads; the others that of the differences.
        let spread = if test == "welch" { 0.0 } else { 0.01 };
        let (results, paper) = collected(&study(test, 7), |planned| {
            let base = 0.1 + spread * planned.seed as f64;
            Some(base + 0.125 * planned.arm_index as f64)
        });
        for comparison in &results.comparisons {
            assert_eq!(comparison.verdict, Verdict::NoSpread, "{test}");
            assert_eq!(
                (comparison.p, comparison.equivalence_p, comparison.effect),
                (None, None, None),
                "{test}"
            );
            assert_eq!((comparison.permutation_p, comparison.wilcoxon_p), (None, None), "{test}");
            assert_eq!(comparison.interval, None, "{test}");
        }
        let claim = &results.claims[0];
        assert_eq!((claim.verdict, claim.contrasts[0].evidence), (ClaimVerdict::NoSpread, None), "{test}");
        assert!(results.pairs.iter().all(|pair| pair.corrected_p.is_none() && pair.interval.is_none()));
        assert!(
            paper.contains(
                "in test error is the same in every seed: +12.50 percentage points (n\u{a0}=\u{a0}7)"
            ),
            "{paper}"
        );
        assert_eq!(paper.matches("Without any spread between the seeds").count(), 3, "{paper}");
    }
}

#[test]
fn arms_that_are_identical_in_every_seed_are_equivalent_by_every_test() {
    for test in TESTS {
        for spread in [0.0, 0.01] {
            let (results, _) = collected(&study(test, 7), |planned| Some(0.1 + spread * planned.seed as f64));
            // Without pairing, seven seeds that spread this widely show nothing.
            let expected =
                if test == "welch" && spread > 0.0 { Verdict::NotShown } else { Verdict::Equivalent };
            assert!(results.comparisons.iter().all(|comparison| comparison.verdict == expected), "{test}");
        }
    }
}

#[test]
fn differences_in_the_last_bit_show_nothing() {
    let (results, _) = collected(&study("paired-t", 6), |planned| {
        let error = 0.1 + 0.01 * planned.seed as f64;
        let noise = [1e-17, 2e-17, 1.5e-17, 3e-17, 1e-17, 2e-17][planned.seed as usize];
        Some(error * (1.0 + planned.arm_index as f64 * 1e-15) + noise * planned.arm_index as f64)
    });
    for comparison in &results.comparisons {
        assert_eq!((comparison.verdict, comparison.p), (Verdict::Equivalent, None));
        assert_eq!(comparison.mean_difference, Some(0.0));
    }
}

/// Writes runs with outcomes of 1,000 examples of ten classes, so many of them wrong.
fn with_outcomes(folder: &std::path::Path, study: &StudyFile, wrong: impl Fn(&PlannedRun) -> u32) {
    for planned in plan(study) {
        let wrong = wrong(&planned);
        let run = write_run(folder, &planned, Status::Finished, Some(f64::from(wrong) / 1000.0));
        let of_example = |sample: u32| {
            let label = (sample % 10) as u16;
            let predicted = if sample < wrong { (label + 1) % 10 } else { label };
            Outcome { sample, label, predicted, loss: 1.0 }
        };
        run.write_outcomes(&Outcomes((0..1000).map(of_example).collect())).unwrap();
    }
}

#[test]
fn two_arms_that_learned_nothing_are_not_called_equivalent() {
    let study = study("paired-t", 6);
    let folder = tempfile::tempdir().unwrap();
    with_outcomes(folder.path(), &study, |planned| {
        let level = if planned.arm == "all_conv" { 300 } else { 901 };
        level + (planned.seed as u32 >> planned.arm_index) % 2
    });
    let (results, paper) = read(&study, folder.path());
    let anchor = results.anchor.as_ref().unwrap();
    assert_eq!((anchor.value, anchor.runs), (0.9, 18));
    assert!(results.comparisons[0].equivalence_p.unwrap() < 0.01);
    assert_eq!(results.comparisons[0].verdict, Verdict::AtChance);
    assert!(matches!(results.comparisons[1].verdict, Verdict::Shown(_)));
    assert_eq!(results.claims[0].verdict, ClaimVerdict::AtChance);
    assert!(
        paper.contains("always naming the most frequent class reaches a test error of 90.00\u{a0}%"),
        "{paper}"
    );
    assert!(
        paper.contains("Neither `strided` nor `max_pool` is better in test error than always naming"),
        "{paper}"
    );
    // The same closeness far from chance is equivalence.
    let folder = tempfile::tempdir().unwrap();
    with_outcomes(folder.path(), &study, |planned| 200 + (planned.seed as u32 >> planned.arm_index) % 2);
    let (results, _) = read(&study, folder.path());
    assert_eq!(results.comparisons[0].verdict, Verdict::Equivalent);
    assert_eq!(results.claims[0].verdict, ClaimVerdict::Holds);
}

#[test]
fn networks_that_are_no_better_than_bicubic_are_not_called_equivalent() {
    let text = small_study_text(6)
        .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.5")
        .replace("metric = \"error\"", "metric = \"psnr_y\"")
        .replace("better = \"lower\"", "better = \"higher\"");
    let study = StudyFile::parse("small.toml", text).unwrap();
    for (level, expected) in [(30.0, Verdict::AtChance), (35.0, Verdict::Equivalent)] {
        let folder = tempfile::tempdir().unwrap();
        for planned in plan(&study) {
            let run = write_run(folder.path(), &planned, Status::Finished, None);
            let noise = 0.01 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
            append_metric(&run, "psnr_y", level + noise);
            append_metric(&run, "bicubic_psnr_y", 33.0);
        }
        let (results, _) = read(&study, folder.path());
        assert!(results.comparisons.iter().all(|comparison| comparison.verdict == expected));
    }
}

#[test]
fn an_arm_that_lost_all_of_its_runs_differs_from_one_whose_runs_are_missing() {
    let study = study("paired-t", 6);
    let noise = |planned: &PlannedRun| 0.001 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
    let (results, paper) =
        collected(&study, |planned| (planned.arm != "strided").then(|| 0.2 + noise(planned)));
    assert_eq!(results.comparisons[0].verdict, Verdict::Lost);
    assert_eq!(results.warnings, ["Arm strided has no result: all 6 runs diverged."]);
    assert!(
        paper.contains("`strided` cannot be compared with `max_pool`: of `strided`, all 6 runs diverged."),
        "{paper}"
    );
    assert!(!paper.contains("No seed has"), "{paper}");
    assert_eq!(results.claims[0].verdict, ClaimVerdict::Lost);
    // The baseline lost the first three seeds, the arm the others.
    let (results, paper) = collected(&study, |planned| {
        let is_lost = match planned.arm.as_str() {
            "max_pool" => planned.seed < 3,
            "strided" => planned.seed >= 3,
            _ => false,
        };
        (!is_lost).then(|| 0.2 + noise(planned))
    });
    assert_eq!(results.comparisons[0].verdict, Verdict::Lost);
    assert!(
        paper.contains("no seed has a value for both (of `strided`, 3 of 6 runs diverged; of `max_pool`"),
        "{paper}"
    );
    // Runs that are still to be made are waited for.
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(&study, folder.path()).0.comparisons[0].verdict, Verdict::NoPairs);
}
