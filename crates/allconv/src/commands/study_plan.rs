//! `allconv study plan`: how many seeds the comparisons of a study need, and the chances of its claims.

use allconv_document::Table;
use allconv_study::{PlanAims, SPREAD_CONFIDENCE, StudyResults, plan_claims, plan_seeds};
use serde_json::{Value, json};

use super::opened_study::open;
use crate::arguments::StudyPlanArguments;
use crate::exit::{self, UsageError};
use crate::output;

/// Runs the command.
pub(crate) fn run(arguments: &StudyPlanArguments) -> anyhow::Result<u8> {
    let power = arguments.power;
    if !(power > 0.0 && power < 1.0) {
        return Err(
            UsageError(format!("--power {power} is not a probability: it must lie between 0 and 1")).into()
        );
    }
    let opened = open(&arguments.study)?;
    let difference = arguments.difference.or(opened.study.compare.equivalence_margin).ok_or_else(|| {
        UsageError("--difference is needed: the study states no equivalence margin to plan for".to_owned())
    })?;
    if !(difference > 0.0 && difference.is_finite()) {
        return Err(UsageError(format!("--difference {difference} must be finite and above 0")).into());
    }
    let true_difference = arguments.true_difference;
    if !(true_difference >= 0.0 && true_difference.is_finite()) {
        return Err(
            UsageError(format!("--true-difference {true_difference} must be finite and at least 0")).into()
        );
    }
    let results = StudyResults::collect(&opened.study, &opened.folders())?;
    let columns = [
        ("arm", "Arm"),
        ("baseline", "Against"),
        ("n", "Pairs seen"),
        ("spread", "Spread of differences"),
        ("power", "Power now"),
        ("careful_seeds", "Seeds"),
        ("seeds", "Seeds at the spread seen"),
        ("equivalence_seeds", "Seeds, equivalence"),
    ];
    let mut table = Table::data("allconv.plan/1", &columns);
    let rounded = |value: Option<f64>, digits: f64| {
        value.map_or(Value::Null, |value| json!((value * digits).round() / digits))
    };
    let aims = PlanAims { difference, true_difference, power };
    for row in plan_seeds(&opened.study, &results, aims) {
        table.push(vec![
            json!(row.arm),
            json!(row.baseline),
            json!(row.n),
            rounded(row.spread, 1e6),
            rounded(row.power, 1e3),
            json!(row.careful_seeds),
            json!(row.seeds),
            json!(row.equivalence_seeds),
        ]);
    }
    output::print(&arguments.study.format.write(&table))?;
    output::note(format_args!(
        "seeds that show a true difference of {difference} with a chance of {power}, by a paired t test at α = {} over {} comparisons; \
         at the upper {:.0} % confidence limit of the spread, since one seen over few seeds is often too small; equivalence: that show arms which truly \
         differ by {true_difference} to differ by less than the margin",
        opened.study.compare.alpha,
        opened.study.comparison_count(),
        100.0 * SPREAD_CONFIDENCE
    ));
    for claim in plan_claims(&opened.study, &results, power) {
        output::note(format_args!("{}", claim.sentence(power)));
    }
    Ok(exit::OK)
}
