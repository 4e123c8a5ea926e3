//! The page as Markdown: a short answer over all studies, then a section for every task with its evidence.

use super::PublishedStudy;
use super::advice::{COSTS, Group, best, cheapest, front, groups};
use super::operators::{compares_operators, operators};
use crate::file::{Better, StudyFile};
use crate::metric::{Task, find_metric};
use crate::report::texts::{cell, inline, metric_name, opening_sentences, signed_interval, with_unit};
use crate::results::{StudyResults, Verdict};
use crate::text::counted;

const HEAD: &str = "# Which operator?

Written by `allconv study guide` from the committed results under `docs/results`; do not edit. Every number comes from runs that anybody can make
again; every table links its study. The page knows what these studies measured and nothing else: read the regime above each table before you carry an
answer into your own network.

How the advice is made:

- Differences are arm − baseline for the same seed, with 95 % t intervals over seeds. *n* is the number of seeds.
- *Best result* is the best mean in the sample. It is called shown only where the study's corrected test says so; the best of many means is partly the
  luckiest.
- *Least cost* is the cheapest arm whose interval excludes a loss larger than the study's equivalence margin (of arms within 1 %, the better one); the baseline itself,
  where no cheaper arm does. With few seeds intervals are wide, and the advice stays with the baseline.
- *Front* lists the arms that nothing cheaper beats in the mean, for those who will pay for less cost with a loss.
- Costs are relative to the baseline: ×0.50 is half of it. Counted costs are per image; memory, inference and training time were measured on the
  machine that the study names.

What an operator computes is told in [operators.md](operators.md).
";

/// The tasks in the order of the page, with the question that an engineer asks.
const SITUATIONS: [(Task, &str, &str); 4] = [
    (Task::Classification, "Classifiers", "Which downsampling goes into a classifier?"),
    (
        Task::Restoration,
        "Super-resolution and restoration",
        "Which operators go into a network that restores images?",
    ),
    (Task::Segmentation, "Segmentation", "Which pair of operators goes into a U-Net?"),
    (Task::Any, "Other questions", "What else was compared?"),
];

pub(super) fn page(published: &[PublishedStudy]) -> String {
    let (about, others): (Vec<&PublishedStudy>, Vec<&PublishedStudy>) =
        published.iter().partition(|published| compares_operators(&published.study));
    let mut text = String::from(HEAD);
    text.push_str(&short_answer(&about));
    for (task, title, question) in SITUATIONS {
        let of_task: Vec<&&PublishedStudy> =
            about.iter().filter(|published| task_of(&published.study) == task).collect();
        if of_task.is_empty() && task == Task::Any {
            continue;
        }
        text.push_str(&format!("\n## {title}\n\n{question}\n"));
        if of_task.is_empty() {
            text.push_str("\nNo published study asks this.\n");
        }
        for published in of_task {
            text.push_str(&study_section(published));
        }
    }
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(|published| link(&published.study)).collect();
        text.push_str(&format!(
            "\n## Studies that compare something else\n\nTheir arms share their operators: {}.\n",
            names.join(", ")
        ));
    }
    text
}

fn task_of(study: &StudyFile) -> Task {
    find_metric(&study.primary.metric).map_or(Task::Any, |metric| metric.task)
}

fn link(study: &StudyFile) -> String {
    format!("[{0}](results/{0}/README.md)", study.name)
}

/// One line per group of arms: the best result, and the least of the first cost that differs.
fn short_answer(published: &[&PublishedStudy]) -> String {
    let mut rows = String::new();
    for (task, title, _) in SITUATIONS {
        for PublishedStudy { study, results } in
            published.iter().filter(|published| task_of(&published.study) == task)
        {
            for group in groups(study, results) {
                let winner = best(study, results, &group);
                let saving =
                    COSTS.iter().find_map(|cost| Some((cost, cheapest(study, results, &group, *cost)?)));
                let saving = saving.map_or("all cost the same".to_string(), |(cost, cheapest)| {
                    if cheapest.arm == group.baseline {
                        return "the baseline".to_string();
                    }
                    format!(
                        "`{}` ({} {})",
                        results.arms[cheapest.arm].name,
                        cost.name,
                        ratio(results, cost.read, cheapest.arm, group.baseline)
                    )
                });
                rows.push_str(&format!(
                    "| {title} | {} | `{}` | `{}`: {} | {saving} | {} |\n",
                    link(study),
                    results.arms[group.baseline].name,
                    results.arms[winner].name,
                    against_baseline(study, results, winner),
                    seeds(results, &group),
                ));
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "\n## In short\n\n| task | study | baseline | best result | least cost without losing more than the margin | n |\n|---|---|---|---|---|---:|\n{rows}"
    )
}

/// The difference of an arm with its interval and what may be said of it.
fn against_baseline(study: &StudyFile, results: &StudyResults, arm: usize) -> String {
    let Some(comparison) = results.comparison(arm) else {
        let best = match study.primary.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        };
        return format!("the baseline; no arm's mean is {best}");
    };
    let difference = comparison
        .mean_difference
        .map_or("–".to_string(), |mean| with_unit(results, results.unit.signed(mean)));
    format!(
        "{difference} ({}; {})",
        signed_interval(results, comparison.interval),
        comparison.verdict.label()
    )
}

/// `9`, or `7 to 9`.
fn seeds(results: &StudyResults, group: &Group) -> String {
    let counts = group.arms.iter().map(|arm| results.arms[*arm].values.len());
    let (least, most) =
        counts.fold((usize::MAX, 0), |(least, most), count| (least.min(count), most.max(count)));
    if least == most { most.to_string() } else { format!("{least} to {most}") }
}

fn ratio(
    results: &StudyResults,
    read: fn(&crate::results::ArmResult) -> Option<f64>,
    arm: usize,
    baseline: usize,
) -> String {
    match (read(&results.arms[arm]), read(&results.arms[baseline])) {
        (Some(own), Some(base)) if base > 0.0 => format!("×{:.2}", own / base),
        _ => "–".to_string(),
    }
}

fn study_section(PublishedStudy { study, results }: &PublishedStudy) -> String {
    let mut text = format!("\n### {}\n\n{}.\n", inline(&study.question), link(study));
    if let Some(caveat) = &study.caveat {
        text.push_str(&format!("\n> **Regime.** {}\n", inline(caveat)));
    }
    for sentence in opening_sentences(study, results) {
        text.push_str(&format!("\n{}\n", inline(&sentence)));
    }
    let lost: usize = results.arms.iter().map(|arm| arm.lost).sum();
    if lost > 0 {
        text.push_str(&format!("\n{} diverged or got stuck; their seeds are missing from the means below and counted in the study's report.\n", counted(lost, "run")));
    }
    if !results.claims.is_empty() {
        text.push_str("\nWhat was claimed beforehand:\n\n");
        for claim in &results.claims {
            text.push_str(&format!("- **{}**: {}\n", claim.verdict.label(), inline(&claim.text)));
        }
    }
    for group in groups(study, results) {
        text.push_str(&choices(study, results, &group));
        text.push_str(&evidence(study, results, &group));
    }
    text
}

fn choices(study: &StudyFile, results: &StudyResults, group: &Group) -> String {
    let baseline = &results.arms[group.baseline].name;
    let winner = best(study, results, group);
    let mut text = format!(
        "\nAgainst `{baseline}`:\n\n| if you want the | choose | because |\n|---|---|---|\n| best {} | `{}` | {} |\n",
        cell(&metric_name(study)),
        results.arms[winner].name,
        against_baseline(study, results, winner),
    );
    for cost in COSTS {
        let Some(found) = cheapest(study, results, group, cost) else { continue };
        let because = if found.arm == group.baseline && found.cheaper > 0 {
            format!("{} may lose too much: {}", cheaper_arms(found.cheaper), INTERVAL_TOO_WIDE)
        } else if found.arm == group.baseline {
            "nothing is cheaper".to_string()
        } else {
            let kept = format!(
                "{} {}; {}",
                cost.name,
                ratio(results, cost.read, found.arm, group.baseline),
                against_baseline(study, results, found.arm)
            );
            match found.cheaper {
                0 => kept,
                cheaper => {
                    format!("{kept}. {} may lose too much: {INTERVAL_TOO_WIDE}", cheaper_arms(cheaper))
                }
            }
        };
        text.push_str(&format!("| {} | `{}` | {because} |\n", cost.wish, results.arms[found.arm].name));
    }
    let front = front(study, results, group, COSTS[0]);
    if front.len() > 1 {
        let steps: Vec<String> = front
            .iter()
            .map(|arm| {
                let mean = results.arms[*arm]
                    .summary
                    .map_or("–".to_string(), |summary| results.unit.value(summary.mean));
                format!(
                    "`{}` ({}, {mean})",
                    results.arms[*arm].name,
                    ratio(results, COSTS[0].read, *arm, group.baseline)
                )
            })
            .collect();
        text.push_str(&format!(
            "\nFront of MACs and {}: {}.\n",
            inline(&metric_name(study)),
            steps.join(" → ")
        ));
    }
    text
}

const INTERVAL_TOO_WIDE: &str = "the interval reaches beyond the margin";

/// `the one cheaper arm`, `each of 3 cheaper arms`.
fn cheaper_arms(count: usize) -> String {
    if count == 1 { "The one cheaper arm".to_string() } else { format!("Each of {count} cheaper arms") }
}

fn evidence(study: &StudyFile, results: &StudyResults, group: &Group) -> String {
    let costs: Vec<_> = COSTS
        .iter()
        .filter(|cost| group.arms.iter().any(|arm| (cost.read)(&results.arms[*arm]).is_some()))
        .collect();
    let symbol = |symbol: &str| if symbol.is_empty() { String::new() } else { format!(" ({symbol})") };
    let mut text = format!(
        "\n| arm | operator | {}{} | n | difference{} | 95 % interval | verdict |{}\n|---|---|---:|---:|---:|---:|---|{}\n",
        cell(&metric_name(study)),
        symbol(results.unit.symbol()),
        symbol(results.unit.difference_symbol()),
        costs.iter().map(|cost| format!(" {} |", cost.name)).collect::<String>(),
        "---:|".repeat(costs.len()),
    );
    let mut order = group.arms.clone();
    // Best first, so that the table can be read from its top.
    order.sort_by(|a, b| {
        let mean = |arm: &usize| results.arms[*arm].summary.map_or(f64::INFINITY, |summary| summary.mean);
        let ascending = mean(a).total_cmp(&mean(b)).then(a.cmp(b));
        if study.primary.better == Better::Lower { ascending } else { ascending.reverse() }
    });
    for arm in order {
        let described = &results.arms[arm];
        let mean = described.summary.map_or("–".to_string(), |summary| {
            results.unit.mean_and_spread(summary.mean, summary.standard_deviation)
        });
        let (difference, interval, verdict) = match results.comparison(arm) {
            None => ("baseline".to_string(), String::new(), String::new()),
            Some(comparison) => (
                comparison.mean_difference.map_or("–".to_string(), |mean| results.unit.signed(mean)),
                signed_interval(results, comparison.interval),
                comparison.verdict.label().to_string(),
            ),
        };
        text.push_str(&format!(
            "| `{}` | {} | {mean} | {} | {difference} | {interval} | {verdict} |",
            described.name,
            cell(&operators(study, &study.arms[arm])),
            described.values.len()
        ));
        for cost in &costs {
            text.push_str(&format!(" {} |", ratio(results, cost.read, arm, group.baseline)));
        }
        text.push('\n');
    }
    let is_undecided = group
        .arms
        .iter()
        .filter_map(|arm| results.comparison(*arm))
        .any(|comparison| matches!(comparison.verdict, Verdict::IntervalsOnly));
    if is_undecided {
        text.push_str(&format!(
            "\nFewer than {} seeds: intervals only. An interval without zero is a hint for the next study, not a finding of this one.\n",
            results.statistics.seeds_needed
        ));
    }
    text
}
