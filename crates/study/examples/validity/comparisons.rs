//! Simulated studies about comparisons of arms with a baseline: what is said falsely, what intervals hold, and what is found.

use allconv_study::results::{ComparisonResult, Direction, StudyResults, Verdict};
use allconv_study::stats::{Interval, equivalence_power, paired_t_power, paired_t_test};

use crate::draw::Normal;
use crate::simulation::{Expected, Simulation};

pub(crate) const ALPHA: f64 = 0.05;
const LEVEL: f64 = 0.95;

/// Test error of the first arm, and standard deviation of a run about what all runs of its seed share.
const ERROR: f64 = 0.3;
pub(crate) const SPREAD: f64 = 0.005;

/// How runs spread.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    Normal,
    /// Every arm has bad seeds.
    Skewed,
    /// All arms but the baseline have.
    SkewedArms,
}

/// A question about the comparisons of a study.
#[derive(Clone, Copy)]
enum Question {
    FalseDifference,
    FalseEquivalence,
    AnythingFalse,
    PairedCoverage,
    PooledCoverage,
    UncorrectedFolds,
    Shown,
    Equivalent,
}

/// A study about arms whose true differences to the first one are known, in standard deviations of a run.
struct Truth {
    differences: Vec<f64>,
    margin: f64,
}

/// The text of a study with arms `a0`, the baseline, `a1` and so on; `margin` in standard deviations of a run.
pub(crate) fn study_text(arms: usize, seeds: usize, margin: f64, (top, data): (&str, &str)) -> String {
    let arm = |arm: usize| format!("[arms.a{arm}.net.downsample]\ninvented_{arm} = {{}}\n");
    format!(
        "question = \"Simulated?\"\nprimary = {{ metric = \"error\", split = \"test\", better = \"lower\" }}\n\
         compare = {{ baseline = \"a0\", test = \"paired-t\", alpha = {ALPHA}, correction = \"holm\", equivalence_margin = {} }}\n\
         seeds = {{ from = 0, count = {seeds} }}\n{top}\n[base.data]\ndataset = \"invented\"\n{data}\n[base.net]\nwidth = 0.25\n[base.train]\n\
         epochs = 1\n{}",
        margin * SPREAD,
        (0..arms).map(arm).collect::<String>()
    )
}

/// Test errors of arms with these true means, in standard deviations of a run.
pub(crate) fn errors(normal: &mut Normal, shifts: &[f64], (seeds, noise): (usize, Noise)) -> Vec<Vec<f64>> {
    let shared: Vec<f64> = (0..seeds).map(|_| 2.0 * normal.draw()).collect();
    let of_run = |arm: usize, normal: &mut Normal| match noise {
        Noise::Skewed => normal.skewed(),
        Noise::SkewedArms if arm > 0 => normal.skewed(),
        Noise::Normal | Noise::SkewedArms => normal.draw(),
    };
    let of_arm = |(arm, shift): (usize, &f64)| {
        shared.iter().map(|common| ERROR + SPREAD * (common + shift + of_run(arm, normal))).collect()
    };
    shifts.iter().enumerate().map(of_arm).collect()
}

/// Equal arms and arms on the margin.
pub(crate) fn families() -> Vec<Simulation> {
    use Question::{AnythingFalse, FalseDifference, FalseEquivalence, PairedCoverage, PooledCoverage};
    let at_most_alpha = Expected::AtMost(ALPHA);
    let covers = [(PairedCoverage, Expected::Exactly(LEVEL)), (PooledCoverage, Expected::Exactly(LEVEL))];
    let null = |arms: usize, seeds: usize| {
        let questions = [vec![(FalseDifference, at_most_alpha)], covers.to_vec()].concat();
        simulation(("equal arms", ""), &vec![0.0; arms], 2.0, (seeds, Noise::Normal), questions)
    };
    let margin = simulation(
        ("every arm on the margin", ""),
        &[0.0, 2.0, 2.0, 2.0],
        2.0,
        (9, Noise::Normal),
        vec![(FalseEquivalence, at_most_alpha)],
    );
    let both = simulation(
        ("one arm equal, one on a wide margin", ""),
        &[0.0, 0.0, 8.0],
        8.0,
        (9, Noise::Normal),
        vec![
            (FalseDifference, at_most_alpha),
            (FalseEquivalence, at_most_alpha),
            // Two families, each at α.
            (AnythingFalse, Expected::AtMost(2.0 * ALPHA)),
        ],
    );
    let skewed = simulation(
        ("equal arms, every arm with bad seeds", ""),
        &[0.0; 4],
        2.0,
        (9, Noise::Skewed),
        vec![(FalseDifference, at_most_alpha)],
    );
    vec![null(4, 5), null(4, 9), null(12, 5), skewed, margin, both]
}

/// Studies that look at their results before the last seed.
pub(crate) fn sequential() -> Vec<Simulation> {
    let looks = "sequential = { looks = [5, 7, 9] }";
    let at_most_alpha = Expected::AtMost(ALPHA);
    let null = ("equal arms, looks after 5, 7 and 9 seeds", looks);
    let margin = ("every arm on the margin, looks after 5, 7 and 9 seeds", looks);
    vec![
        simulation(null, &[0.0; 4], 0.1, (9, Noise::Normal), vec![(Question::AnythingFalse, at_most_alpha)]),
        simulation(
            margin,
            &[0.0, 3.0, 3.0, 3.0],
            3.0,
            (9, Noise::Normal),
            vec![(Question::AnythingFalse, at_most_alpha)],
        ),
    ]
}

/// A true difference, and none, with the chances that `study plan` computes; differences spread by √2 of a run.
pub(crate) fn power() -> Vec<Simulation> {
    let spread = 2.0_f64.sqrt();
    let differs = |difference: f64, seeds: usize| {
        let expected = paired_t_power(difference / spread, seeds as u32, ALPHA);
        let questions = vec![(Question::Shown, Expected::Exactly(expected))];
        let situation =
            format!("an arm that differs by {:.1} spreads of the differences", difference / spread);
        simulation((&situation, ""), &[0.0, difference], 0.1, (seeds, Noise::Normal), questions)
    };
    let equals = |margin: f64, seeds: usize| {
        let expected = equivalence_power(margin / spread, seeds as u32, ALPHA);
        let questions = vec![(Question::Equivalent, Expected::Exactly(expected))];
        let situation =
            format!("an equal arm, a margin of {:.1} spreads of the differences", margin / spread);
        simulation((&situation, ""), &[0.0, 0.0], margin, (seeds, Noise::Normal), questions)
    };
    vec![differs(1.7, 9), differs(2.5, 5), equals(1.7, 9), equals(2.5, 5)]
}

/// An arm with bad seeds and a baseline without.
pub(crate) fn skewed_arms() -> Vec<Simulation> {
    use Question::{FalseDifference, FalseEquivalence, PairedCoverage};
    let noise = (9, Noise::SkewedArms);
    let null = vec![(FalseDifference, Expected::Nothing), (PairedCoverage, Expected::Nothing)];
    let margin = vec![(FalseEquivalence, Expected::Nothing)];
    vec![
        simulation(("equal arms", ""), &[0.0; 4], 2.0, noise, null),
        simulation(("every arm on the margin", ""), &[0.0, 2.0, 2.0, 2.0], 2.0, noise, margin),
    ]
}

/// Five folds whose differences have the correlation for which the correction of Nadeau and Bengio is exact.
pub(crate) fn folds() -> Vec<Simulation> {
    let truth = Truth { differences: vec![0.0], margin: 0.1 };
    // A test set of a fifth, and 1/4 as many test as training examples: 1/5 + 1/4 = (1 + 4ρ) / 5 / (1 − ρ).
    let correlation: f64 = 0.2;
    let draw = move |normal: &mut Normal| {
        let shared = correlation.sqrt() * normal.draw();
        let baseline: Vec<f64> = (0..5).map(|_| ERROR + SPREAD * normal.draw()).collect();
        let difference = |error: &f64| error + SPREAD * (shared + (1.0 - correlation).sqrt() * normal.draw());
        let arm = baseline.iter().map(difference).collect();
        vec![baseline, arm]
    };
    let asked = [Question::FalseDifference, Question::PairedCoverage, Question::UncorrectedFolds];
    let expected_rates = [Expected::Exactly(ALPHA), Expected::Exactly(LEVEL), Expected::Nothing];
    let questions =
        asked.iter().zip(expected_rates).map(|(asked, expected)| (asked.text().to_owned(), expected));
    vec![Simulation {
        situation: "2 equal arms, 5 folds that correlate by 0.2".into(),
        text: study_text(2, 5, truth.margin, ("", "fold = { of = 5 }")),
        draw: Box::new(draw),
        questions: questions.collect(),
        evaluate: Box::new(move |_, results| {
            asked.iter().map(|asked| asked.answer(&truth, results)).collect()
        }),
    }]
}

fn simulation(
    (situation, top): (&str, &str),
    shifts: &[f64],
    margin: f64,
    (seeds, noise): (usize, Noise),
    asked: Vec<(Question, Expected)>,
) -> Simulation {
    let truth = Truth { differences: shifts[1..].to_vec(), margin };
    let shifts = shifts.to_vec();
    Simulation {
        situation: format!("{} arms, {seeds} seeds: {situation}", shifts.len()),
        text: study_text(shifts.len(), seeds, margin, (top, "")),
        questions: asked.iter().map(|(asked, expected)| (asked.text().to_owned(), *expected)).collect(),
        draw: Box::new(move |normal| errors(normal, &shifts, (seeds, noise))),
        evaluate: Box::new(move |_, results| {
            asked.iter().map(|(asked, _)| asked.answer(&truth, results)).collect()
        }),
    }
}

impl Question {
    fn text(self) -> &'static str {
        match self {
            Question::FalseDifference => "a difference is shown falsely",
            Question::FalseEquivalence => "an equivalence is shown falsely",
            Question::AnythingFalse => "anything is shown falsely",
            Question::PairedCoverage => "the interval holds the true difference",
            Question::PooledCoverage => "the interval from the spread of all arms holds it",
            Question::UncorrectedFolds => "a t test that takes folds for independent would show a difference",
            Question::Shown => "the difference is shown",
            Question::Equivalent => "the equivalence is shown",
        }
    }

    fn answer(self, truth: &Truth, results: &StudyResults) -> Option<f64> {
        let pairs = || results.comparisons.iter().zip(&truth.differences);
        let any = |is_so: &dyn Fn(&ComparisonResult, f64) -> bool| {
            Some(f64::from(u8::from(pairs().any(|(found, difference)| is_so(found, *difference)))))
        };
        let is_on_margin = |difference: f64| difference.abs() >= truth.margin;
        let covers = |interval: &dyn Fn(&ComparisonResult) -> Option<Interval>| {
            let held = pairs().map(|(found, difference)| {
                let (interval, difference) = (interval(found)?, SPREAD * difference);
                Some(f64::from(u8::from(interval.low <= difference && difference <= interval.high)))
            });
            let held: Vec<f64> = held.collect::<Option<_>>()?;
            Some(held.iter().sum::<f64>() / held.len() as f64)
        };
        match self {
            Question::FalseDifference => any(&is_false_difference),
            Question::FalseEquivalence => any(&|found, truth| is_equivalent(found) && is_on_margin(truth)),
            Question::AnythingFalse => any(&|found, truth| {
                is_false_difference(found, truth) || is_equivalent(found) && is_on_margin(truth)
            }),
            Question::PairedCoverage => covers(&|found| found.interval),
            Question::PooledCoverage => covers(&|found| found.pooled_interval),
            Question::UncorrectedFolds => any(&|found, _| {
                let differences: Vec<f64> =
                    found.differences.iter().map(|(_, difference)| *difference).collect();
                paired_t_test(&differences).is_some_and(|test| test.p <= ALPHA)
            }),
            Question::Shown => any(&|found, _| direction(found).is_some()),
            Question::Equivalent => any(&|found, _| is_equivalent(found)),
        }
    }
}

fn direction(found: &ComparisonResult) -> Option<Direction> {
    match found.verdict {
        Verdict::Shown(direction) | Verdict::ShownButEquivalent(direction) => Some(direction),
        _ => None,
    }
}

fn is_equivalent(found: &ComparisonResult) -> bool {
    matches!(found.verdict, Verdict::Equivalent | Verdict::ShownButEquivalent(_))
}

/// Whether a difference is shown where there is none, or in the wrong direction; a lower error is better.
fn is_false_difference(found: &ComparisonResult, truth: f64) -> bool {
    match direction(found) {
        Some(Direction::Better) => truth >= 0.0,
        Some(Direction::Worse) => truth <= 0.0,
        None => false,
    }
}
