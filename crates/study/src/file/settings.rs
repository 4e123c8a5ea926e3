//! `primary`, `compare` and `seeds`: the primary metric, the comparison, and the seeds.

use allconv_record::SplitName;

use super::arms::Arm;
use super::choices::{Correction, TestKind};
use super::document::{Document, StudyFileError, nearest_name};
use super::factors::Factor;
use super::fields::{Fields, quoted};
use super::keys::{self, names};
use super::limits;
use super::matching::{Match, read_match};
use super::node::Node;
use crate::metric::{Better, find_metric};

/// `primary`: the metric of the main comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Primary {
    /// Name in `metrics.jsonl`, e.g. `error`.
    pub metric: String,
    /// Split on which it is measured.
    pub split: SplitName,
    /// Its good direction.
    pub better: Better,
}

/// The baseline of the arms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// This arm, for all of them.
    Arm(String),
    /// In a factorial study: the arm that has this level of the factor and the same levels of the others.
    Level {
        /// Name of the factor.
        factor: String,
        /// Its position.
        factor_index: usize,
        /// Name of the level.
        level: String,
        /// Its position.
        level_index: usize,
    },
}

impl Baseline {
    /// `max_pool`, or `rule = model`.
    pub fn name(&self) -> String {
        match self {
            Baseline::Arm(name) => name.clone(),
            Baseline::Level { factor, level, .. } => format!("{factor} = {level}"),
        }
    }
}

/// `compare`: baseline, test, level and margin.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What the arms are compared with: `baseline = "max_pool"`, or `baseline = { rule = "model" }` for a level of a factor.
    pub baseline: Baseline,
    /// Test behind the verdicts. `paired-t` if not written.
    pub test: TestKind,
    /// Chance of a false claim over all comparisons. 0.05 if not written.
    pub alpha: f64,
    /// Correction for several comparisons. `holm` if not written.
    pub correction: Correction,
    /// Differences smaller than this, in units of the metric, count as equivalent.
    pub equivalence_margin: Option<f64>,
    /// The cost that every arm has in common with its baseline.
    pub(crate) matched: Option<Match>,
}

/// `seeds`: every arm runs with `from`, `from + 1`, … (`count` of them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub count: u32,
}

impl Seeds {
    /// The seeds in order.
    pub fn values(self) -> impl Iterator<Item = u64> {
        self.from..self.from + u64::from(self.count)
    }
}

pub(super) fn read_primary(document: &Document, node: &Node) -> Result<Primary, StudyFileError> {
    let fields = Fields::of(document, node, "primary", &names(&keys::PRIMARY))?;
    let splits = [("train", SplitName::Train), ("valid", SplitName::Valid), ("test", SplitName::Test)];
    let directions = [("lower", Better::Lower), ("higher", Better::Higher)];
    let metric_node = fields.required("metric")?;
    let metric = fields.metric("primary.metric", metric_node)?;
    let better_node = fields.required("better")?;
    let better = fields.choice("primary.better", better_node, &directions)?;
    if let Some(known) =
        find_metric(&metric).and_then(|metric| metric.better).filter(|known| *known != better)
    {
        let direction =
            directions.iter().find(|(_, direction)| *direction == known).map_or("", |(name, _)| name);
        let message =
            format!("`{metric}` is better when it is {direction}: write `better = \"{direction}\"`");
        return Err(document.error(&better_node.value, message));
    }
    let split = fields.choice("primary.split", fields.required("split")?, &splits)?;
    Ok(Primary { metric, split, better })
}

pub(super) fn read_comparison(
    document: &Document,
    node: &Node,
    arms: &[Arm],
    factors: &[Factor],
) -> Result<Comparison, StudyFileError> {
    let fields = Fields::of(document, node, "compare", &names(&keys::COMPARE))?;
    let baseline = read_baseline(document, &fields, arms, factors)?;
    let test = match fields.optional("test") {
        Some(node) => fields.choice("compare.test", node, &TestKind::CHOICES)?,
        None => TestKind::PairedT,
    };
    let alpha = match fields.optional("alpha") {
        Some(node) => fields.number_between("compare.alpha", node, (0.0, limits::LARGEST_ALPHA))?,
        None => 0.05,
    };
    let correction = match fields.optional("correction") {
        Some(node) => fields.choice("compare.correction", node, &Correction::CHOICES)?,
        None => Correction::Holm,
    };
    let equivalence_margin = fields
        .optional("equivalence_margin")
        .map(|node| fields.number_between("compare.equivalence_margin", node, (0.0, f64::INFINITY)))
        .transpose()?;
    let matched = read_match(&fields, "compare")?;
    Ok(Comparison { baseline, test, alpha, correction, equivalence_margin, matched })
}

fn read_baseline(
    document: &Document,
    fields: &Fields<'_>,
    arms: &[Arm],
    factors: &[Factor],
) -> Result<Baseline, StudyFileError> {
    let node = fields.required("baseline")?;
    if node.entries().is_some() {
        let names: Vec<&str> = factors.iter().map(|factor| factor.name.as_str()).collect();
        let baseline = Fields::of(document, node, "compare.baseline", &names)?;
        let written =
            || factors.iter().enumerate().filter(|(_, factor)| baseline.optional(&factor.name).is_some());
        let (Some((factor_index, factor)), 1) = (written().next(), written().count()) else {
            let message =
                format!("`compare.baseline` names one level of one factor; factors are {}", quoted(names));
            return Err(document.error(&node.value, message));
        };
        let choices: Vec<(&str, usize)> =
            factor.levels.iter().enumerate().map(|(index, level)| (level.as_str(), index)).collect();
        let child = baseline.required(&factor.name)?;
        let level_index = baseline.choice(&format!("compare.baseline.{}", factor.name), child, &choices)?;
        let level = factor.levels[level_index].clone();
        return Ok(Baseline::Level { factor: factor.name.clone(), factor_index, level, level_index });
    }
    let baseline = fields.text("compare.baseline", node)?;
    let names = || arms.iter().map(|arm| arm.name.as_str());
    if !names().any(|name| name == baseline) {
        let message =
            format!("`compare.baseline` is `{baseline}`, which is not an arm; arms are {}", quoted(names()));
        let suggestion = nearest_name(&baseline, names());
        return Err(document.error(&node.value, message).suggesting(suggestion));
    }
    Ok(Baseline::Arm(baseline))
}

pub(super) fn read_seeds(document: &Document, node: &Node) -> Result<Seeds, StudyFileError> {
    read_seeds_at(document, node, "seeds")
}

/// Reads seeds at `path`.
pub(super) fn read_seeds_at(document: &Document, node: &Node, path: &str) -> Result<Seeds, StudyFileError> {
    let fields = Fields::of(document, node, path, &names(&keys::SEEDS))?;
    let count =
        fields.integer(&format!("{path}.count"), fields.required("count")?, (1, limits::MOST_SEEDS))?;
    let from = fields.integer(
        &format!("{path}.from"),
        fields.required("from")?,
        (0, i64::MAX - limits::MOST_SEEDS),
    )?;
    // Both were checked to be in range.
    Ok(Seeds { from: from as u64, count: count as u32 })
}
