//! The end of a run after its training: test split, measures, pictures and cost.

use std::time::Instant;

use allconv_record::{Artefacts, Measured, Observer, SplitName, Status};
use burn::module::Module;

use super::Session;
use crate::TrainError;
use crate::task::ExampleRecord;

impl Session<'_> {
    /// Evaluates some training examples without augmentation and, once, the test split, on the run's last weights, and closes the run.
    pub(super) fn finish(&mut self, observer: &mut dyn Observer) -> Result<Status, TrainError> {
        let began = Instant::now();
        let network = self.trainer.network.valid();
        for (name, value) in self.task.clean_training(&network)? {
            if !value.is_finite() {
                return self.end(Status::Diverged, Some(format!("{name} is {value}")), observer);
            }
            self.measure(SplitName::Train, name, value, observer)?;
        }
        let evaluated = self.task.evaluate(&network, SplitName::Test)?;
        let Some(evaluated) = evaluated else {
            return Err(TrainError::Specification("the data set has no test split".to_owned()));
        };
        let further = self.task.evaluate_further(&network)?;
        self.evaluation += began.elapsed();
        if !evaluated.loss.is_finite() {
            return self.end(Status::Diverged, Some("the test loss is not finite".to_owned()), observer);
        }
        self.measure(SplitName::Test, "loss", evaluated.loss, observer)?;
        for (name, value) in &evaluated.metrics {
            self.measure(SplitName::Test, name, *value, observer)?;
        }
        for (name, value) in &further {
            if !value.is_finite() {
                return self.end(Status::Diverged, Some(format!("{name} is {value}")), observer);
            }
            self.measure(SplitName::Test, name, *value, observer)?;
        }
        self.confirm()?;
        match &evaluated.examples {
            ExampleRecord::Outcomes(outcomes) => self.job.directory.write_outcomes(outcomes)?,
            ExampleRecord::Scores { scores, pictures } => {
                self.job.directory.write_scores(scores)?;
                Artefacts::write(&self.job.directory.artefacts(), pictures)?;
            }
        }
        self.take_measures(observer)?;
        self.keep_explanations()?;
        self.journal.synchronise()?;
        self.record.measured = Some(self.measure_cost()?);
        self.end(Status::Finished, None, observer)
    }

    /// Records the metrics that the specification names in addition to loss and error. The end of the last epoch has left their checkpoint.
    fn take_measures(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let names = self.settings.train.measure.clone();
        if names.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let values =
            self.job.measurer.measure(&names, self.job.directory).map_err(TrainError::Measurement)?;
        self.evaluation += began.elapsed();
        for (name, value) in values {
            if !value.is_finite() {
                return Err(TrainError::Measurement(format!("{name} is {value}")));
            }
            self.measure(SplitName::Test, &name, value, observer)?;
        }
        Ok(())
    }

    /// Keeps the explanations of a few test images, if the specification names methods.
    fn keep_explanations(&mut self) -> Result<(), TrainError> {
        let methods = &self.settings.train.explain;
        if methods.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let pictures = self.job.measurer.explain(methods, self.job.directory);
        let pictures = pictures.map_err(TrainError::Measurement)?;
        self.confirm()?;
        Artefacts::write(&self.job.directory.artefacts(), &pictures)?;
        self.evaluation += began.elapsed();
        Ok(())
    }

    /// Returns the cost of the run; the peak of its memory is read before the passes that measure the latency.
    fn measure_cost(&self) -> Result<Measured, TrainError> {
        let peak_memory_bytes = self.job.execution.memory.map(|gauge| (gauge.peak_bytes)());
        let network = self.trainer.network.valid();
        let latency = |images| self.task.latency_seconds(&network, images);
        Ok(Measured { peak_memory_bytes, latency_1_seconds: latency(1)?, latency_128_seconds: latency(128)? })
    }
}
