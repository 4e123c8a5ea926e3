//! Tables as HTML.

use maud::{Markup, html};

use super::{badge, text};
use crate::cell::{Cell, Content, Tint, Tone, Weight};
use crate::table::{Column, Kind, Table};

/// The table, which scrolls within the page where it is too wide for it.
pub(super) fn table(table: &Table) -> Markup {
    let is_map = table.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.tint.is_some());
    let is_numeric: Vec<bool> = (0..table.columns.len()).map(|column| table.is_numeric(column)).collect();
    html! {
        div.scroll {
            table class=[is_map.then_some("map")] {
                @if !table.caption.is_empty() { caption { (text(&table.caption)) } }
                thead { tr { @for (column, is_numeric) in table.columns.iter().zip(&is_numeric) { (head(column, *is_numeric)) } } }
                tbody {
                    @for row in &table.rows {
                        tr class=[row.is_baseline.then_some("baseline")] {
                            @for (index, cell) in row.cells.iter().enumerate() {
                                @if index == 0 {
                                    th scope="row" { (content(&cell.content)) }
                                } @else {
                                    (self::cell(cell, table.columns[index].kind, is_numeric[index]))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn head(column: &Column, is_numeric: bool) -> Markup {
    html! {
        th class=[(!is_numeric).then_some("text")] scope="col" {
            (column.heading)
            @if !column.unit.is_empty() { span.unit { (column.unit) } }
        }
    }
}

fn cell(cell: &Cell, kind: Kind, is_numeric: bool) -> Markup {
    let mut classes = Vec::new();
    if !is_numeric {
        classes.push("text");
    }
    if kind == Kind::Prose {
        classes.push("wrap");
    }
    match cell.weight {
        Weight::Plain => {}
        Weight::Soft => classes.push("soft"),
        Weight::Strong => classes.push("strong"),
        Weight::Chosen => classes.push("chosen"),
    }
    let class = (!classes.is_empty()).then(|| classes.join(" "));
    html! { td class=[class] style=[cell.tint.map(style)] { (content(&cell.content)) } }
}

fn content(content: &Content) -> Markup {
    match content {
        Content::Text(words) => text(words),
        Content::Badge(word) => badge(word),
        other => html! { (other.plain_text()) },
    }
}

/// Returns the shade as variables for the style sheet, which defines the colours.
fn style(Tint { tone, strength }: Tint) -> String {
    let colour = match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Same | Tone::Neutral => "soft",
    };
    format!("--tint:var(--{colour});--tint-share:{:.0}%", 100.0 * strength)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_classes_of_their_column_and_weight() {
        let found = Table::of([()])
            .column(Column::text("Arm"), |()| Cell::series(8, "a"))
            .column(Column::number("Mean").unit("%"), |()| {
                Cell::from(1_usize).weighed(Weight::Strong).tinted(Tone::Bad, 0.4)
            })
            .column(Column::prose("Reason"), |()| "a<b")
            .baseline(|()| true)
            .table();
        let html = table(&found).into_string();
        for part in [
            "<th scope=\"col\">Mean<span class=\"unit\">%</span></th>",
            "<tr class=\"baseline\"><th scope=\"row\"><span class=\"a8 c1 d1\"><span class=\"swatch\"></span></span>a</th>",
            "<td class=\"strong\" style=\"--tint:var(--bad);--tint-share:40%\">1</td>",
            "<td class=\"text wrap\">a&lt;b</td>",
            "<table class=\"map\">",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }
}
