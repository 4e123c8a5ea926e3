//! Values of studies, of claims, of lines along the length of training, and of all studies together.

use allconv_study::results::{ClaimVerdict, NumericFactor, TrendResult};
use allconv_study::{MetricUnit, plan};

use crate::key::suggestion;
use crate::library::{Library, Standing, Study};
use crate::show;
use crate::value::{Value, unknown_quantity};

/// Quantities of all studies together.
pub(crate) const PAPER: [&str; 6] =
    ["studies", "studies_finished", "runs", "runs_made", "runs_lost", "hours"];

/// Quantities of a study.
pub(crate) const STUDY: [&str; 23] = [
    "runs",
    "runs_made",
    "runs_lost",
    "runs_searched",
    "arms",
    "seeds",
    "comparisons",
    "claims",
    "claims_held",
    "claims_failed",
    "claims_open",
    "alpha",
    "margin",
    "metric",
    "training_error",
    "test_error",
    "regime",
    "folds",
    "fold_factor",
    "least_difference",
    "most_difference",
    "hours",
    "hours_per_run",
];

/// Quantities of a claim.
pub(crate) const CLAIM: [&str; 5] = ["verdict", "p", "p_against", "chance_holds", "chance_fails"];

/// Quantities of a contrast.
pub(crate) const CONTRAST: [&str; 5] = ["difference", "interval", "n", "margin", "part"];

/// Quantities of a line along the length of training.
pub(crate) const TREND: [&str; 6] = ["slope", "interval", "p", "n", "crossing", "crossing_interval"];

/// A quantity of all studies together.
pub(crate) fn paper_value(library: &Library, quantity: &str) -> Result<Value, String> {
    if !PAPER.contains(&quantity) {
        return Err(unknown_quantity("`paper`", quantity, &PAPER));
    }
    let studies: Vec<&Study> = library.studies.values().collect();
    let finished = studies.iter().filter(|study| study.standing() == Standing::Final).count();
    let sum = |of: fn(&Study) -> usize| studies.iter().map(|study| of(study)).sum::<usize>() as u64;
    let text = match quantity {
        "studies" => show::count(studies.len() as u64),
        "studies_finished" => show::count(finished as u64),
        "runs" => show::count(sum(|study| study.results.runs.len())),
        "runs_made" => show::count(sum(Study::made)),
        "runs_lost" => show::count(sum(lost)),
        _ => show::duration(studies.iter().flat_map(|study| study.seconds()).sum()),
    };
    // Counts of what there is are true of every draft.
    let of = studies.iter().map(|study| study.name().to_owned()).collect();
    Ok(Value { text: Some(text), of, standing: Standing::Final })
}

fn lost(study: &Study) -> usize {
    study.results.arms.iter().map(|arm| arm.lost).sum()
}

/// A quantity of a study.
pub(crate) fn study_value(study: &Study, quantity: &str) -> Result<Value, String> {
    if !STUDY.contains(&quantity) {
        return Err(unknown_quantity(&format!("study `{}`", study.name()), quantity, &STUDY));
    }
    let file_count = |count: usize| Value::of_file(show::count(count as u64));
    let verdicts =
        |verdict: ClaimVerdict| study.results.claims.iter().filter(|claim| claim.verdict == verdict).count();
    let claims = |verdict: ClaimVerdict| {
        let is_decided = study.standing() == Standing::Final;
        Value::of_study(study, is_decided.then(|| show::count(verdicts(verdict) as u64)))
    };
    Ok(match quantity {
        "runs" => file_count(plan(&study.file).len()),
        // What is made is made, whatever is still to come.
        "runs_made" => Value {
            standing: Standing::Final,
            ..Value::of_study(study, Some(show::count(study.made() as u64)))
        },
        "arms" => file_count(study.file.arms.len()),
        "seeds" => file_count(study.file.seeds.count as usize),
        "comparisons" => file_count(study.file.comparison_count()),
        "claims" => file_count(study.file.claims.len()),
        "claims_held" => claims(ClaimVerdict::Holds),
        "claims_failed" => claims(ClaimVerdict::Fails),
        "claims_open" => claims(ClaimVerdict::Open),
        "alpha" => Value::of_file(study.file.compare.alpha.to_string()),
        "metric" => Value::of_file(study.metric()),
        "margin" => {
            let margin = study.file.compare.equivalence_margin;
            Value::of_file(
                margin.map_or_else(|| "no margin".to_owned(), |margin| show::margin(study.unit(), margin)),
            )
        }
        _ => Value::of_study(study, measured(study, quantity)),
    })
}

/// A quantity of a study that its runs give.
fn measured(study: &Study, quantity: &str) -> Option<String> {
    let (results, unit) = (&study.results, study.unit());
    let error = MetricUnit::of("error");
    let differences = || results.comparisons.iter().filter_map(|comparison| comparison.mean_difference);
    let seconds = study.seconds();
    match quantity {
        "runs_lost" => Some(show::count(lost(study) as u64)),
        "runs_searched" => {
            Some(show::count(study.searched().filter(|run| run.record.is_some()).count() as u64))
        }
        "training_error" => results.regime.map(|regime| show::value(error, regime.training_error)),
        "test_error" => results.regime.map(|regime| show::value(error, regime.test_error)),
        "regime" => results
            .regime
            .map(|regime| if regime.is_underfitted() { "underfitted" } else { "fitted" }.to_owned()),
        "folds" => results.statistics.folds.map(|folds| show::count(folds.folds as u64)),
        "fold_factor" => results.statistics.folds.map(|folds| format!("{:.2}", folds.factor())),
        "least_difference" => differences().reduce(f64::min).map(|least| show::difference(unit, least)),
        "most_difference" => differences().reduce(f64::max).map(|most| show::difference(unit, most)),
        "hours" => (!seconds.is_empty()).then(|| show::duration(seconds.iter().sum())),
        _ => {
            (!seconds.is_empty()).then(|| show::duration(seconds.iter().sum::<f64>() / seconds.len() as f64))
        }
    }
}

/// A quantity of a claim.
pub(crate) fn claim_value(study: &Study, name: &str, quantity: &str) -> Result<Value, String> {
    let position = find_claim(study, name)?;
    if !CLAIM.contains(&quantity) {
        return Err(unknown_quantity(&format!("claim `{name}` of `{}`", study.name()), quantity, &CLAIM));
    }
    let claim = &study.results.claims[position];
    let is_decided = !matches!(claim.verdict, ClaimVerdict::Interim);
    let text = match quantity {
        "verdict" => is_decided.then(|| claim.verdict.label().to_owned()),
        "p" => is_decided.then(|| show::p(claim.corrected.p_for)),
        "p_against" => is_decided.then(|| show::p(claim.corrected.p_against)),
        "chance_holds" => claim.chances.map(|chances| show::chance(chances.holds_if_true)),
        _ => claim.chances.map(|chances| show::chance(chances.fails_if_false)),
    };
    Ok(Value::of_study(study, text))
}

/// A quantity of a contrast of a claim.
pub(crate) fn contrast_value(
    study: &Study,
    (name, number): (&str, usize),
    quantity: &str,
) -> Result<Value, String> {
    let position = find_claim(study, name)?;
    if !CONTRAST.contains(&quantity) {
        return Err(unknown_quantity("a contrast", quantity, &CONTRAST));
    }
    let (asked, found) = (&study.file.claims[position].contrasts, &study.results.claims[position].contrasts);
    let (Some(contrast), Some(result)) = (asked.get(number - 1), found.get(number - 1)) else {
        let noun = if asked.len() == 1 { "contrast" } else { "contrasts" };
        return Err(format!(
            "claim `{name}` of `{}` has {} {noun}, none of number {number}",
            study.name(),
            asked.len()
        ));
    };
    let unit = MetricUnit::of(&contrast.metric);
    let arms: Vec<usize> = contrast.of.iter().chain(&contrast.against).copied().collect();
    let text = match quantity {
        "difference" => result.mean.map(|mean| show::difference(unit, mean)),
        "interval" => result.interval.map(|interval| show::difference_interval(unit, interval)),
        "n" => Some(show::count(result.values.len() as u64)),
        "margin" => return Ok(Value::of_file(show::margin(unit, contrast.margin))),
        _ => Some(result.part.name().to_owned()),
    };
    Ok(match quantity {
        "part" => Value::of_study(study, text),
        _ => Value::of_arms(study, &arms, text),
    })
}

fn find_claim(study: &Study, name: &str) -> Result<usize, String> {
    study.file.claims.iter().position(|claim| claim.name == name).ok_or_else(|| {
        let names = study.file.claims.iter().map(|claim| claim.name.as_str());
        format!("study `{}` has no claim `{name}`{}", study.name(), suggestion(name, names))
    })
}

/// A quantity of a line along the length of training.
pub(crate) fn trend_value(study: &Study, name: &str, quantity: &str) -> Result<Value, String> {
    let names = trend_names(study);
    if names.is_empty() {
        return Err(format!(
            "no factor of study `{}` is the length of training, so that it has no trends",
            study.name()
        ));
    }
    if !names.iter().any(|known| known == name) {
        let known = names.iter().map(String::as_str);
        return Err(format!("study `{}` has no trend `{name}`{}", study.name(), suggestion(name, known)));
    }
    if !TREND.contains(&quantity) {
        return Err(unknown_quantity("a trend", quantity, &TREND));
    }
    let table = study.results.trend.as_ref();
    let row = table.and_then(|table| table.rows.iter().find(|row| row.name == name));
    let quantity_name = table.map_or("epochs", |table| table.factor.quantity);
    let text = row.and_then(|row| trend_text(study.unit(), row, (quantity, quantity_name)));
    Ok(Value::of_study(study, text))
}

/// Arms of a study with a factor that is the length of training, without the level of the length; empty for others.
fn trend_names(study: &Study) -> Vec<String> {
    let Some(length) = NumericFactor::of(&study.file) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for (index, arm) in study.file.arms.iter().enumerate() {
        let levels = study.file.factors.iter().zip(&arm.levels).enumerate();
        let others = levels.filter(|(factor, _)| *factor != length.index);
        let name =
            others.map(|(_, (factor, level))| factor.levels[*level].as_str()).collect::<Vec<_>>().join("_");
        if study.file.baseline_of(index).is_some() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn trend_text(unit: MetricUnit, row: &TrendResult, (quantity, length): (&str, &str)) -> Option<String> {
    let number = |place: f64| {
        if place < 100.0 {
            format!("{place:.1} {length}")
        } else {
            format!("{} {length}", show::magnitude(place))
        }
    };
    match quantity {
        "slope" => Some(show::difference(unit, row.slope)),
        "interval" => row.slope_interval.map(|interval| show::difference_interval(unit, interval)),
        "p" => row.corrected_p.map(show::p),
        "n" => Some(show::count(row.n as u64)),
        // No crossing is named where the change itself is not shown.
        "crossing" => {
            let crossing = row.crossing.filter(|crossing| crossing.interval.is_some());
            Some(
                crossing
                    .and_then(|crossing| crossing.place)
                    .map_or_else(|| "no shown place".to_owned(), |place| number(place.exp2())),
            )
        }
        _ => row
            .crossing
            .and_then(|crossing| crossing.interval)
            .map(|ends| format!("$[{:.1},\\,{:.1}]$ {length}", ends.low.exp2(), ends.high.exp2())),
    }
}
