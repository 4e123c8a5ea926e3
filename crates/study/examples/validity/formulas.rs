//! Each formula by itself, from thousands of drawn studies with known truth; whole studies are simulated in the modules next to it.
//!
//! Every bound is the stated rate ± 4 standard errors of a proportion over the number of studies, so a right implementation fails
//! about once in 16,000 runs with a new seed, and never with this one.
use allconv_study::stats::*;

use crate::draw::Normal;

const STUDIES: usize = 4000;
const ALPHA: f64 = 0.05;
const SEED: u64 = 20_141_221;

fn normal() -> Normal {
    Normal::of(SEED, 0)
}

fn differences(arm: &[f64], baseline: &[f64]) -> Vec<f64> {
    arm.iter().zip(baseline).map(|(value, other)| value - other).collect()
}

/// Whether a count over [`STUDIES`] is compatible with a rate.
#[track_caller]
fn compatible(hits: usize, rate: f64) {
    let found = hits as f64 / STUDIES as f64;
    let error = (rate * (1.0 - rate) / STUDIES as f64).sqrt();
    assert!(
        (found - rate).abs() < 4.0 * error,
        "seed {SEED}: rate {found:.4}, stated {rate:.4} ± {error:.4}"
    );
}

#[track_caller]
fn at_most(hits: usize, rate: f64) {
    let found = hits as f64 / STUDIES as f64;
    let error = (rate * (1.0 - rate) / STUDIES as f64).sqrt();
    assert!(found < rate + 4.0 * error, "seed {SEED}: rate {found:.4}, stated at most {rate:.4}");
}

#[test]
fn without_a_difference_each_test_rejects_as_often_as_it_says() {
    let mut normal = normal();
    let (mut paired, mut welch, mut flips, mut ranks) = (0, 0, 0, 0);
    for _ in 0..STUDIES {
        let study = normal.study(&[0.0, 0.0], 8);
        let differences = differences(&study[1], &study[0]);
        paired += usize::from(paired_t_test(&differences).unwrap().p <= ALPHA);
        flips += usize::from(sign_flip_p(&differences).unwrap() <= ALPHA);
        ranks += usize::from(wilcoxon_p(&differences).unwrap() <= ALPHA);
        // Welch's test takes the arms as unpaired, so its truth is a study without anything shared.
        let unpaired: Vec<Vec<f64>> = (0..2).map(|_| (0..8).map(|_| normal.draw()).collect()).collect();
        welch += usize::from(welch_test(&unpaired[1], &unpaired[0]).unwrap().p <= ALPHA);
    }
    compatible(paired, ALPHA);
    // Exact tests over few seeds are a step function of α: 12 of 256 patterns, and for ranks 10 of 256.
    compatible(flips, 12.0 / 256.0);
    compatible(ranks, 10.0 / 256.0);
    at_most(welch, ALPHA);
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    let mut normal = normal();
    let (mut mean, mut paired, mut effect, mut share) = (0, 0, 0, 0);
    for _ in 0..STUDIES {
        let study = normal.study(&[3.0, 4.0], 6);
        let differences = differences(&study[1], &study[0]);
        let covers = |interval: Interval, truth: f64| interval.low <= truth && truth <= interval.high;
        mean += usize::from(covers(mean_interval(&study[0], 0.95).unwrap(), 3.0));
        paired += usize::from(covers(mean_interval(&differences, 0.95).unwrap(), 1.0));
        // The differences have standard deviation √2; the interval is scaled by the same J as the value.
        let unbiased = 1.0 - 3.0 / (4.0 * 5.0 - 1.0);
        let truth = unbiased / 2.0_f64.sqrt();
        if share < 500 {
            share += 1;
            effect += usize::from(covers(paired_effect_size(&differences, 0.95).unwrap().interval, truth));
        }
    }
    compatible(mean, 0.95);
    compatible(paired, 0.95);
    // 500 studies: 0.95 ± 4 · 0.0097.
    assert!((effect as f64 / 500.0 - 0.95).abs() < 0.039, "effect size intervals cover {effect} of 500");
}

#[test]
fn holm_keeps_the_family_and_no_correction_does_not() {
    let mut normal = normal();
    let (mut corrected, mut uncorrected) = (0, 0);
    for _ in 0..STUDIES {
        // One true difference among five: claims about the other four are false.
        let study = normal.study(&[0.0, 0.0, 0.0, 0.0, 0.0, 3.0], 6);
        let p: Vec<f64> =
            (1..6).map(|arm| paired_t_test(&differences(&study[arm], &study[0])).unwrap().p).collect();
        corrected += usize::from(holm(&p)[..4].iter().any(|p| *p <= ALPHA));
        uncorrected += usize::from(p[..4].iter().any(|p| *p <= ALPHA));
    }
    at_most(corrected, ALPHA);
    assert!(
        uncorrected as f64 / STUDIES as f64 > 1.5 * ALPHA,
        "the simulation would notice a missing correction"
    );
}

#[test]
fn benjamini_hochberg_keeps_the_proportion_of_false_claims() {
    let mut normal = normal();
    let mut shares = 0.0;
    for _ in 0..STUDIES {
        let study = normal.study(&[0.0, 0.0, 0.0, 2.0, 3.0, 3.0], 6);
        let p: Vec<f64> =
            (1..6).map(|arm| paired_t_test(&differences(&study[arm], &study[0])).unwrap().p).collect();
        let corrected = benjamini_hochberg(&p);
        let claims = corrected.iter().filter(|p| **p <= ALPHA).count();
        let false_claims = corrected[..2].iter().filter(|p| **p <= ALPHA).count();
        shares += false_claims as f64 / claims.max(1) as f64;
    }
    let found = shares / STUDIES as f64;
    assert!(found < ALPHA, "seed {SEED}: {found:.4} of the claims are false");
}

#[test]
fn equivalence_is_claimed_wrongly_at_most_as_often_as_stated() {
    let mut normal = normal();
    let (mut wrong, mut right) = (0, 0);
    for _ in 0..STUDIES {
        // The true difference lies exactly on the margin: the worst case.
        let on_margin = normal.study(&[0.0, 2.5], 9);
        wrong += usize::from(tost_p(&differences(&on_margin[1], &on_margin[0]), 2.5).unwrap() <= ALPHA);
        let equal = normal.study(&[0.0, 0.0], 9);
        right += usize::from(tost_p(&differences(&equal[1], &equal[0]), 2.5).unwrap() <= ALPHA);
    }
    compatible(wrong, ALPHA);
    assert!(right as f64 / STUDIES as f64 > 0.95, "equal arms are nearly always shown equivalent: {right}");
}

#[test]
fn planted_differences_are_found_with_the_predicted_power() {
    let mut normal = normal();
    for (shift, seeds) in [(1.0, 9), (2.0, 5), (1.5, 12)] {
        let mut found = 0;
        for _ in 0..STUDIES {
            let study = normal.study(&[0.0, shift], seeds);
            found += usize::from(paired_t_test(&differences(&study[1], &study[0])).unwrap().p <= ALPHA);
        }
        compatible(found, paired_t_power(shift / 2.0_f64.sqrt(), seeds as u32, ALPHA));
    }
}

#[test]
fn proportions_are_covered_by_wilsons_interval_on_average() {
    let mut normal = normal();
    for rate in [0.05, 0.2, 0.5] {
        let mut covered = 0;
        for _ in 0..STUDIES {
            let lost = (0..40).filter(|_| normal.uniform() < rate).count();
            let interval = wilson_interval(lost, 40, 0.95).unwrap();
            covered += usize::from(interval.low <= rate && rate <= interval.high);
        }
        // Discreteness moves the coverage by a few points around 95 %; Brown, Cai and DasGupta (2001), figure 5.
        let found = covered as f64 / STUDIES as f64;
        assert!((0.92..0.98).contains(&found), "rate {rate}: covered {found:.3}");
    }
}

#[test]
fn friedman_rejects_as_often_as_it_says_when_there_are_blocks_enough() {
    let mut normal = normal();
    let (mut rejected, mut paired_apart) = (0, 0);
    let critical_difference = nemenyi_critical_difference(ALPHA, 4, 20);
    for _ in 0..STUDIES {
        let study = normal.study(&[0.0; 4], 20);
        let rows: Vec<Vec<f64>> = (0..20).map(|seed| study.iter().map(|arm| arm[seed]).collect()).collect();
        let test = friedman(&rows).unwrap();
        rejected += usize::from(test.p <= ALPHA);
        let least = test.mean_ranks.iter().copied().fold(f64::INFINITY, f64::min);
        let most = test.mean_ranks.iter().copied().fold(0.0, f64::max);
        paired_apart += usize::from(most - least > critical_difference);
    }
    // χ² approximates the exact distribution of ranks from below.
    at_most(rejected, ALPHA);
    at_most(paired_apart, ALPHA);
    assert!(rejected as f64 / STUDIES as f64 > 0.035, "{rejected}");
}

/// The looks of a sequential study: how many claims it makes, and after how many seeds on average it stops.
fn sequential_studies(shift: f64, looks: &[u32]) -> (usize, f64) {
    let mut normal = normal();
    let levels = look_levels(ALPHA, looks);
    let (mut claims, mut seeds) = (0, 0.0);
    for _ in 0..STUDIES {
        let last = *looks.last().unwrap();
        let study = normal.study(&[0.0, shift], last as usize);
        let differences = differences(&study[1], &study[0]);
        let rejected = looks
            .iter()
            .zip(&levels)
            .find(|(look, level)| paired_t_test(&differences[..**look as usize]).unwrap().p <= **level);
        claims += usize::from(rejected.is_some());
        seeds += f64::from(rejected.map_or(last, |(look, _)| *look));
    }
    (claims, seeds / STUDIES as f64)
}

#[test]
fn looking_early_keeps_the_error_rate_and_looking_carelessly_does_not() {
    for looks in [&[5, 7, 9][..], &[5, 6, 7, 8, 9, 10, 11, 12], &[10, 20]] {
        let (claims, _) = sequential_studies(0.0, looks);
        at_most(claims, ALPHA);
        assert!(claims as f64 / STUDIES as f64 > 0.4 * ALPHA, "{claims} claims: stricter than it need be");
    }
    // The negative control: the full α at every look.
    let mut normal = normal();
    let mut claims = 0;
    for _ in 0..STUDIES {
        let study = normal.study(&[0.0, 0.0], 12);
        let differences = differences(&study[1], &study[0]);
        claims += usize::from((5..=12).any(|n| paired_t_test(&differences[..n]).unwrap().p <= ALPHA));
    }
    assert!(claims as f64 / STUDIES as f64 > 1.8 * ALPHA, "{claims} claims");
}

#[test]
fn a_large_difference_is_found_early() {
    // Differences have standard deviation √2: three of them is an effect of 3.
    let (claims, seeds) = sequential_studies(3.0 * 2.0_f64.sqrt(), &[5, 7, 9]);
    assert!(claims as f64 > 0.99 * STUDIES as f64, "{claims} claims");
    assert!(seeds < 7.0, "stops after {seeds} seeds on average");
}

#[test]
fn equal_arms_are_shown_equivalent_with_the_predicted_power() {
    let mut normal = normal();
    for (margin, n) in [(1.0, 9_u32), (0.8, 20), (1.5, 5)] {
        let mut hits = 0;
        for _ in 0..STUDIES {
            let differences: Vec<f64> = (0..n).map(|_| normal.draw()).collect();
            hits += usize::from(tost_p(&differences, margin).unwrap() <= ALPHA);
        }
        compatible(hits, equivalence_power(margin, n, ALPHA));
    }
}

/// Verdicts of invented studies on three claims, each of two contrasts of arms 1, 2, 3 against arm 0: wrong ones and supported ones.
fn studies_with_claims(
    shifts: &[f64; 4],
    claims: &[[(usize, Statement, f64); 2]; 3],
    truths: [bool; 3],
) -> (usize, [usize; 3]) {
    let mut normal = normal();
    let (mut wrong, mut supported) = (0, [0; 3]);
    for _ in 0..STUDIES {
        let study = normal.study(shifts, 8);
        let mut is_wrong = false;
        for (index, claim) in claims.iter().enumerate() {
            let parts = claim.map(|(arm, statement, margin)| {
                evidence(&differences(&study[arm], &study[0]), statement, margin).unwrap()
            });
            let joint = evidence_for_all(&parts);
            let level = ALPHA / claims.len() as f64;
            let (is_supported, is_contradicted) = (joint.p_for <= level, joint.p_against <= level);
            assert!(!(is_supported && is_contradicted));
            is_wrong |= if truths[index] { is_contradicted } else { is_supported };
            supported[index] += usize::from(is_supported);
        }
        wrong += usize::from(is_wrong);
    }
    (wrong, supported)
}

#[test]
fn verdicts_on_claims_at_their_bounds_are_wrong_at_most_as_often_as_stated() {
    use Statement::{Equivalent, Higher, Lower, NotHigher, NotLower};
    // Every claim is false by a hair: one of its contrasts lies exactly on its bound, the other is as true as can be.
    let shifts = [0.0, 0.0, 5.0, 5.0];
    let claims = [
        [(1, Higher, 0.0), (2, Higher, 0.0)],
        [(2, Equivalent, 5.0), (1, Equivalent, 50.0)],
        [(3, NotHigher, 5.0), (2, NotLower, 0.5)],
    ];
    let (wrong, supported) = studies_with_claims(&shifts, &claims, [false; 3]);
    at_most(wrong, ALPHA);
    // Each alone is supported at its own level α/3, so that the bound is not empty.
    for count in supported {
        compatible(count, ALPHA / 3.0);
    }
    // Every claim is true by a hair: both contrasts lie on their bounds, where contradicting them is likeliest.
    let shifts = [0.0, -1e-9, 1e-9, 0.0];
    let claims = [
        [(1, Lower, 0.0), (2, Higher, 0.0)],
        [(1, NotHigher, 1e-9), (2, NotLower, 1e-9)],
        [(3, NotHigher, 1e-9), (2, Higher, 0.0)],
    ];
    let (wrong, _) = studies_with_claims(&shifts, &claims, [true; 3]);
    at_most(wrong, ALPHA);
    assert!(wrong as f64 / STUDIES as f64 > 0.3 * ALPHA, "{wrong}: stricter than it need be");
}

#[test]
fn true_claims_are_supported_false_ones_contradicted_and_a_claim_without_correction_would_be_noticed() {
    use Statement::{Equivalent, Higher, Lower};
    let shifts = [0.0, 0.0, 5.0, -5.0];
    let claims = [
        [(2, Higher, 0.0), (3, Lower, 0.0)],
        [(1, Equivalent, 4.0), (2, Higher, 1.0)],
        // False in its second part alone.
        [(2, Higher, 0.0), (3, Higher, 0.0)],
    ];
    let (wrong, supported) = studies_with_claims(&shifts, &claims, [true, true, false]);
    assert_eq!(wrong, 0);
    assert!(
        supported[0] as f64 > 0.95 * STUDIES as f64 && supported[1] as f64 > 0.85 * STUDIES as f64,
        "{supported:?}"
    );
    assert_eq!(supported[2], 0);
    // The negative control: ten claims on their edge, each at the full α.
    let mut normal = normal();
    let mut wrong = 0;
    for _ in 0..STUDIES {
        let study = normal.study(&[0.0; 11], 8);
        let is_supported =
            |arm: usize| evidence(&differences(&study[arm], &study[0]), Higher, 0.0).unwrap().p_for <= ALPHA;
        wrong += usize::from((1..11).any(is_supported));
    }
    assert!(
        wrong as f64 / STUDIES as f64 > 3.0 * ALPHA,
        "the simulation would notice a missing correction: {wrong}"
    );
}

#[test]
fn intervals_from_the_spread_of_all_arms_cover_the_truth_as_often_as_they_say() {
    let mut normal = normal();
    let mut covered = 0;
    for _ in 0..STUDIES {
        let study = normal.study(&[3.0, 4.0, 3.5, 2.0], 6);
        let rows: Vec<Vec<f64>> = (0..6).map(|seed| study.iter().map(|arm| arm[seed]).collect()).collect();
        let mean = differences(&study[1], &study[0]).iter().sum::<f64>() / 6.0;
        let interval = pooled_spread(&rows).unwrap().interval(mean, 0.95, 1.0);
        covered += usize::from(interval.low <= 1.0 && 1.0 <= interval.high);
    }
    compatible(covered, 0.95);
}

#[test]
fn the_interval_of_a_crossing_covers_it_as_often_as_it_says() {
    let mut normal = normal();
    let (mut covered, mut open) = (0, 0);
    for _ in 0..STUDIES {
        // Lines about 4 − 2x, whose mean slope is shown in every study.
        let lines: Vec<(f64, f64)> =
            (0..8).map(|_| (4.0 + 0.6 * normal.draw(), -2.0 + 0.2 * normal.draw())).collect();
        match crossing(&lines, 0.95).unwrap().interval {
            Some(interval) => covered += usize::from(interval.low <= 2.0 && 2.0 <= interval.high),
            None => open += 1,
        }
    }
    assert_eq!(open, 0);
    compatible(covered, 0.95);
}

#[test]
fn a_plan_says_how_often_a_statement_is_shown_and_refuted() {
    let mut normal = normal();
    for (statement, difference) in [
        (Statement::NotHigher, 0.4),
        (Statement::Higher, 2.0),
        (Statement::Equivalent, 0.3),
        (Statement::Equivalent, 1.8),
    ] {
        let (mut shown, mut refuted) = (0, 0);
        for _ in 0..STUDIES {
            let differences: Vec<f64> = (0..9).map(|_| difference + normal.draw()).collect();
            let found = evidence(&differences, statement, 1.0).unwrap();
            shown += usize::from(found.p_for <= ALPHA);
            refuted += usize::from(found.p_against <= ALPHA);
        }
        let plan = StatementPlan { statement, margin: 1.0, difference, spread: 1.0, n: 9 };
        compatible(shown, chance_shown(plan, ALPHA).clamp(0.001, 0.999));
        compatible(refuted, chance_refuted(plan, ALPHA).clamp(0.001, 0.999));
    }
}

#[test]
fn folds_that_depend_on_each_other_need_their_correction() {
    let mut normal = normal();
    let (mut plain, mut corrected) = (0, 0);
    for _ in 0..STUDIES {
        // Five folds whose differences share a part with the correlation ρ = 0.2 that a test set of a fifth is taken for.
        let shared = 0.2_f64.sqrt() * normal.draw();
        let folds: Vec<f64> = (0..5).map(|_| shared + 0.8_f64.sqrt() * normal.draw()).collect();
        let excludes = |values: &[f64]| {
            let interval = mean_interval(values, 0.95).unwrap();
            interval.low > 0.0 || interval.high < 0.0
        };
        plain += usize::from(excludes(&folds));
        corrected += usize::from(excludes(&widened(&folds, fold_factor(5, 0.25))));
    }
    assert!(plain as f64 / STUDIES as f64 > 2.0 * ALPHA, "{plain} of {STUDIES} without correction");
    compatible(corrected, ALPHA);
}
