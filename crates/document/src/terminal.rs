//! Documents as text for a terminal.

use comfy_table::{CellAlignment, ContentArrangement, presets};

use crate::block::Block;
use crate::table::Table;

/// Columns of a name before its value.
const NAME_WIDTH: usize = 22;

/// Blocks with a blank line between each two.
pub fn blocks(blocks: &[Block]) -> String {
    blocks.iter().map(block).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A table, as wide as its content.
pub fn table(table: &Table) -> String {
    let mut lines = comfy_table::Table::new();
    lines.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    lines.set_header(table.columns.iter().map(|column| column.title()));
    for row in &table.rows {
        lines.add_row(row.cells.iter().enumerate().map(|(column, cell)| {
            let is_number = table.is_numeric(column) || cell.content.is_number();
            let alignment = if is_number { CellAlignment::Right } else { CellAlignment::Left };
            comfy_table::Cell::new(cell.content.plain_text()).set_alignment(alignment)
        }));
    }
    format!("{lines}\n")
}

fn block(block: &Block) -> String {
    let indented = |text: String| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    match block {
        Block::Heading(_, text) | Block::Paragraph(text) | Block::Remark(text) => text.plain_text() + "\n",
        Block::Note { label, texts } => {
            texts.iter().map(|text| format!("{label} {}\n", text.plain_text())).collect()
        }
        Block::List(items) => items.iter().map(|item| format!("- {}\n", item.plain_text())).collect(),
        Block::Verdicts(verdicts) => verdicts
            .iter()
            .map(|(badge, inner)| format!("{}\n{}", badge.label, indented(blocks(inner))))
            .collect(),
        Block::Facts(facts) => facts
            .iter()
            .map(|(name, value)| format!("{name:<NAME_WIDTH$} {}\n", value.plain_text()))
            .collect(),
        Block::Table(found) if found.caption.is_empty() => table(found),
        Block::Table(found) => format!("{}\n{}", found.caption.plain_text(), table(found)),
        Block::Code { text, .. } => text.clone() + "\n",
        Block::Figures { caption, .. } => caption.plain_text() + "\n",
        Block::Gallery(_, items) => items.iter().map(|item| format!("- {}\n", item.description)).collect(),
        Block::Details { summary, blocks: inner, .. } => {
            format!("{}\n{}", summary.plain_text(), indented(blocks(inner)))
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
        let text = table(&found);
        assert!(text.contains("1,369,738") && text.contains("        7"), "{text}");
    }

    #[test]
    fn facts_are_aligned_in_columns() {
        let facts = vec![("Formula".to_owned(), "y = x".into())];
        let text = blocks(&[Block::heading(2, "max_pool"), Block::Facts(facts)]);
        assert_eq!(text, "max_pool\n\nFormula                y = x\n");
    }
}
