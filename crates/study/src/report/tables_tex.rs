//! `tables.tex`: the table of arms for a paper, with `booktabs`.

use super::number::{magnitude, p_value};
use super::page_table::has_p;
use super::sentence::metric_name;
use crate::file::StudyFile;
use crate::results::{ArmResult, StudyResults};
use crate::text::counted;

/// A table environment that needs `\usepackage{booktabs}` and nothing else.
pub(crate) fn tables_tex(study: &StudyFile, results: &StudyResults) -> String {
    let unit = match results.unit.symbol() {
        "" => String::new(),
        symbol => format!("({})", escaped(symbol)),
    };
    let mut text = String::from("% Needs \\usepackage{booktabs}. Written by allconv; do not edit by hand.\n");
    // Seven columns have to fit into one column of text.
    text.push_str("\\begin{table}\n\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}\n");
    text.push_str(&format!("\\caption{{{}}}\n\\label{{tab:{}}}\n", caption(study, results), study.name));
    let reference = study.reference.as_ref();
    text.push_str(&format!(
        "\\begin{{tabular}}{{lrrrrrr{}}}\n\\toprule\n",
        if reference.is_some() { "r" } else { "" }
    ));
    text.push_str(&format!(
        "Arm & \\shortstack[r]{{{}\\\\{unit}}} & {}$n$ & Parameters & MACs & \\shortstack[r]{{Difference\\\\(95\\,\\% interval)}} & $p$ \\\\\n\\midrule\n",
        escaped(&metric_name(study)),
        reference.map_or(String::new(), |reference| format!("{} & ", escaped(&reference.label)))
    ));
    for (index, arm) in results.arms.iter().enumerate() {
        text.push_str(&row(results, index, arm, reference.is_some()));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    text
}

fn row(results: &StudyResults, index: usize, arm: &ArmResult, has_reference: bool) -> String {
    let unit = results.unit;
    let value = arm.summary.map_or("--".to_string(), |summary| {
        let spread = summary
            .standard_deviation
            .map(|spread| format!(" \\pm {}", unit.value(spread)))
            .unwrap_or_default();
        format!("${}{spread}$", mathematical(&unit.value(summary.mean)))
    });
    let cost = |read: fn(&allconv_record::Cost) -> String| arm.cost.as_ref().map_or("--".to_string(), read);
    let comparison = results.comparison(index);
    let difference = match comparison {
        None => "baseline".to_string(),
        Some(comparison) => comparison.mean_difference.map_or("--".to_string(), |mean| {
            let interval = comparison.interval.map_or(String::new(), |interval| {
                format!(" ({} to {})", unit.signed(interval.low), unit.signed(interval.high))
            });
            let words = format!("{}{interval}", unit.signed(mean));
            format!("${}$", mathematical(&words).replace(" to ", "\\text{ to }").replace(" (", "\\ ("))
        }),
    };
    let p = comparison.filter(|_| has_p(results)).and_then(|comparison| comparison.corrected_p);
    let p = p.map_or("--".to_string(), |p| format!("${}$", p_value(p)));
    let reference = arm.reference.map_or("--".to_string(), |value| unit.value(value));
    let reference = if has_reference { format!("{reference} & ") } else { String::new() };
    format!(
        "{} & {value} & {reference}{} & {} & {} & {} & {p} \\\\\n",
        escaped(&arm.name),
        arm.values.len(),
        cost(|cost| magnitude(cost.parameters as f64)),
        cost(|cost| magnitude(cost.macs as f64)),
        difference.replace("\\text{", "\\mbox{")
    )
}

fn caption(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = escaped(&study.question);
    text.push_str(" Mean $\\pm$ standard deviation over seeds; differences are paired by seed");
    text.push_str(&format!(
        ", {} with {} correction over {}.",
        escaped(super::sentence::test_name(study.compare.test)),
        study.compare.correction.name(),
        counted(results.statistics.comparisons, "comparison")
    ));
    if let Some(caveat) = &study.caveat {
        text.push(' ');
        text.push_str(&escaped(caveat));
    }
    text
}

/// Signs as TeX's own; in braces, since after a word TeX would take them for operations and put space around them.
fn mathematical(text: &str) -> String {
    text.replace('+', "{+}").replace('−', "{-}")
}

/// Text with TeX's special characters made harmless.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            // The classic font encoding has other signs in their places.
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            // A blank line would end the paragraph, and with it the caption.
            '\n' | '\r' | '\t' => escaped.push(' '),
            '−' => escaped.push_str("$-$"),
            '±' => escaped.push_str("$\\pm$"),
            '×' => escaped.push_str("$\\times$"),
            'α' => escaped.push_str("$\\alpha$"),
            '≤' => escaped.push_str("$\\le$"),
            '≥' => escaped.push_str("$\\ge$"),
            '≈' => escaped.push_str("$\\approx$"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_before_their_numbers() {
        assert_eq!(mathematical("+0.19 (−0.18 to +0.20)"), "{+}0.19 ({-}0.18 to {+}0.20)");
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(escaped("max_pool & 50 % of {a}"), "max\\_pool \\& 50 \\% of \\{a\\}");
        assert_eq!(escaped("a\\b"), "a\\textbackslash{}b");
        assert_eq!(escaped("2× ≤ α"), "2$\\times$ $\\le$ $\\alpha$");
        assert_eq!(
            escaped("<a|b>\n\n\\input{x}"),
            "\\textless{}a\\textbar{}b\\textgreater{}  \\textbackslash{}input\\{x\\}"
        );
        assert_eq!(escaped("^~$#"), "\\textasciicircum{}\\textasciitilde{}\\$\\#");
    }
}
