//! Simulations of a situation: how often something happens, and the rate that the program states for it.

use allconv_study::StudyFile;
use allconv_study::results::StudyResults;

use crate::draw::Normal;
use crate::fabricated::Fabricated;

/// Monte-Carlo standard errors by which a rate may differ from the expected one.
pub(crate) const TOLERANCE: f64 = 4.0;

/// The rate that the program states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    Exactly(f64),
    AtMost(f64),
    /// The assumptions of the method do not hold in this situation: the rate shows how much that matters.
    Nothing,
}

/// Draws the test errors of a study, by arm and seed.
type Draw = Box<dyn Fn(&mut Normal) -> Vec<Vec<f64>> + Sync>;

/// Answers every question about a study: 1 for yes, 0 for no, a fraction of several; `None` where the question does not arise.
type Evaluate = Box<dyn Fn(&StudyFile, &StudyResults) -> Vec<Option<f64>> + Sync>;

/// A situation that is simulated many times.
pub(crate) struct Simulation {
    pub(crate) situation: String,
    /// The study file.
    pub(crate) text: String,
    pub(crate) draw: Draw,
    /// The questions about every study, each with its expected rate.
    pub(crate) questions: Vec<(String, Expected)>,
    pub(crate) evaluate: Evaluate,
}

/// How often a question was answered with yes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) situation: String,
    pub(crate) question: String,
    pub(crate) expected: Expected,
    /// Studies in which the question arose.
    pub(crate) studies: usize,
    pub(crate) found: f64,
    /// Monte-Carlo standard error of that.
    pub(crate) error: f64,
}

impl Simulation {
    /// Simulates the first `studies` studies of stream `number`.
    pub(crate) fn run(&self, number: u64, studies: usize) -> Result<Vec<Rate>, String> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = |thread: usize| {
            let fabricated = Fabricated::new(&self.text)?;
            (thread..studies).step_by(threads).map(|study| self.answers(&fabricated, number, study)).collect()
        };
        let parts: Vec<Result<Vec<Vec<Option<f64>>>, String>> = std::thread::scope(|scope| {
            let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
            parts
                .into_iter()
                .map(|part| part.join().map_err(|_| "a simulation panicked".to_owned())?)
                .collect()
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>, String>>()?;
        // In the order of the studies, so that sums are the same on any number of threads.
        let answers: Vec<&Vec<Option<f64>>> =
            (0..studies).map(|study| &parts[study % threads][study / threads]).collect();
        let rate = |(index, (question, expected)): (usize, &(String, Expected))| {
            let values: Vec<f64> = answers.iter().filter_map(|answers| answers[index]).collect();
            let n = values.len() as f64;
            let found = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|value| (value - found).powi(2)).sum::<f64>() / (n - 1.0);
            Rate {
                situation: self.situation.clone(),
                question: question.clone(),
                expected: *expected,
                studies: values.len(),
                found,
                error: (variance / n).sqrt(),
            }
        };
        Ok(self.questions.iter().enumerate().map(rate).collect())
    }

    fn answers(
        &self,
        fabricated: &Fabricated,
        number: u64,
        study: usize,
    ) -> Result<Vec<Option<f64>>, String> {
        let errors = (self.draw)(&mut Normal::of(number, study as u64));
        let answers = (self.evaluate)(&fabricated.study, &fabricated.results(&errors)?);
        assert_eq!(answers.len(), self.questions.len(), "{}", self.situation);
        Ok(answers)
    }
}

impl Rate {
    /// Returns whether the rate agrees with the expected one, up to [`TOLERANCE`].
    pub(crate) fn is_as_expected(&self) -> bool {
        // The spread of few or no hits cannot be estimated.
        let allowed = |expected: f64| {
            let binomial = (expected * (1.0 - expected) / self.studies as f64).sqrt();
            TOLERANCE * binomial.max(self.error)
        };
        match self.expected {
            Expected::Exactly(expected) => (self.found - expected).abs() <= allowed(expected),
            Expected::AtMost(expected) => self.found <= expected + allowed(expected),
            Expected::Nothing => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_is_not_as_expected_is_noticed() {
        let rate = |expected, found| Rate {
            situation: String::new(),
            question: String::new(),
            expected,
            studies: 400,
            found,
            error: 0.01,
        };
        // Four standard errors of a rate of 0.05 over 400 studies are 0.0436.
        assert!(
            rate(Expected::AtMost(0.05), 0.09).is_as_expected()
                && !rate(Expected::AtMost(0.05), 0.1).is_as_expected()
        );
        assert!(
            rate(Expected::AtMost(0.05), 0.0).is_as_expected()
                && !rate(Expected::Exactly(0.05), 0.0).is_as_expected()
        );
        assert!(
            rate(Expected::Exactly(0.05), 0.07).is_as_expected()
                && !rate(Expected::Exactly(0.05), 0.1).is_as_expected()
        );
        assert!(rate(Expected::Nothing, 1.0).is_as_expected());
        assert!(!rate(Expected::AtMost(0.05), f64::NAN).is_as_expected(), "a question that never arose");
    }
}
