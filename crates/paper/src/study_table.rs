//! The table of a study's arms: `\restable`.

use allconv_study::results::ArmResult;

use crate::latex;
use crate::library::{Standing, Study};
use crate::resolve_arm::cost_ratio;
use crate::show;
use crate::study_text::counted;

/// A float with the table; empty before the first run.
pub(crate) fn table(study: &Study) -> String {
    if study.made() == 0 {
        return String::new();
    }
    let unit = study.unit();
    let head = format!(
        "arm & {} ({}) & difference ({}) & 95\\,\\% interval & $p$ & verdict & MACs & param.",
        latex::escaped(&study.metric()),
        latex::escaped(unit.symbol()),
        latex::escaped(unit.difference_symbol())
    );
    let rows: Vec<String> =
        (0..study.results.arms.len()).map(|arm| format!("    {} \\\\", row(study, arm))).collect();
    format!(
        "\\begin{{table}}[htbp]\n  \\centering\\footnotesize\\setlength{{\\tabcolsep}}{{3.5pt}}\n  \\caption{{{}}}\n  \\label{{tab:{}}}\n  \
         \\begin{{tabular}}{{@{{}}lrrrrlrr@{{}}}}\n    \\toprule\n    {head} \\\\\n    \\midrule\n{}\n    \\bottomrule\n  \\end{{tabular}}\n\\end{{table}}",
        caption(study),
        study.name(),
        rows.join("\n")
    )
}

fn row(study: &Study, arm_index: usize) -> String {
    let arm = &study.results.arms[arm_index];
    let unit = study.unit();
    let mut cells = vec![latex::code(&arm.name), mean(study, arm)];
    match study.results.comparison(arm_index) {
        None => {
            cells.extend(["baseline".to_owned(), String::new(), String::new(), String::new()]);
            let cost = arm.cost.as_ref();
            cells.push(cost.map(|cost| show::magnitude(cost.macs as f64)).unwrap_or_default());
            cells.push(cost.map(|cost| show::magnitude(cost.parameters as f64)).unwrap_or_default());
        }
        Some(comparison) => {
            cells.push(
                comparison
                    .mean_difference
                    .map_or_else(|| "--".to_owned(), |mean| show::signed(&unit.signed(mean))),
            );
            cells.push(
                comparison.interval.map_or_else(|| "--".to_owned(), |ends| show::bare_interval(unit, ends)),
            );
            cells.push(comparison.corrected_p.map_or_else(|| "--".to_owned(), show::bare_p));
            cells.push(comparison.verdict.label().replace("too few seeds for a verdict", "few seeds"));
            cells.push(cost_ratio(study, comparison, |cost| cost.macs).map(show::ratio).unwrap_or_default());
            cells.push(
                cost_ratio(study, comparison, |cost| cost.parameters).map(show::ratio).unwrap_or_default(),
            );
        }
    }
    cells.join(" & ")
}

/// The mean with half of its interval.
fn mean(study: &Study, arm: &ArmResult) -> String {
    let Some(summary) = arm.summary else { return "--".to_owned() };
    let half = arm.interval.map(|interval| (interval.high - interval.low) / 2.0);
    show::signed(&study.unit().mean_and_spread(summary.mean, half)).replace(" ± ", "\\,$\\pm$\\,")
}

fn caption(study: &Study) -> String {
    let n: Vec<usize> = study.results.arms.iter().map(|arm| arm.values.len()).collect();
    let (least, most) = (n.iter().min().copied().unwrap_or(0), n.iter().max().copied().unwrap_or(0));
    let n = if least == most { format!("$n={least}$") } else { format!("$n={least}$ to {most}") };
    let unfinished = match study.standing() {
        Standing::Final => String::new(),
        Standing::Unfinished => format!(
            "\\textbf{{Unfinished}}, {} of {} made. ",
            study.made(),
            counted(study.results.runs.len(), "run")
        ),
    };
    format!(
        "{unfinished}Study {}, {n}: mean $\\pm$ half of the 95\\,\\% $t$ interval, difference to the baseline with its interval, $p$ corrected over all \
         comparisons; multiplications and parameters relative to the baseline.",
        latex::code(study.name())
    )
}
