//! Documents as Markdown: text stays text, and never becomes a tag, a link, a table or a heading.

use std::fmt::Write as _;

use crate::block::{Block, Document};
use crate::cell::{Badge, Content, Weight};
use crate::table::{Kind, Table};
use crate::text::{Span, Text};

/// The document, in GitHub's Markdown.
pub fn document(document: &Document) -> String {
    let origin = match document.origin.as_str() {
        "" => String::new(),
        origin => format!("<!-- {origin} -->\n"),
    };
    format!("{origin}# {}\n\n{}", inline(&document.title), blocks(&document.blocks))
}

/// Blocks with a blank line between each two.
pub fn blocks(blocks: &[Block]) -> String {
    blocks.iter().map(block).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A table.
pub fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(table.columns.iter().map(|column| cell(&Text::plain(&column.title()))).collect());
    let rule = |column: usize| if table.is_numeric(column) { "--:" } else { "---" }.to_owned();
    text += &line((0..table.columns.len()).map(rule).collect());
    for row in &table.rows {
        let cells = row.cells.iter().zip(&table.columns);
        let cells = cells.map(|(cell, column)| match (cell_text(&cell.content, column.kind), cell.weight) {
            (words, Weight::Strong | Weight::Chosen) if !words.is_empty() => format!("**{words}**"),
            (words, _) => words,
        });
        text += &line(cells.collect());
    }
    text
}

/// Writes text inside a cell of a table.
fn cell(text: &Text) -> String {
    let mut out = String::new();
    for span in text.spans() {
        match span {
            Span::Plain(words) | Span::Soft(words) => plain(words, &mut out),
            Span::Code(words) | Span::Series { name: words, .. } => out.push_str(&code(words)),
            Span::Emphasis(words) => styled(words, "*", &mut out),
            Span::Strong(words) => styled(words, "**", &mut out),
            Span::Link { label, target } => {
                out.push('[');
                plain(label, &mut out);
                let _ = write!(out, "]({target})");
            }
        }
    }
    out
}

/// Writes the text of a paragraph: the start of a line does not make it a heading, a list, a quotation or a rule.
fn inline(text: &Text) -> String {
    let words = cell(text);
    if matches!(text.spans().first(), Some(Span::Plain(_) | Span::Soft(_))) {
        guarded_start(words)
    } else {
        words
    }
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(level, text) => format!("{} {}\n", "#".repeat(usize::from(*level)), inline(text)),
        Block::Paragraph(text) | Block::Remark(text) => format!("{}\n", inline(text)),
        Block::Note { label, texts } => {
            let notes = texts.iter().map(|text| format!("> **{label}** {}\n", cell(text)));
            notes.collect::<Vec<_>>().join("\n")
        }
        Block::List(items) => items.iter().map(|item| format!("- {}\n", inline(item))).collect(),
        Block::Verdicts(verdicts) => {
            let list: String = verdicts.iter().map(verdict).collect();
            list.trim_end().to_owned() + "\n"
        }
        Block::Facts(facts) => {
            facts.iter().map(|(name, value)| format!("- **{name}:** {}\n", cell(value))).collect()
        }
        Block::Table(found) => match found.caption.is_empty() {
            true => table(found),
            false => format!("{}\n\n{}", inline(&found.caption), table(found)),
        },
        Block::Code { language, text } => fenced(language, text),
        Block::Figures { figures, caption, .. } => {
            let image = |figure: &crate::Figure| {
                format!("![{}](figures/{}.svg)\n", cell(&Text::plain(&figure.description)), figure.name)
            };
            format!("{}\n{}\n", figures.iter().map(image).collect::<String>(), inline(caption))
        }
        Block::Gallery(_, items) => items
            .iter()
            .map(|item| {
                let lines: Vec<String> = item.lines.iter().map(cell).collect();
                format!("- {}\n", lines.join("; "))
            })
            .collect(),
        Block::Details { summary, is_open, blocks: inner } => {
            let open = if *is_open { " open" } else { "" };
            format!("<details{open}><summary>{}</summary>\n\n{}\n</details>\n", cell(summary), blocks(inner))
        }
        Block::Image { target, description } => format!("![{}]({target})\n", cell(&Text::plain(description))),
        Block::Legend { .. } => String::new(),
    }
}

/// Writes one item of a list: the verdict, the first paragraph on its line, and the other blocks indented below.
fn verdict((badge, inner): &(Badge, Vec<Block>)) -> String {
    let (first, rest) = match inner.split_first() {
        Some((Block::Paragraph(text), rest)) => (cell(text), rest),
        _ => (String::new(), inner.as_slice()),
    };
    let mut text = format!("- **{}**: {first}\n", badge.label);
    for line in blocks(rest).lines() {
        text += if line.is_empty() { "\n" } else { "  " };
        text += line;
        text += if line.is_empty() { "" } else { "\n" };
    }
    if rest.is_empty() { text } else { text + "\n" }
}

fn cell_text(content: &Content, kind: Kind) -> String {
    match content {
        // Data keep their backticks, which programs read; here they mark code.
        Content::Text(text) if kind == Kind::Data => cell(&text.plain_text().into()),
        Content::Text(text) => cell(text),
        other => cell(&Text::plain(&other.plain_text())),
    }
}

/// A name or a setting, however many backticks are in it.
fn code(words: &str) -> String {
    let words = words.replace('|', "\\|");
    let longest = words.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{words}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {words} {fence}")
}

fn styled(words: &str, mark: &str, out: &mut String) {
    // White space inside the marks would make them characters.
    let inner = words.trim();
    let (before, after) = words.split_once(inner).unwrap_or_default();
    out.push_str(before);
    out.push_str(mark);
    plain(inner, out);
    out.push_str(mark);
    out.push_str(after);
}

/// Writes preformatted text between fences that do not occur in it.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

fn plain(part: &str, out: &mut String) {
    let characters: Vec<char> = part.chars().collect();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1).copied();
        let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let is_space = |neighbour: Option<char>| neighbour.is_none_or(char::is_whitespace);
        let is_special = match character {
            '\\' | '*' | '[' | ']' | '|' | '~' | '`' => true,
            // Inside a word it has no meaning.
            '_' => !(is_word(before) && is_word(after)),
            // A comparison operator is between spaces, a tag is not.
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
    use serde_json::json;

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
            assert_eq!(inline(&text.into()), expected);
        }
    }

    #[test]
    fn sentences_of_the_report_stay_as_they_are() {
        for text in [
            "`max_pool` is shown to be worse than `all-cnn` in test error: +1.20 (95 % interval +0.80 to +1.60; p < 0.0001).",
            "JPEG copy, preset `fast`: far from the paper's regime; it does not hold – “so”.",
            "12.5 % of them, p > 0.99",
        ] {
            assert_eq!(inline(&text.into()), text);
        }
    }

    #[test]
    fn backticks_hold_names_or_are_text() {
        assert_eq!(inline(&"`<b>` and `x`".into()), "\\`\\<b\\>\\` and `x`");
        assert_eq!(inline(&"one ` alone".into()), "one \\` alone");
        assert_eq!(cell(&"a|b\nc".into()), "a\\|b c");
        assert_eq!(inline(&Text::code("a`b = 1")), "`` a`b = 1 ``");
    }

    #[test]
    fn names_in_data_are_code_and_columns_of_numbers_may_have_gaps() {
        let mut found = Table::data("", &[("name", "Name"), ("macs", "MACs")]);
        found.push([json!("as `max_pool`"), json!(1_369_738)]);
        found.push([json!("d|e"), json!(null)]);
        assert_eq!(
            table(&found),
            "| Name | MACs |\n| --- | --: |\n| as `max_pool` | 1,369,738 |\n| d\\|e |  |\n"
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_in_its_text() {
        assert_eq!(fenced("toml", "a = 1\n"), "```toml\na = 1\n```\n");
        assert_eq!(fenced("", "````\nx"), "`````\n````\nx\n`````\n");
    }
}
