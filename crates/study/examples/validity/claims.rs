//! Simulated studies with five claims, one of each statement: wrong verdicts, and verdicts as often as `study check` says.

use allconv_study::results::{ClaimChances, ClaimVerdict, ContrastPlan, StudyResults};
use allconv_study::stats::Statement;
use allconv_study::{SPREAD_CONFIDENCE, StudyFile, plan_claims};

use crate::comparisons::{ALPHA, Noise, SPREAD, errors, study_text};
use crate::simulation::{Expected, Simulation};

const SEEDS: usize = 9;
/// Margin of all statements in standard deviations of a run; differences spread by √2 of these.
const MARGIN: f64 = 2.0;

/// The statements, each about an arm of its own.
const STATEMENTS: [Statement; 5] =
    [Statement::Lower, Statement::Higher, Statement::Equivalent, Statement::NotLower, Statement::NotHigher];

/// Where the true differences lie.
#[derive(Clone, Copy, PartialEq)]
enum Truth {
    /// A margin inside of each statement's bound; no difference where it has a margin.
    True,
    /// A margin outside.
    False,
    /// On the bound: false by a hair.
    Edge,
}

impl Truth {
    /// The true difference of the arm that the statement is about, in standard deviations of a run.
    fn difference(self, statement: Statement) -> f64 {
        let outside = match self {
            Truth::True => -1.0,
            Truth::Edge => 0.0,
            Truth::False => 1.0,
        };
        MARGIN
            * match statement {
                Statement::Lower => outside,
                Statement::Higher => -outside,
                Statement::Equivalent | Statement::NotHigher => 1.0 + outside,
                Statement::NotLower => -1.0 - outside,
            }
    }
}

/// Claims that are true, false, and false by a hair.
pub(crate) fn simulations() -> Vec<Simulation> {
    let chances = STATEMENTS.map(chances);
    let named = |verb: &str, chance: fn(&ClaimChances) -> f64| -> Vec<(String, Expected)> {
        let question = |(statement, chances): (Statement, &ClaimChances)| {
            (format!("“{}” {verb}", name(statement)), Expected::Exactly(chance(chances)))
        };
        STATEMENTS.into_iter().zip(&chances).map(question).collect()
    };
    let mut holds = named("holds", |chances| chances.holds_if_true);
    let careful = "the careful chance of “holds” is at most the true one";
    holds.push((careful.into(), Expected::Exactly(SPREAD_CONFIDENCE)));
    let fails = named("fails", |chances| chances.fails_if_false);
    vec![
        simulation(("five true claims", Truth::True), Noise::Normal, holds),
        simulation(("five false claims", Truth::False), Noise::Normal, fails),
        edge(Noise::Normal, vec![("a false claim holds", Expected::AtMost(ALPHA))]),
    ]
}

/// Claims that are false by a hair, about arms with bad seeds and a baseline without.
pub(crate) fn skewed() -> Vec<Simulation> {
    let warned = "of these studies, the page says that sign flips disagree";
    vec![edge(
        Noise::SkewedArms,
        vec![("a false claim holds", Expected::Nothing), (warned, Expected::Nothing)],
    )]
}

fn edge(noise: Noise, questions: Vec<(&str, Expected)>) -> Simulation {
    let questions =
        questions.into_iter().map(|(question, expected)| (question.to_owned(), expected)).collect();
    simulation(("five claims on their bounds", Truth::Edge), noise, questions)
}

fn simulation(
    (situation, truth): (&str, Truth),
    noise: Noise,
    questions: Vec<(String, Expected)>,
) -> Simulation {
    let claim = |(index, statement): (usize, Statement)| {
        let bound = match statement {
            Statement::Lower | Statement::Higher => String::new(),
            _ => format!(", margin = {}", MARGIN * SPREAD),
        };
        format!(
            "[claims.c{index}]\ntext = \"Simulated.\"\ncontrasts = [{{ of = \"a{}\", against = \"a0\", shows = \"{}\"{bound} }}]\n",
            index + 1,
            statement.name()
        )
    };
    let claims: String = STATEMENTS.into_iter().enumerate().map(claim).collect();
    let shifts: Vec<f64> =
        [0.0].into_iter().chain(STATEMENTS.map(|statement| truth.difference(statement))).collect();
    let (asked, chances) = (questions.len(), STATEMENTS.map(chances));
    Simulation {
        situation: format!("{SEEDS} seeds: {situation}"),
        text: study_text(shifts.len(), SEEDS, MARGIN, (&claims, "")),
        draw: Box::new(move |normal| errors(normal, &shifts, (SEEDS, noise))),
        questions,
        evaluate: Box::new(move |study, results| {
            let answers = match truth {
                Truth::True => true_claims(study, results, &chances),
                Truth::False => verdicts(results, ClaimVerdict::Fails),
                Truth::Edge => false_claims(results),
            };
            answers.into_iter().take(asked).collect()
        }),
    }
}

/// What the program says of the design at its true spread.
fn chances(shows: Statement) -> ClaimChances {
    let margin = match shows {
        Statement::Lower | Statement::Higher => 0.0,
        _ => MARGIN,
    };
    let plan = ContrastPlan { shows, margin, scale: MARGIN, spread: 2.0_f64.sqrt() };
    ClaimChances::of(&[plan], SEEDS as u32, STATEMENTS.len(), ALPHA)
}

fn yes(is_so: bool) -> Option<f64> {
    Some(f64::from(u8::from(is_so)))
}

/// Which claims have a verdict.
fn verdicts(results: &StudyResults, verdict: ClaimVerdict) -> Vec<Option<f64>> {
    results.claims.iter().map(|claim| yes(claim.verdict == verdict)).collect()
}

fn true_claims(study: &StudyFile, results: &StudyResults, truth: &[ClaimChances]) -> Vec<Option<f64>> {
    let planned = plan_claims(study, results, 0.8);
    let is_careful = planned.iter().zip(truth).filter_map(|(plan, truth)| {
        Some(f64::from(u8::from(plan.careful_chances?.holds_if_true <= truth.holds_if_true)))
    });
    let careful = is_careful.sum::<f64>() / planned.len() as f64;
    verdicts(results, ClaimVerdict::Holds).into_iter().chain([Some(careful)]).collect()
}

fn false_claims(results: &StudyResults) -> Vec<Option<f64>> {
    let mut wrong = results.claims.iter().filter(|claim| claim.verdict == ClaimVerdict::Holds).peekable();
    let is_wrong = wrong.peek().is_some();
    let is_warned = wrong.any(|claim| claim.tests_disagree);
    vec![yes(is_wrong), yes(is_warned).filter(|_| is_wrong)]
}

fn name(statement: Statement) -> &'static str {
    match statement {
        Statement::Lower => "lower",
        Statement::Higher => "higher",
        Statement::Equivalent => "equivalent",
        Statement::NotLower => "not lower",
        Statement::NotHigher => "not higher",
    }
}
