//! Tables as LaTeX, in the style of `booktabs`.

use crate::cell::Content;
use crate::table::{Column, Table};
use crate::text::Text;

/// A `table` environment with caption and label, which needs `\usepackage{booktabs}` and nothing else.
pub fn float(table: &Table, label: &str) -> String {
    // Many columns have to fit into one column of text.
    format!(
        "\\begin{{table}}\n\\centering\\footnotesize\\setlength{{\\tabcolsep}}{{4pt}}\n\\caption{{{}}}\n\\label{{tab:{label}}}\n{}\\end{{table}}\n",
        words(&table.caption),
        tabular(table)
    )
}

/// The `tabular` environment alone.
pub fn tabular(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
    let columns = 0..table.columns.len();
    let alignment: String = columns.map(|column| if table.is_numeric(column) { 'r' } else { 'l' }).collect();
    let mut text = format!("\\begin{{tabular}}{{{alignment}}}\n\\toprule\n");
    text += &line(table.columns.iter().map(head).collect());
    text += "\\midrule\n";
    for row in &table.rows {
        text += &line(row.cells.iter().map(|cell| cell_words(&cell.content)).collect());
    }
    text + "\\bottomrule\n\\end{tabular}\n"
}

/// Escapes TeX's special characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            // The classic font encoding has other characters at these codes.
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            // A blank line would end the paragraph, and with it the caption.
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\u{a0}' => escaped.push('~'),
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

fn words(text: &Text) -> String {
    escaped(&text.plain_text())
}

fn head(column: &Column) -> String {
    match column.unit.as_str() {
        "" => escaped(&column.heading),
        unit => format!("\\shortstack[r]{{{}\\\\({})}}", escaped(&column.heading), escaped(unit)),
    }
}

fn cell_words(content: &Content) -> String {
    let words = content.plain_text();
    match content {
        Content::Missing => "--".to_owned(),
        Content::Text(_) | Content::Truth(_) | Content::Badge(_) => escaped(&words),
        _ if words.contains(['+', '−', '±', '<', '>', '×']) => format!("${}$", mathematical(&words)),
        _ => escaped(&words),
    }
}

/// Writes signs as TeX's own, in braces, since TeX would otherwise take them for binary operators and put space around them.
fn mathematical(text: &str) -> String {
    let signs =
        text.replace('+', "{+}").replace('−', "{-}").replace(" ± ", " \\pm ").replace('×', "{\\times}");
    signs.replace(" to ", "\\mbox{ to }").replace("\u{a0}%", "\\,\\%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::number::{Decimal, Format};

    #[test]
    fn signs_precede_their_numbers() {
        let decimal = Decimal::after(2);
        let interval = Content::Interval((-0.18, 0.2), Format::Signed(decimal));
        assert_eq!(cell_words(&interval), "${-}0.18\\mbox{ to }{+}0.20$");
        assert_eq!(cell_words(&Content::Spread(12.5, Some(0.25), decimal)), "$12.50 \\pm 0.25$");
        assert_eq!(cell_words(&Content::Number(281e6, Format::Magnitude)), "281 M");
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

    #[test]
    fn numbers_are_right_aligned_and_units_are_below_the_heading() {
        let table = Table::of([()])
            .column(Column::text("Arm"), |()| Cell::code("a_b"))
            .column(Column::number("Error").unit("%"), |()| Cell::missing());
        let text = float(&table.captioned("Of all."), "x");
        for part in [
            "{lr}",
            "\\shortstack[r]{Error\\\\(\\%)}",
            "a\\_b & -- \\\\",
            "\\caption{Of all.}\n\\label{tab:x}",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
