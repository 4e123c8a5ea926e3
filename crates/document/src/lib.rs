//! Documents of headings, paragraphs, lists, tables and figures, and their output formats.
//!
//! A report is written once, as [`Block`]s. A [`Table`] has typed columns and cells that keep their numbers: a mean
//! with its spread, an interval, a p value, a name, a verdict. The formats decide how these are displayed:
//!
//! | module | writes |
//! |---|---|
//! | [`html`] | self-contained pages |
//! | [`markdown`] | GitHub's Markdown |
//! | [`latex`] | tables for a paper |
//! | [`csv`], [`json`] | tables for programs, numbers as stored |
//! | [`terminal`] | text for a terminal |
//! | [`figure`] | figures as SVG and PNG files |
//!
//! Text from outside stays text in each of them: it never becomes a tag, a command or a formula.
//!
//! # Example
//!
//! ```
//! use allconv_document::{Block, Cell, Column, Content, Decimal, Digits, Document, Format, Table, html, latex, markdown};
//!
//! let percent = Decimal { factor: 100.0, digits: Digits::After(2) };
//! let arms = [("max_pool", 0.1234, 0.002, None), ("all_conv", 0.1222, 0.003, Some(-0.0012))];
//! let table = Table::of(arms)
//!     .column(Column::text("Arm"), |(name, ..)| Cell::code(name))
//!     .column(Column::number("Test error").unit("%"), |(_, mean, spread, _)| Content::Spread(*mean, Some(*spread), percent))
//!     .column(Column::number("Difference").unit("pp"), |(.., difference)| {
//!         difference.map(|difference| Cell::number(difference, Format::Signed(percent)))
//!     })
//!     .table();
//!
//! let document = Document {
//!     title: "Does a strided convolution replace max pooling?".into(),
//!     blocks: vec![Block::paragraph("The arm `all_conv` has no pooling."), Block::Table(table.clone())],
//!     ..Document::default()
//! };
//! assert!(markdown::document(&document).contains("| `all_conv` | 12.22 ± 0.30 | −0.12 |"));
//! assert!(html::page(&document, None).contains("<td>−0.12</td>"));
//! assert!(latex::tabular(&table).contains("all\\_conv & $12.22 \\pm 0.30$ & ${-}0.12$"));
//! ```
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "numbers for people and places in figures, not numbers of runs"
)]

mod block;
mod cell;
pub mod csv;
pub mod figure;
pub mod html;
pub mod json;
pub mod latex;
pub mod markdown;
pub mod number;
mod table;
pub mod terminal;
mod text;

pub use block::{Block, Document, GalleryItem, Size, figures};
pub use cell::{Badge, Cell, Content, Tint, Tone, Weight};
pub use figure::Figure;
pub use number::{Decimal, Digits, Format};
pub use table::{Column, Kind, Row, Rows, Table};
pub use text::{Span, Text};
