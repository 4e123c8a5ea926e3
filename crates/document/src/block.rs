//! Documents as sequences of blocks: headings, paragraphs, lists, tables, figures.

use crate::cell::Badge;
use crate::figure::Figure;
use crate::table::Table;
use crate::text::Text;

/// A document with its title.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The title.
    pub title: Text,
    /// The line above the title in formats that have one; may be empty.
    pub kicker: Text,
    /// The command that wrote the document, as a sentence; may be empty.
    pub origin: String,
    /// The content.
    pub blocks: Vec<Block>,
}

/// A part of a document.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading of level 2 to 6; the title of the document has level 1.
    Heading(u8, Text),
    /// A paragraph.
    Paragraph(Text),
    /// A paragraph in a smaller font, such as one on the method behind a table.
    Remark(Text),
    /// A note in a box, to be read first.
    Note {
        /// The kind of note, with its full stop: `Caveat.`
        label: String,
        /// One or several sentences.
        texts: Vec<Text>,
    },
    /// A list.
    List(Vec<Text>),
    /// Verdicts, each with its explanation.
    Verdicts(Vec<(Badge, Vec<Block>)>),
    /// Names with their values.
    Facts(Vec<(String, Text)>),
    /// A table.
    Table(Table),
    /// Preformatted text in a monospaced font.
    Code {
        /// The language, e.g. `sh`.
        language: String,
        /// The text.
        text: String,
    },
    /// Figures next to each other, with one caption.
    Figures {
        /// The figures.
        figures: Vec<Figure>,
        /// Their caption.
        caption: Text,
        /// Whether a [`Legend`](Self::Legend) applies to them.
        is_chosen: bool,
    },
    /// The names of the series; on a page, a reader selects with them the series that figures show.
    Legend {
        /// The caption of the selection.
        caption: String,
        /// The names, by position.
        names: Vec<String>,
    },
    /// Images with lines of text below each.
    Gallery(Size, Vec<GalleryItem>),
    /// An image in a file that the document links.
    Image {
        /// The path of the file, relative to the document.
        target: String,
        /// The alternative text.
        description: String,
    },
    /// Blocks below a summary line that opens and closes them.
    Details {
        /// The summary line.
        summary: Text,
        /// Whether they are shown until a reader closes them, and printed.
        is_open: bool,
        /// The blocks.
        blocks: Vec<Block>,
    },
}

/// An image of a gallery with the text below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GalleryItem {
    /// The image as PNG; `None` where it is not available.
    pub png: Option<Vec<u8>>,
    /// The alternative text.
    pub description: String,
    /// The text below it.
    pub lines: Vec<Text>,
}

/// The size of the images of a gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Images of a few dozen pixels.
    Small,
    /// Several in a line of the page.
    Medium,
    /// One a line.
    Large,
}

impl Block {
    /// A heading.
    pub fn heading(level: u8, text: impl Into<Text>) -> Self {
        Self::Heading(level, text.into())
    }

    /// A paragraph.
    pub fn paragraph(text: impl Into<Text>) -> Self {
        Self::Paragraph(text.into())
    }

    /// Returns a paragraph in a smaller font.
    pub fn remark(text: impl Into<Text>) -> Self {
        Self::Remark(text.into())
    }

    /// A note of one sentence.
    pub fn note(label: &str, text: impl Into<Text>) -> Self {
        Self::Note { label: label.to_owned(), texts: vec![text.into()] }
    }

    /// A block of code.
    pub fn code(language: &str, text: impl Into<String>) -> Self {
        Self::Code { language: language.to_owned(), text: text.into() }
    }

    /// Blocks below a line that opens them.
    pub fn closed(summary: impl Into<Text>, blocks: Vec<Self>) -> Self {
        Self::Details { summary: summary.into(), is_open: false, blocks }
    }

    /// Blocks below a line that closes them.
    pub fn open(summary: impl Into<Text>, blocks: Vec<Self>) -> Self {
        Self::Details { summary: summary.into(), is_open: true, blocks }
    }

    /// Returns whether the block is supplementary: a figure, a gallery, or closed details.
    pub fn is_supplement(&self) -> bool {
        matches!(
            self,
            Self::Figures { .. }
                | Self::Legend { .. }
                | Self::Gallery(..)
                | Self::Details { is_open: false, .. }
        )
    }

    /// Returns the blocks directly inside it.
    fn inner(&self) -> Vec<&Self> {
        match self {
            Self::Details { blocks, .. } => blocks.iter().collect(),
            Self::Verdicts(verdicts) => verdicts.iter().flat_map(|(_, blocks)| blocks).collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns all figures of the blocks in order, those inside other blocks included.
pub fn figures(blocks: &[Block]) -> Vec<&Figure> {
    fn add<'a>(block: &'a Block, found: &mut Vec<&'a Figure>) {
        if let Block::Figures { figures, .. } = block {
            found.extend(figures);
        }
        block.inner().into_iter().for_each(|block| add(block, found));
    }
    let mut found = Vec::new();
    blocks.iter().for_each(|block| add(block, &mut found));
    found
}
