//! Metrics over the runs beside a run that differ from it in the seed alone.

use std::collections::BTreeMap;
use std::path::Path;

use allconv_record::{Provenance, RecordError, RunDirectory, RunSpecification, SeedMean, SplitName};
use allconv_study::stats::mean_interval;

/// Level of the intervals.
const LEVEL: f64 = 0.95;

/// Adds to each metric of the last weights of `run` its mean over the finished runs in the same folder that differ in the seed alone.
///
/// # Errors
/// [`RecordError`] when the folder, or a run of the same specification, cannot be read.
pub(crate) fn add_seeds(provenance: &mut Provenance, run: &Path) -> Result<(), RecordError> {
    if provenance.step != provenance.total_steps {
        return Ok(());
    }
    let run = RunDirectory::at(run);
    let wanted = without_seed(run.read_specification()?);
    let absolute = std::path::absolute(run.path()).map_err(RecordError::io("find", run.path()))?;
    let mut values: BTreeMap<(SplitName, String), Vec<f64>> = BTreeMap::new();
    for other in RunDirectory::list(absolute.parent().unwrap_or(&absolute))? {
        let Some(record) = other.ended()? else { continue };
        if without_seed(other.read_specification()?) != wanted || record.step != provenance.total_steps {
            continue;
        }
        for metric in other.final_metrics(record.step)? {
            values.entry((metric.split, metric.metric)).or_default().push(metric.value);
        }
    }
    for metric in &mut provenance.results {
        let Some(values) = values.get(&(metric.split, metric.metric.clone())) else { continue };
        metric.seeds = mean_interval(values, LEVEL).map(|interval| SeedMean {
            n: values.len() as u64,
            mean: values.iter().sum::<f64>() / values.len() as f64,
            low: interval.low,
            high: interval.high,
            level: LEVEL,
        });
    }
    Ok(())
}

fn without_seed(specification: RunSpecification) -> String {
    RunSpecification { seed: 0, ..specification }.hash()
}
