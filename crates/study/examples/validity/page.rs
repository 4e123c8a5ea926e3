//! The page about the simulations: subjects, and a table of the rates found and the rates expected.

use crate::simulation::{Expected, Rate, Simulation, TOLERANCE};
use crate::{claims, comparisons, lengths};

/// Simulations of one subject.
pub(crate) struct Subject {
    heading: &'static str,
    /// What the numbers mean, and which of them would be a defect.
    meaning: &'static str,
    pub(crate) simulations: Vec<Simulation>,
}

/// All subjects, in the order of the page.
pub(crate) fn subjects() -> Vec<Subject> {
    vec![
        Subject {
            heading: "Comparisons with a baseline",
            meaning: "Differences and equivalences are two families, each Holm-corrected to α = 0.05 over the arms, so that a false difference anywhere on a page has a \
                chance of at most 0.05, and a false equivalence too; both together at most 0.1. The worst case of an equivalence is an arm exactly on the margin. 95 % \
                intervals are each for itself and must hold the true difference in 95 % of all cases; the interval from the spread of all arms supposes that all arms \
                spread alike, as they do here. Rates above the expected ones would mean false findings; coverage below 0.95, intervals that claim too much; above it, \
                intervals that waste runs. Symmetric bad seeds make the tests stricter, not looser.",
            simulations: comparisons::families(),
        },
        Subject {
            heading: "Stopping early",
            meaning: "Each look spends a part of α; what was decided stays. The chance of anything false over all looks must stay below 0.05 for each of the two kinds.",
            simulations: comparisons::sequential(),
        },
        Subject {
            heading: "Power of comparisons",
            meaning: "The chances that `study plan` computes, and how often a study finds what is there. A lower rate would mean that planned studies are too small.",
            simulations: comparisons::power(),
        },
        Subject {
            heading: "Folds",
            meaning: "Training sets of folds overlap, and so do their errors. The intervals of Nadeau and Bengio are exact for a correlation that equals the fraction of \
                test examples, 0.2 for five folds, which is simulated; of real folds the correlation is not known.",
            simulations: comparisons::folds(),
        },
        Subject {
            heading: "Along the length of training",
            meaning: "Where the mean line of an arm crosses the baseline, with Fieller's interval; an arm whose loss does not change, tested together with one whose loss does. \
                An interval that is open counts as a miss.",
            simulations: lengths::simulations(),
        },
        Subject {
            heading: "Claims",
            meaning: "Five claims at α/5 each: one of each statement. True claims lie a margin inside of their bounds, false ones a margin outside; then “holds” and “fails” \
                must come as often as `study check` says for the true spread. Before there is a true spread, it plans with an upper limit of the spread that was seen, so \
                that the chance that it prints is at most the true one with a confidence of 0.8. On their bounds claims are false by a hair, and any of them may hold \
                with a chance of at most 0.05. A wrong rate here would make the confirmatory part of a study worthless.",
            simulations: claims::simulations(),
        },
        Subject {
            heading: "Known weakness: bad seeds on one side",
            meaning: "No rate is guaranteed where the arms have occasional bad seeds (here an exponential spread, skewness 2) and the baseline has none: one-sided errors \
                in the direction of the bad seeds then exceed their level. A page that says that sign flips disagree about α is a page on which this may have happened; the \
                last row tells how many of the false claims carry that warning. Larger rates than about twice α here would be a reason to give up the t tests.",
            simulations: comparisons::skewed_arms().into_iter().chain(claims::skewed()).collect(),
        },
    ]
}

/// The page in Markdown; `rates` has an entry for each subject, `studies` were simulated for each situation.
pub(crate) fn page(subjects: &[Subject], rates: &[Vec<Rate>], (studies, commit): (usize, &str)) -> String {
    let situations: usize = subjects.iter().map(|subject| subject.simulations.len()).sum();
    let expected = rates.iter().flatten().filter(|rate| rate.expected != Expected::Nothing).count();
    let broken = rates.iter().flatten().filter(|rate| !rate.is_as_expected()).count();
    let conclusion = match broken {
        0 => format!("All {expected} rates are as expected."),
        broken => format!("**{broken} of {expected} rates are not as expected.**"),
    };
    let mut text = format!(
        "# Validity of the verdicts\n\n\
         Written by `cargo xtask validity`; do not edit. Commit {commit}.\n\n\
         Studies whose truth is known are analysed by the code that analyses real ones: run directories are written, collected and tested, and every number below counts \
         what came of them. {studies} studies for each of {situations} situations, {} in all; the random numbers of study *i* of situation *k* follow from (*k*, *i*), \
         so that the page can be made again to the last digit. Error rates of single formulas are tests of the suite. {conclusion}\n\n\
         ± is the Monte-Carlo standard error of a rate. A rate is as expected when it lies within {TOLERANCE} standard errors of the expected one, or for “at most” not above \
         it by more; of correct programs one in {} would have a rate on this page that is not. Where one is not, the command fails, and so does the release check.\n",
        grouped(studies * situations),
        // Both tails of a normal deviate beyond four standard errors hold 6.3e-5.
        grouped((1.0 / (expected as f64 * 6.3e-5)).round() as usize),
    );
    for (subject, rates) in subjects.iter().zip(rates) {
        text.push_str(&format!(
            "\n## {}\n\n{}\n\n| situation | how often | expected | found | studies | as expected |\n|---|---|---:|---:|---:|---|\n",
            subject.heading, subject.meaning
        ));
        rates.iter().for_each(|rate| text.push_str(&row(rate)));
    }
    text
}

/// A row of a table.
pub(crate) fn row(rate: &Rate) -> String {
    let expected = match rate.expected {
        Expected::Exactly(rate) => format!("{rate:.3}"),
        Expected::AtMost(rate) => format!("at most {rate}"),
        Expected::Nothing => "–".to_owned(),
    };
    let agrees = match (rate.expected, rate.is_as_expected()) {
        (Expected::Nothing, _) => "–",
        (_, true) => "yes",
        (_, false) => "**no**",
    };
    let found = match rate.studies {
        0..=1 => "–".to_owned(),
        _ => format!("{:.4} ± {:.4}", rate.found, rate.error),
    };
    format!(
        "| {} | {} | {expected} | {found} | {} | {agrees} |\n",
        rate.situation, rate.question, rate.studies
    )
}

/// `12,000`.
fn grouped(value: usize) -> String {
    match value {
        0..1000 => value.to_string(),
        _ => format!("{},{:03}", grouped(value / 1000), value % 1000),
    }
}
