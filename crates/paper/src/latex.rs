//! Texts of people as LaTeX shows them.

/// The text with everything that LaTeX would read as a command written as itself; `code` between grave accents is set as code.
pub(crate) fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 16);
    for (position, part) in text.split('`').enumerate() {
        let escaped: String = part.chars().map(of_character).collect();
        match position % 2 {
            0 => result.push_str(&escaped),
            _ => result.push_str(&format!("\\texttt{{{escaped}}}")),
        }
    }
    result
}

/// A name set as code, with places at which a line may end: behind underscores and hyphens.
pub(crate) fn code(name: &str) -> String {
    format!(
        "\\texttt{{{}}}",
        name.chars()
            .map(of_character)
            .collect::<String>()
            .replace("\\_", "\\_\\allowbreak{}")
            .replace('-', "-\\allowbreak{}")
    )
}

fn of_character(character: char) -> String {
    let math = |command: &str| format!("$\\{command}$");
    match character {
        '\\' => "\\textbackslash{}".to_owned(),
        '{' | '}' | '$' | '&' | '#' | '_' | '%' => format!("\\{character}"),
        '^' => "\\textasciicircum{}".to_owned(),
        '~' => "\\textasciitilde{}".to_owned(),
        '\u{a0}' => "~".to_owned(),
        '“' => "``".to_owned(),
        '”' => "''".to_owned(),
        '‘' => "`".to_owned(),
        '’' => "'".to_owned(),
        '–' => "--".to_owned(),
        '—' => "---".to_owned(),
        '…' => "\\dots{}".to_owned(),
        '−' => "$-$".to_owned(),
        '×' => math("times"),
        '±' => math("pm"),
        '≤' => math("le"),
        '≥' => math("ge"),
        '≠' => math("ne"),
        '→' => math("to"),
        '∞' => math("infty"),
        'α' => math("alpha"),
        'δ' => math("delta"),
        'σ' => math("sigma"),
        'µ' | 'μ' => math("mu"),
        '²' => "$^2$".to_owned(),
        '′' => "$'$".to_owned(),
        '<' => "$<$".to_owned(),
        '>' => "$>$".to_owned(),
        '|' => "$|$".to_owned(),
        plain if plain.is_ascii() || ('\u{a1}'..='\u{17f}').contains(&plain) => plain.to_string(),
        other => format!("[U+{:04X}]", other as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_as_they_are() {
        assert_eq!(escaped("50 % of a_b & “c” − 3×3"), "50 \\% of a\\_b \\& ``c'' $-$ 3$\\times$3");
        assert_eq!(
            escaped("preset `fast_1` \\input{x}"),
            "preset \\texttt{fast\\_1} \\textbackslash{}input\\{x\\}"
        );
        assert_eq!(escaped("\u{202e}"), "[U+202E]");
        assert_eq!(code("a_b-c"), "\\texttt{a\\_\\allowbreak{}b-\\allowbreak{}c}");
    }
}
