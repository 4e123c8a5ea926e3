//! Trends of differences to the baseline along a numeric factor, such as the length of training, with their zero crossings.
//!
//! A factor is numeric when each of its levels trains for another number of epochs, or presentations. Within each seed that all arms of a
//! line finished, a least-squares line goes through the differences arm − baseline at the levels, over log₂ of the number: its slope, the change of the
//! difference with every doubling, is the interaction of the arm with the factor. Intervals and p are of the slopes of the seeds; the crossing
//! of the mean line has Fieller's interval. A straight line in log₂ is only a description: it does not extrapolate beyond the measured lengths.

use serde::Serialize;

use super::INTERVAL_LEVEL;
use super::arm::ArmResult;
use super::comparison::{corrected, differences_per_seed, spread_interval};
use super::folds::independent;
use super::serialised;
use crate::check::StatisticsCheck;
use crate::file::{Correction, StudyFile};
use crate::stats::{Crossing, Interval, crossing, line_through, mean_interval, paired_t_test, summarise};

/// Settings of training that make a factor numeric, in order of precedence.
const QUANTITIES: [&str; 2] = ["presentations", "epochs"];

/// A factor whose levels are numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericFactor {
    /// Position of the factor in the study file.
    pub index: usize,
    /// `epochs` or `presentations`.
    pub quantity: &'static str,
    /// The number of each level, in the order of the levels.
    pub values: Vec<f64>,
}

/// The arms that differ in the factor alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Their name without the level of the factor.
    pub(crate) name: String,
    /// Their positions, by rising numbers.
    pub(crate) arms: Vec<usize>,
}

/// The difference of an arm to its baseline along the factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrendResult {
    /// The arm without its level of the factor.
    pub name: String,
    /// Seeds that every arm of the line finished.
    pub n: usize,
    /// The difference at each level, by rising numbers.
    pub points: Vec<TrendPoint>,
    /// Mean change of the difference with a doubling.
    #[serde(rename = "per_doubling")]
    pub slope: f64,
    /// t interval for it.
    #[serde(rename = "interval_95")]
    pub slope_interval: Option<Interval>,
    /// p of its t test, Holm-corrected over the lines; `None` with too few seeds.
    pub corrected_p: Option<f64>,
    /// Where the mean line crosses zero, as log₂ of the number.
    #[serde(flatten, serialize_with = "serialised::crossing")]
    pub crossing: Option<Crossing>,
}

/// All lines of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendTable {
    /// The factor.
    pub factor: NumericFactor,
    /// One row for each combination of the other factors that has a baseline.
    pub rows: Vec<TrendResult>,
}

/// The difference at one level of a numeric factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrendPoint {
    /// The number of the level.
    pub number: f64,
    /// Mean difference over the seeds of the line.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// t interval for it.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
}

impl NumericFactor {
    /// The first numeric factor; `None` for a study without, or whose arms are compared across it.
    pub fn of(study: &StudyFile) -> Option<NumericFactor> {
        (0..study.factors.len()).find_map(|index| {
            let quantity =
                QUANTITIES.into_iter().find(|quantity| values(study, index, quantity).is_some())?;
            let is_within = (0..study.arms.len()).all(|arm| {
                let same =
                    |baseline: usize| study.arms[baseline].levels[index] == study.arms[arm].levels[index];
                study.baseline_of(arm).is_none_or(same)
            });
            let values = values(study, index, quantity).filter(|_| is_within)?;
            Some(NumericFactor { index, quantity, values })
        })
    }

    /// The numbers of the levels, rising.
    pub(crate) fn numbers(&self) -> Vec<f64> {
        self.rising().into_iter().map(|level| self.values[level]).collect()
    }

    /// The arms of each combination of the other factors, by rising numbers; combinations that lack a level are left out.
    pub(crate) fn lines(&self, study: &StudyFile) -> Vec<Line> {
        let order = self.rising();
        let of_start = |start: usize| {
            let at = |level: &usize| {
                let mut levels = study.arms[start].levels.clone();
                levels[self.index] = *level;
                study.arms.iter().position(|arm| arm.levels == levels)
            };
            let others = study.factors.iter().zip(&study.arms[start].levels).enumerate();
            let others = others.filter(|(index, _)| *index != self.index);
            let name: Vec<&str> = others.map(|(_, (other, level))| other.levels[*level].as_str()).collect();
            Some(Line { name: name.join("_"), arms: order.iter().map(at).collect::<Option<_>>()? })
        };
        let is_start = |arm: &usize| study.arms[*arm].levels[self.index] == order[0];
        (0..study.arms.len()).filter(is_start).filter_map(of_start).collect()
    }

    /// The levels, by rising numbers.
    fn rising(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|a, b| self.values[*a].total_cmp(&self.values[*b]));
        order
    }
}

/// The numbers of a factor's levels, if each level has one of its own.
fn values(study: &StudyFile, factor: usize, quantity: &str) -> Option<Vec<f64>> {
    let of_level = |level: usize| -> Option<f64> {
        let mut numbers =
            study.arms.iter().filter(|arm| arm.levels[factor] == level).map(|arm| {
                match study.request(arm, study.seeds.from).train.get(quantity)? {
                    toml::Value::Integer(number) => Some(*number as f64),
                    toml::Value::Float(number) => Some(*number),
                    _ => None,
                }
            });
        let first = numbers.next()??;
        (first > 0.0 && numbers.all(|number| number == Some(first))).then_some(first)
    };
    let values = (0..study.factors[factor].levels.len()).map(of_level).collect::<Option<Vec<f64>>>()?;
    let is_distinct = (1..values.len()).all(|level| !values[..level].contains(&values[level]));
    is_distinct.then_some(values)
}

impl TrendTable {
    /// `None` for a study without a numeric factor, and before any seed is complete.
    pub(crate) fn of(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        arms: &[ArmResult],
    ) -> Option<TrendTable> {
        let factor = NumericFactor::of(study)?;
        let lines = factor.lines(study).into_iter();
        let mut rows: Vec<TrendResult> =
            lines.filter_map(|line| TrendResult::of(study, statistics, (&factor, line), arms)).collect();
        let p: Vec<Option<f64>> = rows.iter().map(|row| row.corrected_p).collect();
        for (row, p) in rows.iter_mut().zip(corrected(Correction::Holm, &p)) {
            row.corrected_p = p;
        }
        (!rows.is_empty()).then_some(TrendTable { factor, rows })
    }
}

impl TrendResult {
    fn of(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        (factor, line): (&NumericFactor, Line),
        arms: &[ArmResult],
    ) -> Option<TrendResult> {
        let at_level: Vec<Vec<(u64, f64)>> = line
            .arms
            .iter()
            .map(|arm| Some(differences_per_seed(&arms[*arm].values, &arms[study.baseline_of(*arm)?].values)))
            .collect::<Option<_>>()?;
        let numbers = factor.numbers();
        let (seeds, lines): (Vec<u64>, Vec<(f64, f64)>) =
            lines_of_seeds(&numbers, &at_level).into_iter().unzip();
        let slopes: Vec<(u64, f64)> =
            seeds.iter().copied().zip(lines.iter().map(|(_, slope)| *slope)).collect();
        let slopes = independent(statistics.folds, &slopes);
        let points = numbers.iter().zip(&at_level).map(|(number, differences)| {
            let complete: Vec<(u64, f64)> =
                differences.iter().filter(|(seed, _)| seeds.contains(seed)).copied().collect();
            let values = independent(statistics.folds, &complete);
            Some(TrendPoint {
                number: *number,
                mean: summarise(&values)?.mean,
                interval: mean_interval(&values, INTERVAL_LEVEL),
            })
        });
        let has_enough = slopes.len() >= statistics.seeds_needed as usize;
        Some(TrendResult {
            name: line.name,
            n: seeds.len(),
            points: points.collect::<Option<_>>()?,
            slope: summarise(&slopes)?.mean,
            slope_interval: spread_interval(&slopes),
            corrected_p: paired_t_test(&slopes).map(|test| test.p).filter(|_| has_enough),
            // Folds are not independent, and their lines have no Fieller interval here.
            crossing: if statistics.folds.is_some() { None } else { crossing(&lines, INTERVAL_LEVEL) },
        })
    }
}

/// Intercept and slope over log₂ of the numbers, for each seed that has a value at every number.
pub(crate) fn lines_of_seeds(numbers: &[f64], at_number: &[Vec<(u64, f64)>]) -> Vec<(u64, (f64, f64))> {
    let find = |values: &[(u64, f64)], seed: u64| {
        values.iter().find(|(found, _)| *found == seed).map(|(_, value)| *value)
    };
    let line = |seed: u64| {
        let points =
            numbers.iter().zip(at_number).map(|(number, values)| Some((number.log2(), find(values, seed)?)));
        line_through(&points.collect::<Option<Vec<_>>>()?)
    };
    let seeds = at_number.first().into_iter().flatten().map(|(seed, _)| *seed);
    seeds.filter_map(|seed| Some((seed, line(seed)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::StudyResults;
    use crate::testing::{factorial_study_text, lengths_study_text, write_lengths};

    #[test]
    fn a_loss_that_shrinks_with_every_doubling_is_found_with_its_crossing() {
        let study = StudyFile::parse("small.toml", lengths_study_text(6)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write_lengths(folder.path(), &study, 0.0);
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let table = results.trend.unwrap();
        assert_eq!((table.factor.quantity, table.factor.values.as_slice()), ("epochs", &[2.0, 4.0, 8.0][..]));
        let names: Vec<&str> = table.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["strided", "all_conv"]);
        let strided = &table.rows[0];
        assert!((strided.slope + 0.02).abs() < 0.002, "{}", strided.slope);
        assert!(strided.corrected_p.unwrap() < 0.001 && strided.n == 6);
        let crossing = strided.crossing.unwrap();
        // 3 − 2 (x − 1) = 0 at x = 2.5, 5.7 epochs.
        assert!((crossing.place.unwrap() - 2.5).abs() < 0.1, "{crossing:?}");
        let interval = crossing.interval.unwrap();
        assert!(
            interval.low < 2.6 && interval.high > 2.4 && interval.high - interval.low < 0.4,
            "{interval:?}"
        );
        assert!((strided.points[2].mean + 0.01).abs() < 0.002, "{:?}", strided.points);
        assert!(table.rows[1].corrected_p.unwrap() > 0.05);
    }

    #[test]
    fn factors_that_are_not_numeric_have_no_line() {
        let plain = StudyFile::parse("small.toml", factorial_study_text(5)).unwrap();
        assert_eq!(NumericFactor::of(&plain), None);
        // Arms that are compared across the lengths have no difference at a length.
        let text = factorial_study_text(5).replace("epochs = 2\n", "batch = 2\n");
        let lengths = "[factors.length]\nshort.train.epochs = 2\nlong.train.epochs = 8\n";
        let across = format!("{}{lengths}", &text[..text.find("[factors.base]").unwrap()])
            .replace("baseline = { rule = \"max_pool\" }", "baseline = { length = \"short\" }");
        assert_eq!(NumericFactor::of(&StudyFile::parse("small.toml", across).unwrap()), None);
    }
}
