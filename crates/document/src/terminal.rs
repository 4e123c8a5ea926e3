//! Documents as text for a terminal of a given width.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use crate::block::Block;
use crate::cell::Content;
use crate::number::{Format, significant};
use crate::table::Table;

/// Columns of a name before its value.
const NAME_WIDTH: usize = 22;

/// Spaces between two columns of a table.
const GAP: usize = 3;

/// Width down to which a column of sentences is narrowed before the table is divided.
const NARROWEST_TEXT: usize = 20;

/// A line under the headings, none between rows.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Writes blocks with a blank line between each two; `width` as for [`table`].
pub fn blocks(blocks: &[Block], width: Option<usize>) -> String {
    blocks
        .iter()
        .map(|found| block(found, width))
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Writes a table in at most `width` columns of characters; `None` for as many as its content needs.
///
/// Headings and texts are wrapped between words, numbers are not. A table that is still too wide is written in several parts
/// one below the other, each of which begins with the first column.
pub fn table(table: &Table, width: Option<usize>) -> String {
    let columns: Vec<Column> = (0..table.columns.len()).map(|index| Column::of(table, index)).collect();
    let parts = divided(&columns, width.unwrap_or(usize::MAX));
    let parts: Vec<String> = parts.into_iter().map(|part| written(&columns, &part)).collect();
    parts.join("\n")
}

/// A column as text.
struct Column {
    title: String,
    cells: Vec<(String, CellAlignment)>,
    /// The width of its longest line.
    natural: usize,
    /// The width below which words or numbers would be broken.
    least: usize,
}

impl Column {
    fn of(table: &Table, index: usize) -> Self {
        let is_numeric = table.is_numeric(index);
        let cell = |content: &Content| {
            let is_number = is_numeric || content.is_number();
            let alignment = if is_number { CellAlignment::Right } else { CellAlignment::Left };
            (text(content), alignment)
        };
        let cells: Vec<_> = table.rows.iter().map(|row| cell(&row.cells[index].content)).collect();
        let title = table.columns[index].title();
        let longest_cell = longest(cells.iter().map(|(text, _)| text.as_str()));
        let natural = longest_cell.max(title.width()).max(1);
        let longest_word = longest(title.split(' '));
        let least = if is_numeric {
            longest_cell.max(longest_word)
        } else {
            let words = longest(cells.iter().flat_map(|(text, _)| text.split(' ')));
            words.max(longest_word).max(NARROWEST_TEXT.min(natural))
        };
        Self { title, cells, natural, least: least.clamp(1, natural) }
    }
}

/// Returns the width of the widest text.
fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Returns the parts of a table: the positions and widths of their columns.
fn divided(columns: &[Column], width: usize) -> Vec<Vec<(usize, usize)>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut used = usize::MAX;
    for (index, column) in columns.iter().enumerate() {
        match parts.last_mut() {
            // A part of names alone says nothing.
            Some(part) if part.len() == 1 || used.saturating_add(GAP + column.least) <= width => {
                part.push(index);
                used += GAP + column.least;
            }
            None => {
                parts.push(vec![index]);
                used = column.least;
            }
            Some(_) => {
                parts.push(vec![0, index]);
                used = columns[0].least + GAP + column.least;
            }
        }
    }
    let widened = |part: Vec<usize>| {
        let least: usize = part.iter().map(|index| columns[*index].least + GAP).sum();
        let mut spare = width.saturating_add(GAP).saturating_sub(least);
        let widths = part.into_iter().map(|index| {
            let more = spare.min(columns[index].natural - columns[index].least);
            spare -= more;
            (index, columns[index].least + more)
        });
        widths.collect::<Vec<_>>()
    };
    parts.into_iter().map(widened).collect()
}

/// Writes the columns of one part.
fn written(columns: &[Column], part: &[(usize, usize)]) -> String {
    let mut lines = comfy_table::Table::new();
    lines.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    lines.set_header(part.iter().map(|(index, _)| columns[*index].title.as_str()));
    for row in 0..columns[0].cells.len() {
        lines.add_row(part.iter().map(|(index, _)| {
            let (text, alignment) = &columns[*index].cells[row];
            comfy_table::Cell::new(text).set_alignment(*alignment)
        }));
    }
    // The style adds one character between two columns.
    let padding = u16::try_from(GAP - 1).unwrap_or(0);
    let last = part.len() - 1;
    let mut total = 0;
    for (position, (column, (_, width))) in lines.column_iter_mut().zip(part).enumerate() {
        let padding = if position < last { padding } else { 0 };
        let width = u16::try_from(*width).unwrap_or(u16::MAX - padding) + padding;
        column.set_padding((0, padding)).set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        total += u32::from(width) + 1;
    }
    lines.set_width(u16::try_from(total).unwrap_or(u16::MAX));
    lines.trim_fmt() + "\n"
}

/// Returns the text of a cell, numbers with at most four significant digits.
fn text(content: &Content) -> String {
    match content {
        Content::Number(value, Format::Stored) if value.fract() != 0.0 => significant(*value),
        other => other.plain_text(),
    }
}

fn block(block: &Block, width: Option<usize>) -> String {
    // What stands below a summary is indented by two.
    let inner_width = width.map(|width| width.saturating_sub(2));
    let indented = |text: String| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    match block {
        Block::Heading(_, text) | Block::Paragraph(text) | Block::Remark(text) => text.plain_text() + "\n",
        Block::Note { label, texts } => {
            texts.iter().map(|text| format!("{label} {}\n", text.plain_text())).collect()
        }
        Block::List(items) => items.iter().map(|item| format!("- {}\n", item.plain_text())).collect(),
        Block::Verdicts(verdicts) => verdicts
            .iter()
            .map(|(badge, inner)| format!("{}\n{}", badge.label, indented(blocks(inner, inner_width))))
            .collect(),
        Block::Facts(facts) => facts
            .iter()
            .map(|(name, value)| format!("{name:<NAME_WIDTH$} {}\n", value.plain_text()))
            .collect(),
        Block::Table(found) if found.caption.is_empty() => table(found, width),
        Block::Table(found) => format!("{}\n{}", found.caption.plain_text(), table(found, width)),
        Block::Code { text, .. } => text.clone() + "\n",
        Block::Figures { caption, .. } => caption.plain_text() + "\n",
        Block::Gallery(_, items) => items.iter().map(|item| format!("- {}\n", item.description)).collect(),
        Block::Details { summary, blocks: inner, .. } => {
            format!("{}\n{}", summary.plain_text(), indented(blocks(inner, inner_width)))
        }
        Block::Image { .. } | Block::Legend { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_right_aligned_with_their_thousands() {
        let mut found = Table::data("allconv.example/1", &[("name", "Name"), ("macs", "MACs")]);
        found.push([json!("a"), json!(1_369_738)]);
        found.push([json!("b"), json!(7)]);
        let text = table(&found, None);
        assert!(text.contains("1,369,738") && text.contains("        7"), "{text}");
    }

    #[test]
    fn a_table_fits_its_width_without_rules_between_rows() {
        let columns =
            [("name", "Name"), ("macs", "MACs in model C"), ("text", "What it does"), ("loss", "Loss")];
        let mut found = Table::data("allconv.example/1", &columns);
        let words = "takes the largest value of each window, which keeps edges and loses small shifts";
        for name in ["max_pool", "log_sum_exp_pool"] {
            found.push([json!(name), json!(281_000_000), json!(words), json!(0.025375828074617163)]);
        }
        for width in [40, 50, 80, 300] {
            let text = table(&found, Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert!(text.contains("281,000,000") && text.contains(" 0.02538"), "{text}");
            let rules = text.lines().filter(|line| line.starts_with('─')).count();
            assert_eq!(text.matches("Name").count(), rules, "one rule a part:\n{text}");
        }
        assert_eq!(table(&found, Some(300)), table(&found, None));
    }

    #[test]
    fn facts_are_aligned_in_columns() {
        let facts = vec![("Formula".to_owned(), "y = x".into())];
        let text = blocks(&[Block::heading(2, "max_pool"), Block::Facts(facts)], None);
        assert_eq!(text, "max_pool\n\nFormula                y = x\n");
    }
}
