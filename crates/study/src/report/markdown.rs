//! Free text as Markdown: what people and files write stands as text, and never becomes a tag, a link, a table or a heading.

use std::fmt::Write;

/// A paragraph's part, or a whole sentence: line ends become spaces, and characters that Markdown reads as something else get a backslash.
///
/// Names between backticks stay code, where they are names and nothing else; sentences of the report set names of arms so.
pub(crate) fn inline(text: &str) -> String {
    escaped(text, Place::Paragraph)
}

/// Free text as Markdown inside of a cell of a table.
pub fn cell(text: &str) -> String {
    escaped(text, Place::Cell)
}

/// A block of text that Markdown leaves as it is, between fences that do not stand in it.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Paragraph,
    Cell,
}

fn escaped(text: &str, place: Place) -> String {
    let joined = text.split(['\n', '\r', '\t']).map(str::trim).filter(|part| !part.is_empty());
    let text = joined.collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(text.len() + 8);
    let parts: Vec<&str> = text.split('`').collect();
    // Backticks that do not pair, or hold more than a name, are text.
    let is_code = |index: usize| index % 2 == 1 && index + 1 < parts.len() && is_name(parts[index]);
    for (index, part) in parts.iter().enumerate() {
        if is_code(index) {
            let _ = write!(out, "`{part}`");
            continue;
        }
        if index > 0 && !is_code(index - 1) {
            out.push_str("\\`");
        }
        plain(part, &mut out);
    }
    if place == Place::Cell { out } else { guarded_start(out) }
}

/// Whether what stands between backticks is a name, a setting or a number.
fn is_name(part: &str) -> bool {
    !part.is_empty()
        && part.chars().all(|character| character.is_alphanumeric() || "_-.,:=/+ ".contains(character))
}

fn plain(part: &str, out: &mut String) {
    let characters: Vec<char> = part.chars().collect();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1).copied();
        let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let is_space = |neighbour: Option<char>| neighbour.is_none_or(char::is_whitespace);
        let is_special = match character {
            '\\' | '*' | '[' | ']' | '|' | '~' => true,
            // Inside of a word it means nothing.
            '_' => !(is_word(before) && is_word(after)),
            // A comparison stands between spaces, a tag does not.
            '<' => !is_space(after),
            '>' => !is_space(before),
            '&' => after.is_some_and(|next| next == '#' || next.is_alphanumeric()),
            _ => false,
        };
        if is_special {
            out.push('\\');
        }
        out.push(*character);
    }
}

/// The text with a backslash where its first characters would make it a heading, a list, a quotation or a rule.
fn guarded_start(text: String) -> String {
    let first = text.chars().next().unwrap_or(' ');
    if "#-+=>".contains(first) {
        return format!("\\{text}");
    }
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text[digits..].chars();
    let is_item = matches!(rest.next(), Some('.' | ')')) && rest.next().is_none_or(char::is_whitespace);
    if digits > 0 && is_item {
        return format!("{}\\{}", &text[..digits], &text[digits..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_links_tables_and_emphasis_are_text() {
        for (text, expected) in [
            ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
            ("[x](http://a) ![y](z)", "\\[x\\](http://a) !\\[y\\](z)"),
            ("a | b * c _d_ e_f ~~g~~", "a \\| b \\* c \\_d\\_ e_f \\~\\~g\\~\\~"),
            ("&lt;b&gt; & &#60;", "\\&lt;b\\&gt; & \\&#60;"),
            ("first\n\n# second\r\n| x", "first # second \\| x"),
            ("# heading", "\\# heading"),
            ("- item", "\\- item"),
            ("12. item", "12\\. item"),
            ("a\\b", "a\\\\b"),
        ] {
            assert_eq!(inline(text), expected);
        }
    }

    #[test]
    fn sentences_of_the_report_stay_as_they_are() {
        for text in [
            "`max_pool` is shown to be worse than `all-cnn` in test error: +1.20 (95 % interval +0.80 to +1.60; p < 0.0001).",
            "JPEG copy, preset `fast`: far from the paper's regime; it does not hold – “so”.",
            "12.5 % of them, p > 0.99",
        ] {
            assert_eq!(inline(text), text);
        }
    }

    #[test]
    fn backticks_hold_names_or_are_text() {
        assert_eq!(inline("`<b>` and `x`"), "\\`\\<b\\>\\` and `x`");
        assert_eq!(inline("one ` alone"), "one \\` alone");
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_its_text() {
        assert_eq!(fenced("toml", "a = 1\n"), "```toml\na = 1\n```\n");
        assert_eq!(fenced("", "````\nx"), "`````\n````\nx\n`````\n");
    }
}
