//! A situation that is simulated many times, and what is counted of it beside what the program promises.

use allconv_study::StudyFile;
use allconv_study::results::StudyResults;

use crate::draw::Normal;
use crate::fabricated::Fabricated;

/// Monte-Carlo standard errors by which a number may miss its promise.
pub(crate) const TOLERANCE: f64 = 4.0;

/// What the program says of a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Promise {
    Exactly(f64),
    AtMost(f64),
    /// The assumptions behind the promise do not hold in this situation: the rate tells how much that matters.
    Nothing,
}

/// Draws the test errors of a study, by arm and seed.
type Draw = Box<dyn Fn(&mut Normal) -> Vec<Vec<f64>> + Sync>;

/// Answers every question about a study: 1 for yes, 0 for no, a share of several; `None` where the question does not arise.
type Judge = Box<dyn Fn(&StudyFile, &StudyResults) -> Vec<Option<f64>> + Sync>;

/// A situation.
pub(crate) struct Simulation {
    pub(crate) situation: String,
    /// The study file.
    pub(crate) text: String,
    pub(crate) draw: Draw,
    /// What is asked of every study, with the rate that is promised.
    pub(crate) questions: Vec<(String, Promise)>,
    pub(crate) judge: Judge,
}

/// How often a question was answered with yes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) situation: String,
    pub(crate) question: String,
    pub(crate) promise: Promise,
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
        let rate = |(index, (question, promise)): (usize, &(String, Promise))| {
            let values: Vec<f64> = answers.iter().filter_map(|answers| answers[index]).collect();
            let n = values.len() as f64;
            let found = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|value| (value - found).powi(2)).sum::<f64>() / (n - 1.0);
            Rate {
                situation: self.situation.clone(),
                question: question.clone(),
                promise: *promise,
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
        let answers = (self.judge)(&fabricated.study, &fabricated.judge(&errors)?);
        assert_eq!(answers.len(), self.questions.len(), "{}", self.situation);
        Ok(answers)
    }
}

impl Rate {
    /// Whether the rate agrees with the promise, up to [`TOLERANCE`].
    pub(crate) fn is_kept(&self) -> bool {
        // Few or no hits have no spread of their own.
        let allowed = |promised: f64| {
            let binomial = (promised * (1.0 - promised) / self.studies as f64).sqrt();
            TOLERANCE * binomial.max(self.error)
        };
        match self.promise {
            Promise::Exactly(promised) => (self.found - promised).abs() <= allowed(promised),
            Promise::AtMost(promised) => self.found <= promised + allowed(promised),
            Promise::Nothing => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_beside_its_promise_is_noticed() {
        let rate = |promise, found| Rate {
            situation: String::new(),
            question: String::new(),
            promise,
            studies: 400,
            found,
            error: 0.01,
        };
        // Four standard errors of a rate of 0.05 over 400 studies are 0.0436.
        assert!(rate(Promise::AtMost(0.05), 0.09).is_kept() && !rate(Promise::AtMost(0.05), 0.1).is_kept());
        assert!(rate(Promise::AtMost(0.05), 0.0).is_kept() && !rate(Promise::Exactly(0.05), 0.0).is_kept());
        assert!(rate(Promise::Exactly(0.05), 0.07).is_kept() && !rate(Promise::Exactly(0.05), 0.1).is_kept());
        assert!(rate(Promise::Nothing, 1.0).is_kept());
        assert!(!rate(Promise::AtMost(0.05), f64::NAN).is_kept(), "a question that never arose");
    }
}
