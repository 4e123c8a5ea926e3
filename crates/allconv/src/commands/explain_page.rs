//! The page of `allconv explain`: its figures and tables in one self-contained file.

use std::io::Cursor;

use allconv_document::{Block, Document, GalleryItem, Size, Table, Text, html};
use anyhow::Context;
use image::{ImageFormat, RgbImage};

/// One figure with its caption.
pub(super) struct Section {
    /// Heading.
    pub(super) title: String,
    /// Its caption.
    pub(super) caption: String,
    /// Its numbers, where it has any.
    pub(super) table: Option<Table>,
    /// Name of the figure's file, without ending.
    pub(super) file: &'static str,
    /// The image.
    pub(super) picture: RgbImage,
}

/// The page as HTML.
pub(super) fn page(title: &str, origin: &str, sections: &[Section]) -> anyhow::Result<String> {
    let mut blocks = vec![Block::paragraph(format!("Computed with the {origin}."))];
    for section in sections {
        let mut png = Cursor::new(Vec::new());
        section.picture.write_to(&mut png, ImageFormat::Png).context("cannot encode an image")?;
        let item = GalleryItem {
            png: Some(png.into_inner()),
            description: section.title.clone(),
            lines: Vec::new(),
        };
        blocks.extend([Block::heading(2, &section.title), Block::paragraph(&section.caption)]);
        blocks.extend(section.table.clone().map(Block::Table));
        blocks.push(Block::Gallery(Size::Large, vec![item]));
    }
    let document = Document { title: Text::plain(title), blocks, ..Document::default() };
    Ok(html::page(&document, None))
}
