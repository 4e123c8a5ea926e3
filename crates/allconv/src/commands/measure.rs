//! `allconv measure`: shift, receptive field, aliasing, robustness and optimisation of a network, as tables and figures.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use allconv_document::Table;
use allconv_inspect::InspectError;
use allconv_inspect::measure::{self, Measure, MeasureRequest, Reading, all_measures, mean_corruption_error};
use allconv_study::stats::{Interval, bootstrap_mean_interval, wilson_interval};
use allconv_train::TrainError;
use anyhow::Context;
use serde_json::{Value, json};

use crate::arguments::{MeasureArguments, SubjectArguments};
use crate::exit::{self, UsageError};
use crate::output;
use crate::subject::{Loaded, load};

/// Level of the intervals.
const LEVEL: f64 = 0.95;
/// Images that are loaded; each measure takes as many of them as it needs.
const MOST_IMAGES: usize = 1000;

/// Runs the command.
pub(crate) fn run(arguments: &MeasureArguments) -> anyhow::Result<u8> {
    if arguments.list {
        output::print(&arguments.format.write(&listed()))?;
        return Ok(exit::OK);
    }
    let wanted = wanted(&arguments.only)?;
    let count = arguments.subject.count.unwrap_or(MOST_IMAGES);
    let loaded = load(&arguments.subject, count)?;
    let of_baseline = |run: &PathBuf| {
        load(&SubjectArguments { subject: Some(run.clone()), ..arguments.subject.clone() }, count)
    };
    let baseline = arguments.baseline.as_ref().map(of_baseline).transpose()?;
    if let Some(folder) = &arguments.pictures {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let columns = [
        ("metric", "Metric"),
        ("at", "At"),
        ("value", "Value"),
        ("low", "Low"),
        ("high", "High"),
        ("images", "Images"),
    ];
    let mut table = Table::data("allconv.measures/1", &columns);
    for measure in wanted {
        let began = Instant::now();
        let name = measure.description().name;
        let taken = match take(measure, &loaded, arguments) {
            Ok(taken) => taken,
            // A measure requested by name must be possible; of all measures, those that do not fit are reported.
            Err(error) if arguments.only.is_empty() && matches!(error, InspectError::Request(_)) => {
                output::note(format_args!("{name}: not taken: {error}"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        check_finite(&taken.readings)?;
        for reading in taken.readings.iter().filter(|reading| reading.at.is_empty() || arguments.all) {
            table.push(row(reading));
        }
        if let Some(baseline) = baseline.as_ref().filter(|_| name == "corruption") {
            let base = take(measure, baseline, arguments)?;
            if let Some(reading) = relative_error(&taken.readings, &base.readings, baseline.subject.name()) {
                table.push(row(&reading));
            }
        }
        if let Some(folder) = &arguments.pictures {
            for (name, picture) in &taken.pictures {
                let file = folder.join(format!("{name}.png"));
                picture.save(&file).with_context(|| format!("cannot write {}", file.display()))?;
            }
        }
        output::note(format_args!("{name}: {:.1} s", began.elapsed().as_secs_f64()));
    }
    output::print(&arguments.format.write(&table))?;
    Ok(exit::OK)
}

/// Refuses values that are not numbers.
fn check_finite(readings: &[Reading]) -> Result<(), TrainError> {
    let Some(reading) = readings.iter().find(|reading| !reading.value.is_finite()) else { return Ok(()) };
    let what = format!("{} {}", reading.metric, reading.at).trim().to_owned();
    Err(TrainError::NotFinite { what, value: reading.value as f32 })
}

/// The errors under corruption in relation to those of another network, called `name`.
fn relative_error(readings: &[Reading], base: &[Reading], name: &str) -> Option<Reading> {
    let value = mean_corruption_error(readings, base)?;
    let at = format!("relative to {name}");
    Some(Reading { metric: "mean_corruption_error", at, value, per_image: Vec::new(), is_fraction: true })
}

fn take(
    measure: &dyn Measure,
    loaded: &Loaded,
    arguments: &MeasureArguments,
) -> Result<allconv_inspect::measure::Measurement, InspectError> {
    let count = arguments.subject.count.unwrap_or_else(|| measure.description().images);
    let pictures = loaded.pictures.spread(count.max(1));
    let request = MeasureRequest {
        subject: &loaded.subject,
        pictures: &pictures,
        run: loaded.run.as_ref(),
        history: &loaded.history,
        largest_shift: arguments.largest_shift,
    };
    measure::take(measure, &request)
}

/// The measures called `names`, or all.
fn wanted(names: &[String]) -> Result<Vec<&'static dyn Measure>, UsageError> {
    if names.is_empty() {
        return Ok(all_measures().collect());
    }
    let find = |name: &String| {
        all_measures().find(|measure| measure.description().name == name).ok_or_else(|| {
            let known: Vec<&str> = all_measures().map(|measure| measure.description().name).collect();
            UsageError(format!("no measure is called `{name}`; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Returns the table of every measure with its definition.
fn listed() -> Table {
    let columns = [
        ("measure", "Measure"),
        ("metrics", "Metrics"),
        ("statement", "What it measures"),
        ("definition", "Definition"),
        ("source", "Source"),
    ];
    let mut table = Table::data("allconv.measure-list/1", &columns);
    for measure in all_measures() {
        let description = measure.description();
        table.push(vec![
            json!(description.name),
            json!(description.metrics.join(", ")),
            json!(description.statement),
            json!(description.formula),
            json!(description.source),
        ]);
    }
    table
}

fn row(reading: &Reading) -> Vec<Value> {
    let interval = interval(reading);
    let rounded = |value: f64| json!((value * 1e6).round() / 1e6);
    let end = |value: Option<f64>| value.map_or(Value::Null, rounded);
    vec![
        json!(reading.metric),
        json!(if reading.at.is_empty() { "whole" } else { &reading.at }),
        rounded(reading.value),
        end(interval.map(|interval| interval.low)),
        end(interval.map(|interval| interval.high)),
        if reading.per_image.is_empty() { Value::Null } else { json!(reading.per_image.len()) },
    ]
}

/// A 95 % interval over images: Wilson's where each image's answer counts 0 or 1, else the bootstrap's.
fn interval(reading: &Reading) -> Option<Interval> {
    let values = &reading.per_image;
    if reading.is_fraction && values.iter().all(|value| *value == 0.0 || *value == 1.0) {
        let ones = values.iter().filter(|value| **value == 1.0).count();
        return wilson_interval(ones, values.len(), LEVEL);
    }
    bootstrap_mean_interval(values, LEVEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_yes_and_no_get_wilson_s_interval_and_others_the_bootstrap_s() {
        let reading = |per_image: Vec<f64>| Reading {
            metric: "m",
            at: String::new(),
            value: 0.0,
            per_image,
            is_fraction: true,
        };
        assert_eq!(interval(&reading(vec![1.0; 9])), wilson_interval(9, 9, LEVEL));
        let mixed: Vec<f64> = (0..20).map(|index| f64::from(index) / 20.0).collect();
        assert_eq!(interval(&reading(mixed.clone())), bootstrap_mean_interval(&mixed, LEVEL));
        assert_eq!(interval(&reading(Vec::new())), None);
        // Values that are exactly 0 have no interval: nothing suggests that others would differ.
        let exact = Reading { is_fraction: false, ..reading(vec![0.0; 9]) };
        assert_eq!(interval(&exact), bootstrap_mean_interval(&[0.0; 9], LEVEL));
    }

    #[test]
    fn an_unknown_measure_is_refused_with_all_names() {
        let error = wanted(&["aliassing".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("aliassing") && error.contains("receptive_field"), "{error}");
    }
}
