//! The page as Markdown: what is known, how surely and in which regime; then the evidence by task; screenings last.

use super::PublishedStudy;
use super::groups::{COSTS, Group, front, groups, is_order_shown};
use super::known;
use super::operators::{compares_operators, operators};
use crate::file::{Better, StudyFile};
use crate::metric::{Task, find_metric};
use crate::report::texts::{
    cell, claim_label, gap_markdown, inline, metric_name, opening_sentences, percent, signed_interval,
    verdict_sentence,
};
use crate::results::StudyResults;

const HEAD: &str = "# Which operator?

Written by `allconv study guide` from the committed results under `docs/results`; do not edit. Every number comes from runs that anybody can make
again; every table links its study. The page knows what these studies measured and nothing else: read the regime of a study before you carry an
answer into your own network.

How to read it:

- It begins with what is known, how surely, and in which regime. Studies with too few seeds for a verdict come last and advise nothing: the best of many
  means is partly the luckiest.
- Differences are arm − baseline for the same seed, with 95 % t intervals over seeds, all on one test set. *n* is the number of seeds.
- *Shown* is what the study's corrected test says at its α. *Undecided* is not equality. A claim *holds here* or *fails here*: in the regime of the study.
- *Worse, within, better* say how probable it is that the difference is worse than the study's margin, within it, or better than it, given these seeds
  and a flat prior.
- *Front* lists the arms that nothing cheaper beats in the mean, without intervals; **?→** stands where the order of two neighbours is not shown.
- Costs are relative to the baseline: ×0.50 is half of it. They are counted per image; memory is measured in training. Times are shown where
  `study bench` measured them in turns: those of runs that share a machine with other work compare nothing.

What an operator computes is told in [operators.md](operators.md).
";

/// The tasks in the order of the page, with the question that an engineer asks.
const SITUATIONS: [(Task, &str, &str); 4] = [
    (Task::Classification, "Classifiers", "What does downsampling do in a classifier?"),
    (
        Task::Restoration,
        "Super-resolution and restoration",
        "What do operators do in a network that restores images?",
    ),
    (Task::Segmentation, "Segmentation", "What do pairs of operators do in a U-Net?"),
    (Task::Any, "Other questions", "What else was compared?"),
];

pub(super) fn page(published: &[PublishedStudy]) -> String {
    let (about, others): (Vec<&PublishedStudy>, Vec<&PublishedStudy>) =
        published.iter().partition(|published| compares_operators(&published.study));
    let (judged, screened): (Vec<&PublishedStudy>, Vec<&PublishedStudy>) =
        about.into_iter().partition(|published| published.results.statistics.verdict_possible);
    let mut text = String::from(HEAD);
    text.push_str(&known_table(&judged));
    for (task, title, question) in SITUATIONS {
        let of_task: Vec<&&PublishedStudy> =
            judged.iter().filter(|published| task_of(&published.study) == task).collect();
        if of_task.is_empty() && task == Task::Any {
            continue;
        }
        text.push_str(&format!("\n## {title}\n\n{question}\n"));
        if of_task.is_empty() {
            text.push_str("\nNo published study asks this with seeds enough for a verdict.\n");
        }
        for published in of_task {
            text.push_str(&study_section(published));
        }
    }
    text.push_str(&screenings(&screened));
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

/// One row for each study with a verdict, those with the most seeds first.
fn known_table(judged: &[&PublishedStudy]) -> String {
    if judged.is_empty() {
        return "\n## What is known\n\nNo published study has seeds enough for a verdict.\n".to_owned();
    }
    let mut order = judged.to_vec();
    order.sort_by_key(|published| std::cmp::Reverse(published.study.seeds.count));
    let mut text = String::from(
        "\n## What is known\n\n| study | fitted? (training / test error) | what was found | how surely | not known |\n|---|---|---|---|---|\n",
    );
    for published in order {
        text.push_str(&format!(
            "| {}: {} | {} | {} | {} | {} |\n",
            link(&published.study),
            cell(&published.study.question),
            known::fitted(&published.results),
            known::found(published),
            known::strength(published),
            known::not_known(published)
        ));
    }
    text.push_str(
        "\nFitted: whether less than half of the test error is there on the training images already. Training errors with an asterisk were measured while \
         training, with dropout and augmentation, and are too large. *Fits worse*: the training error is larger; *generalises worse*: the gap from there to the \
         test error is; both by their 95 % intervals, uncorrected. More training may remove the first, and will not remove the second.\n",
    );
    text
}

/// The studies without a verdict: one table of what they are, then their numbers.
fn screenings(screened: &[&PublishedStudy]) -> String {
    if screened.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## Screenings\n\nToo few seeds for a verdict. What looks best here is a reason for a study with more seeds, not for a choice.\n\n\
         | study | fitted? (training / test error) | what was found | n |\n|---|---|---|---:|\n",
    );
    for PublishedStudy { study, results } in screened {
        text.push_str(&format!(
            "| {}: {} | {} | {} | {} |\n",
            link(study),
            cell(&study.question),
            known::fitted(results),
            known::screened(results),
            study.seeds.count
        ));
    }
    for published in screened {
        text.push_str(&study_section(published));
    }
    text
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
    for disclosure in &study.disclosures {
        text.push_str(&format!("\n> **Disclosed.** {}\n", inline(disclosure)));
    }
    for sentence in opening_sentences(study, results) {
        text.push_str(&format!("\n{}\n", inline(&sentence)));
    }
    if !results.claims.is_empty() {
        text.push_str("\nWhat was claimed beforehand:\n\n");
        for claim in &results.claims {
            text.push_str(&format!("- **{}**: {}\n", claim_label(claim), inline(&claim.text)));
            if let Some(sentence) = verdict_sentence(results, claim) {
                text.push_str(&format!("  {}\n", inline(&sentence)));
            }
        }
    }
    let is_judged = results.statistics.verdict_possible;
    if is_judged {
        text.push_str(&gap_markdown(results, 4));
    }
    for group in groups(study, results) {
        text.push_str(&evidence(study, results, &group));
        if is_judged {
            text.push_str(&front_line(study, results, &group));
        }
    }
    text
}

/// The arms that nothing cheaper beats in the mean.
fn front_line(study: &StudyFile, results: &StudyResults, group: &Group) -> String {
    let front = front(study, results, group, COSTS[0]);
    if front.len() < 2 {
        return String::new();
    }
    let mut steps = String::new();
    for (position, arm) in front.iter().enumerate() {
        if position > 0 {
            let is_shown = is_order_shown(study, results, front[position - 1], *arm);
            steps.push_str(if is_shown { " → " } else { " ?→ " });
        }
        let summary = results.arms[*arm].summary;
        let mean = summary.map_or("–".to_string(), |summary| results.unit.value(summary.mean));
        let cost = ratio(results, COSTS[0].read, *arm, group.baseline);
        steps.push_str(&format!("`{}` ({cost}, {mean})", results.arms[*arm].name));
    }
    format!("\nFront of MACs and {}: {steps}.\n", inline(&metric_name(study)))
}

fn evidence(study: &StudyFile, results: &StudyResults, group: &Group) -> String {
    let is_judged = results.statistics.verdict_possible;
    let has_chances = is_judged
        && group
            .arms
            .iter()
            .filter_map(|arm| results.comparison(*arm))
            .any(|found| found.practical.is_some());
    let costs: Vec<_> = COSTS
        .iter()
        .filter(|cost| group.arms.iter().any(|arm| (cost.read)(&results.arms[*arm]).is_some()))
        .collect();
    let symbol = |symbol: &str| if symbol.is_empty() { String::new() } else { format!(" ({symbol})") };
    let mut heads = vec![
        format!("{}{}", cell(&metric_name(study)), symbol(results.unit.symbol())),
        "n".to_owned(),
        format!("difference{}", symbol(results.unit.difference_symbol())),
        "95 % interval".to_owned(),
    ];
    if has_chances {
        heads.extend(["worse", "within", "better"].map(str::to_owned));
    }
    heads.extend(costs.iter().map(|cost| cost.name.to_owned()));
    let mut text = format!(
        "\nAgainst `{}`:\n\n| arm | operator |{} {} |\n|---|---|{}{}\n",
        results.arms[group.baseline].name,
        if is_judged { " verdict |" } else { "" },
        heads.join(" | "),
        if is_judged { "---|" } else { "" },
        "---:|".repeat(heads.len()),
    );
    let mut order = group.arms.clone();
    if is_judged {
        // Best first, so that the table can be read from its top; without a verdict nothing is best.
        order.sort_by(|a, b| {
            let mean = |arm: &usize| results.arms[*arm].summary.map_or(f64::INFINITY, |summary| summary.mean);
            let ascending = mean(a).total_cmp(&mean(b)).then(a.cmp(b));
            if study.primary.better == Better::Lower { ascending } else { ascending.reverse() }
        });
    }
    for arm in order {
        let described = &results.arms[arm];
        let mean = described.summary.map_or("–".to_string(), |summary| {
            results.unit.mean_and_spread(summary.mean, summary.standard_deviation)
        });
        let found = results.comparison(arm);
        let difference = match found {
            None => "baseline".to_string(),
            Some(found) => found.mean_difference.map_or("–".to_string(), |mean| results.unit.signed(mean)),
        };
        let mut cells = vec![
            mean,
            described.values.len().to_string(),
            difference,
            found.map_or(String::new(), |found| signed_interval(results, found.interval)),
        ];
        if has_chances {
            let chances = found.and_then(|found| found.practical);
            let chance = |read: fn((f64, f64, f64)) -> f64| {
                chances.map_or(String::new(), |chances| percent(read(chances)))
            };
            cells.extend([chance(|all| all.0), chance(|all| all.1), chance(|all| all.2)]);
        }
        cells.extend(costs.iter().map(|cost| ratio(results, cost.read, arm, group.baseline)));
        let verdict = found.map_or(String::new(), |found| found.verdict.label().to_owned());
        text.push_str(&format!(
            "| `{}` | {} |{} {} |\n",
            described.name,
            cell(&operators(study, &study.arms[arm])),
            if is_judged { format!(" {verdict} |") } else { String::new() },
            cells.join(" | ")
        ));
    }
    text
}
