//! Numbers typed by hand in the results of a paper.
//!
//! In a source that `paper.toml` lists under `results`, every digit is refused but those
//! - in the arguments of the commands of [`REFERENCES`]: keys, labels, citations, files, addresses, lengths;
//! - in `\texttt{…}` around the name of an arm, a study or a file: it begins with a letter and holds no space;
//! - in `\const{…}`, for constants and notation, which the lock file lists;
//! - in a text that `paper.toml` lists under `names`, where no letter or digit stands directly before or behind it.
//!
//! Numbers in words are refused before a unit of results (“three percentage points”, “twice” is none): see [`UNITS`].

use crate::error::TextProblem;
use crate::source::Source;

/// Commands in whose arguments digits are no results.
pub(crate) const REFERENCES: [&str; 34] = [
    "val",
    "restable",
    "resfigure",
    "regclaims",
    "claimtable",
    "studystate",
    "studycaveat",
    "studydisclosures",
    "studyquestion",
    "const",
    "label",
    "ref",
    "cref",
    "Cref",
    "autoref",
    "eqref",
    "pageref",
    "cite",
    "citep",
    "citet",
    "citealp",
    "citeauthor",
    "citeyear",
    "nocite",
    "input",
    "include",
    "includegraphics",
    "url",
    "href",
    "begin",
    "end",
    "vspace",
    "hspace",
    "\\",
];

/// Numbers in words.
const WORDS: [&str; 18] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "twenty", "thirty", "fifty", "hundred", "half", "quarter",
];

/// Words behind which a number is a result.
pub(crate) const UNITS: [&str; 9] =
    ["percent", "percentage", "per", "points", "point", "decibel", "decibels", "seeds", "runs"];

/// Finds the numbers typed by hand in a source with results.
pub(crate) fn typed_numbers(source: &Source, names: &[String]) -> Vec<TextProblem> {
    let text = without_allowed(source, names);
    let mut problems = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find(|letter: char| letter.is_ascii_digit()) {
        let start = at + offset;
        let length = text[start..].find(|letter: char| !(letter.is_ascii_digit() || ".,".contains(letter)));
        let end = length.map_or(text.len(), |length| start + length);
        let number = text[start..end].trim_end_matches(['.', ',']);
        problems.push(source.problem(
            start,
            format!(
                "the number {number} is typed by hand in the results; write a key, \\val{{STUDY/ARM.QUANTITY}}, or \\const{{{number}}} if it is \
                 no result, or list the name that holds it under `names`"
            ),
        ));
        at = end;
    }
    problems.extend(numbers_in_words(source, &text));
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

/// The arguments of `\const` in a source.
pub(crate) fn constants(source: &Source) -> Vec<String> {
    let commands = source.commands().into_iter().filter(|command| command.name == "const");
    commands.filter_map(|command| command.arguments.into_iter().next()).collect()
}

/// The text with everything replaced by spaces in which digits are allowed.
fn without_allowed(source: &Source, names: &[String]) -> String {
    let mut text = source.text.clone().into_bytes();
    let mut blank = |start: usize, end: usize| {
        text[start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ')
    };
    for command in source.commands() {
        let is_name =
            || command.name == "texttt" && command.arguments.iter().all(|text| is_name_of_code(text));
        if REFERENCES.contains(&command.name.as_str()) || is_name() {
            blank(command.start, command.end);
        }
    }
    for name in names.iter().filter(|name| !name.is_empty()) {
        for (start, _) in source.text.match_indices(name.as_str()) {
            let end = start + name.len();
            let joins = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
            if !joins(source.text[..start].chars().next_back()) && !joins(source.text[end..].chars().next()) {
                blank(start, end);
            }
        }
    }
    // Whole characters were replaced byte by byte.
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether a text set as code is a name, such as `average\_pool\_e1`.
fn is_name_of_code(text: &str) -> bool {
    let text = text.replace("\\allowbreak{}", "").replace("\\_", "_");
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
}

/// Numbers in words that stand directly before a unit.
fn numbers_in_words(source: &Source, text: &str) -> Vec<TextProblem> {
    let mut problems = Vec::new();
    let mut before: Option<(usize, &str)> = None;
    let mut at = 0;
    for piece in text.split_inclusive(|letter: char| !letter.is_alphabetic()) {
        let word = piece.trim_end_matches(|letter: char| !letter.is_alphabetic());
        if let (Some((start, number)), true) = (before, UNITS.contains(&word)) {
            problems.push(source.problem(
                start,
                format!("“{number} {word}” is a number typed by hand in the results; write a key, or \\const{{{number}}} if it is no result"),
            ));
        }
        if !word.is_empty() {
            before = WORDS.contains(&word.to_lowercase().as_str()).then_some((at, word));
        }
        at += piece.len();
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let names = ["CIFAR-10".to_owned(), "$3\\times3$".to_owned(), "H1".to_owned()];
        let problems = typed_numbers(&Source::new("r.tex", text), &names);
        problems.iter().map(|problem| format!("{}:{}", problem.line, problem.column)).collect()
    }

    #[test]
    fn a_number_typed_by_hand_is_found_where_it_stands() {
        assert_eq!(found("It errs\nby 3.82 points, or $-1{,}000$."), ["2:4", "2:22", "2:26"]);
        assert_eq!(found("\\emph{by 4 points}"), ["1:10"]);
        assert_eq!(found("a difference of three percentage points"), ["1:17"]);
        assert_eq!(found("with five\nseeds"), ["1:6"]);
    }

    #[test]
    fn keys_labels_citations_names_and_constants_are_no_results() {
        let allowed = "\\val{s/a_1.mean} in Table~\\ref{tab:s1} after \\citet[p.~4]{x2015} on CIFAR-10 with $3\\times3$ \\const{95\\,\\%} \
                       \\begin{tabular}{p{3cm}} a \\\\[2pt] \\end{tabular} % 17\n\\vspace{2mm} \\includegraphics[width=0.5\\linewidth]{f1} H1";
        assert_eq!(found(allowed), Vec::<String>::new());
    }

    #[test]
    fn names_set_as_code_are_no_results_and_numbers_set_as_code_are() {
        assert_eq!(
            found("\\texttt{average\\_\\allowbreak{}pool\\_e1} of \\texttt{table3-small}"),
            Vec::<String>::new()
        );
        assert_eq!(found("\\texttt{3.82} \\texttt{by 3.82}"), ["1:9", "1:26"]);
    }

    #[test]
    fn a_name_covers_no_part_of_another_word() {
        assert_eq!(found("CIFAR-100 and H12"), ["1:7", "1:16"]);
        assert_eq!(found("one of them, at a quarter of the width, in two ways"), Vec::<String>::new());
    }

    #[test]
    fn constants_are_listed() {
        assert_eq!(constants(&Source::new("r", "the \\const{95\\,\\%} level \\const{x}")), ["95\\,\\%", "x"]);
    }
}
