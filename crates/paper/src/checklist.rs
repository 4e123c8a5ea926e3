//! The reproducibility checklist in the form of NeurIPS: what records can answer is generated, what only the authors know comes from `paper.toml`.

use std::collections::{BTreeMap, BTreeSet};

use allconv_record::{RunRecord, Spread};

use crate::config::{AuthorAnswer, PaperConfig};
use crate::key::suggestion;
use crate::latex;
use crate::library::{Library, Study, seconds_of};
use crate::show;
use crate::study_text::counted;

/// An item: its name in `paper.toml`, its title, and what it asks.
struct Item {
    name: &'static str,
    title: &'static str,
    asks: &'static str,
}

const fn item(name: &'static str, title: &'static str, asks: &'static str) -> Item {
    Item { name, title, asks }
}

/// The items in the order of the checklist.
const ITEMS: [Item; 16] = [
    item("claims", "Claims", "Do abstract and introduction say what is shown, and where it holds?"),
    item("limitations", "Limitations", "Are the limitations discussed?"),
    item(
        "theory",
        "Theory, assumptions and proofs",
        "Has every theoretical result its assumptions and a proof?",
    ),
    item(
        "reproducibility",
        "Reproducibility of the results",
        "Is everything told that it takes to reproduce the main results?",
    ),
    item("access", "Open access to data and code", "Are data and code open, with instructions?"),
    item(
        "settings",
        "Settings of the experiments",
        "Are all details of training and testing told, and how they were chosen?",
    ),
    item(
        "significance",
        "Statistical significance",
        "Are error bars or tests given, with what varies, method and assumptions?",
    ),
    item(
        "compute",
        "Compute",
        "Are processors, memory and time told for each run and in total, and what else the project took?",
    ),
    item("ethics", "Code of ethics", "Does the research conform with the code of ethics?"),
    item("impact", "Broader impact", "Are possible effects on society discussed?"),
    item("safeguards", "Safeguards", "Are there safeguards for what could be misused?"),
    item(
        "licences",
        "Licences of what is used",
        "Are data, code and models that are used credited, with their licences?",
    ),
    item("assets", "New assets", "Is what is released documented?"),
    item("crowdsourcing", "Crowdsourcing and human subjects", "Are instructions and payment told?"),
    item("irb", "Approval for human subjects", "Are risks and approvals told?"),
    item("llm", "Use of language models", "Is their use told where it is a part of the methods?"),
];

/// The checklist; and the items that wait for an answer of the authors.
///
/// # Errors
/// A sentence when `paper.toml` answers an item that does not exist.
pub(crate) fn checklist(
    config: &PaperConfig,
    library: &Library,
) -> Result<(String, Vec<&'static str>), String> {
    let known = || ITEMS.iter().map(|item| item.name);
    if let Some(unknown) = config.checklist.keys().find(|name| !known().any(|item| item == name.as_str())) {
        return Err(format!("[checklist] has no item `{unknown}`{}", suggestion(unknown, known())));
    }
    let (mut items, mut open) = (String::new(), Vec::new());
    for Item { name, title, asks } in &ITEMS {
        let given = config.checklist.get(*name);
        let generated = generated(name, library);
        if given.is_none() && generated.is_none() {
            open.push(*name);
        }
        items.push_str(&format!(
            "  \\item \\textbf{{{title}.}} \\emph{{{asks}}} {}\n",
            answer(given, generated)
        ));
    }
    let text = format!(
        "\\begin{{enumerate}}\\sloppy\\setlength{{\\itemsep}}{{2pt}}\n{items}\\end{{enumerate}}\n{}",
        compute_table(library)
    );
    Ok((text, open))
}

/// The answer of the authors, then what the records say; a mark where neither is there.
fn answer(given: Option<&AuthorAnswer>, generated: Option<String>) -> String {
    let word = match given.map(|given| given.answer.as_str()) {
        Some("no") => "No.",
        Some("na") => "Not applicable.",
        None if generated.is_none() => return "\\textbf{Answer:}~\\pending{}".to_owned(),
        _ => "Yes.",
    };
    let texts = generated.into_iter().chain(given.map(|given| latex::escaped(&given.because)));
    format!("\\textbf{{{word}}} {}", texts.collect::<Vec<_>>().join(" "))
}

/// What the records say about an item; `None` where they say nothing.
fn generated(name: &str, library: &Library) -> Option<String> {
    match name {
        "reproducibility" => Some(
            "Every number is a key into published run records; \\texttt{paper.lock} names for each the runs it rests on, and for each run the hashes of its \
             specification and outcomes. \\texttt{allconv paper verify} derives all numbers again, and with \\texttt{{-}{-}sample}, \\texttt{{-}{-}run} or \
             \\texttt{{-}{-}all} trains runs again and compares them by hash."
                .to_owned(),
        ),
        "settings" => Some(format!(
            "The study files ({}) and the resolved specification of each run are published.",
            library.studies.keys().map(|name| latex::code(name)).collect::<Vec<_>>().join(", ")
        )),
        "significance" => Some(significance(library)),
        "compute" => Some(compute(library)),
        _ => None,
    }
}

/// The factor of variability, the method and the assumptions.
fn significance(library: &Library) -> String {
    let seeds: BTreeSet<u32> = library.studies.values().map(|study| study.file.seeds.count).collect();
    let seeds = match (seeds.first(), seeds.last()) {
        (Some(least), Some(most)) if least != most => format!("{least} to {most}"),
        (Some(one), _) => one.to_string(),
        _ => "no".to_owned(),
    };
    let folds = library.studies.values().filter(|study| study.results.statistics.folds.is_some()).count();
    let folds = match folds {
        0 => String::new(),
        folds => format!(
            " In {} the seeds walk through folds of the data, and the variance is that of Nadeau and Bengio.",
            counted(folds, "study").replace("studys", "studies")
        ),
    };
    let claims: usize = library.studies.values().map(|study| study.file.claims.len()).sum();
    format!(
        "\\emph{{Factor of variability:}} the seed ({seeds} a study), which decides initial weights, order of images, augmentation and dropout; the test images are the same \
         for all seeds.{folds} \\emph{{Method:}} mean differences within seeds, 95\\,\\% intervals of Student's $t$, tests corrected over all planned comparisons as each study file \
         says, equivalence by two one-sided tests; {} registered. \\emph{{Assumptions:}} differences are independent and roughly normal; exact sign-flip tests \
         stand beside. Spreads are standard deviations, never standard errors.",
        counted(claims, "claim")
    )
}

/// Time in total and of a run, over all studies.
fn compute(library: &Library) -> String {
    let seconds: Vec<f64> = library.studies.values().flat_map(Study::seconds).collect();
    let (runs, total) = (seconds.len(), seconds.iter().sum());
    let Some(spread) = Spread::of(seconds) else { return "No run has been made yet.".to_owned() };
    format!(
        "{} took {} of training and evaluation in total, from {} to {} a run (median {}); Table~\\ref{{tab:compute}} lists them by study. Machines were shared \
         with other work, so that these are upper limits.",
        counted(runs, "run"),
        show::duration(total),
        show::duration(spread.least),
        show::duration(spread.greatest),
        show::duration(spread.median)
    )
}

/// Processors, threads, memory and time of each study; nothing before the first run.
fn compute_table(library: &Library) -> String {
    let rows: Vec<String> = library.studies.values().filter_map(compute_row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "\\begin{{table}}[htbp]\n  \\centering\\footnotesize\n  \\caption{{Compute, runs of searches for learning rates included: median time of a run, and the total. Memory is the largest \
         peak of large blocks in a run, where it was measured.}}\n  \\label{{tab:compute}}\n  \\begin{{tabular}}{{@{{}}lrp{{40mm}}lrrr@{{}}}}\n    \\toprule\n    study & runs & processor & threads & memory & a run & total \\\\\n    \
         \\midrule\n{}\n    \\bottomrule\n  \\end{{tabular}}\n\\end{{table}}\n",
        rows.join("\n")
    )
}

fn compute_row(study: &Study) -> Option<String> {
    let records: Vec<&RunRecord> = study.all_runs().filter_map(|run| run.record.as_ref()).collect();
    let seconds: Vec<f64> = records.iter().map(|record| seconds_of(record)).collect();
    let total = seconds.iter().sum();
    let median = Spread::of(seconds)?.median;
    let mut processors: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for record in &records {
        let environment = &record.environment;
        let name = if environment.device == "cpu" { &environment.cpu } else { &environment.device };
        processors.entry(name.clone()).or_default().insert(&environment.instruction_set);
    }
    let processors = processors.iter().map(|(name, sets)| {
        format!(
            "{} ({})",
            latex::escaped(name),
            latex::escaped(&sets.iter().copied().collect::<Vec<_>>().join(", "))
        )
    });
    let threads: BTreeSet<String> =
        records.iter().map(|record| record.environment.threads.to_string()).collect();
    let peak = records.iter().filter_map(|record| record.measured.as_ref()?.peak_memory_bytes).max();
    Some(format!(
        "    {} & {} & \\raggedright {} & {} & {} & {} & {} \\\\",
        latex::code(study.name()),
        records.len(),
        processors.collect::<Vec<_>>().join("; "),
        threads.into_iter().collect::<Vec<_>>().join(", "),
        peak.map_or_else(
            || "--".to_owned(),
            |bytes| format!("{:.1}\\,GiB", bytes as f64 / f64::from(1 << 30))
        ),
        show::duration(median),
        show::duration(total)
    ))
}

#[cfg(test)]
mod tests {
    use crate::testing::small_paper;

    #[test]
    fn what_records_know_is_generated_and_what_only_authors_know_is_open() {
        let paper = small_paper();
        paper.append_config("[checklist]\n");
        let (text, open) = super::checklist(&paper.config(), &paper.library()).unwrap();
        assert!(text.contains("18 runs took") && text.contains("the seed (6 a study)"), "{text}");
        assert!(text.contains("\\texttt{small} & 18 & \\raggedright test processor (avx2) & 2 &"), "{text}");
        assert!(open.contains(&"ethics") && !open.contains(&"compute"));
        paper.append_config("[checklist]\nethisc = { answer = \"yes\", because = \"\" }\n");
        assert!(
            super::checklist(&paper.config(), &paper.library())
                .unwrap_err()
                .contains("did you mean `ethics`")
        );
    }
}
