//! The page of `allconv explain`: its pictures and tables in one file that needs no network.

use std::io::Cursor;

use allconv_document::{Block, Card, Document, Size, Table, Text, html};
use anyhow::Context;
use image::{ImageFormat, RgbImage};

/// One picture with what it shows.
pub(super) struct Section {
    /// Heading.
    pub(super) title: String,
    /// What the picture shows.
    pub(super) caption: String,
    /// Its numbers, where it has any.
    pub(super) table: Option<Table>,
    /// Name of the picture's file, without ending.
    pub(super) file: &'static str,
    /// The picture.
    pub(super) picture: RgbImage,
}

/// The page as HTML.
pub(super) fn page(title: &str, origin: &str, sections: &[Section]) -> anyhow::Result<String> {
    let mut blocks = vec![Block::paragraph(format!("Computed with the {origin}."))];
    for section in sections {
        let mut png = Cursor::new(Vec::new());
        section.picture.write_to(&mut png, ImageFormat::Png).context("cannot encode a picture")?;
        let card =
            Card { png: Some(png.into_inner()), description: section.title.clone(), lines: Vec::new() };
        blocks.extend([Block::heading(2, &section.title), Block::paragraph(&section.caption)]);
        blocks.extend(section.table.clone().map(Block::Table));
        blocks.push(Block::Gallery(Size::Large, vec![card]));
    }
    let document = Document { title: Text::plain(title), blocks, ..Document::default() };
    Ok(html::page(&document, None))
}
