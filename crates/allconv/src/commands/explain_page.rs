//! The page of `allconv explain`: its pictures and tables in one file that needs no network.

use std::io::Cursor;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use maud::{DOCTYPE, html};

/// One picture with its caption. Lines of the caption that begin with `|` are a table.
pub(super) struct Section {
    /// Heading.
    pub(super) title: String,
    /// What the picture shows.
    pub(super) caption: String,
    /// Name of the picture's file, without ending.
    pub(super) file: &'static str,
    /// The picture.
    pub(super) picture: RgbImage,
}

/// The page as HTML.
pub(super) fn page(title: &str, origin: &str, sections: &[Section]) -> anyhow::Result<String> {
    let mut pictures = Vec::with_capacity(sections.len());
    for section in sections {
        let mut bytes = Cursor::new(Vec::new());
        section.picture.write_to(&mut bytes, ImageFormat::Png).context("cannot encode a picture")?;
        pictures.push(format!("data:image/png;base64,{}", STANDARD.encode(bytes.into_inner())));
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                style { "body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}img{image-rendering:pixelated;max-width:100%}table{border-collapse:collapse}td,th{padding:.1em .8em;text-align:right}td:first-child,th:first-child{text-align:left}" }
            }
            body {
                h1 { (title) }
                p { "Computed with the " (origin) "." }
                @for (section, picture) in sections.iter().zip(&pictures) {
                    h2 { (section.title) }
                    @let (table, text): (Vec<&str>, Vec<&str>) = section.caption.lines().partition(|line| line.starts_with('|'));
                    p { (text.join(" ")) }
                    @if !table.is_empty() {
                        table {
                            @for (index, line) in table.iter().enumerate().filter(|(index, _)| *index != 1) {
                                tr {
                                    @for cell in line.trim_matches('|').split('|').map(str::trim) {
                                        @if index == 0 { th { (cell) } } @else { td { (cell) } }
                                    }
                                }
                            }
                        }
                    }
                    img src=(picture) alt=(section.title);
                }
            }
        }
    };
    Ok(page.into_string())
}
