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
    /// What stands above the title where a page has room for it; may be empty.
    pub kicker: Text,
    /// Which command wrote it, as a sentence; may be empty.
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
    /// A paragraph in smaller letters, such as one on the method behind a table.
    Remark(Text),
    /// What a reader must know before the rest, in a box.
    Note {
        /// What kind of note it is, with its full stop: `Caveat.`
        label: String,
        /// One or several sentences.
        texts: Vec<Text>,
    },
    /// A list.
    List(Vec<Text>),
    /// Verdicts, each with what it is about.
    Verdicts(Vec<(Badge, Vec<Block>)>),
    /// Names with their values.
    Facts(Vec<(String, Text)>),
    /// A table.
    Table(Table),
    /// Text with line ends, in letters of equal width.
    Code {
        /// The language, e.g. `sh`.
        language: String,
        /// The text.
        text: String,
    },
    /// Figures beside each other, with one caption.
    Figures {
        /// The figures.
        figures: Vec<Figure>,
        /// What they show.
        caption: Text,
        /// Whether the choice of a [`Legend`](Self::Legend) holds for them.
        is_chosen: bool,
    },
    /// The names of the series, with which a reader of a page chooses those that figures show.
    Legend {
        /// What is chosen.
        caption: String,
        /// The names, by position.
        names: Vec<String>,
    },
    /// Pictures with lines of text below each.
    Gallery(Size, Vec<Card>),
    /// A picture in a file that the document links.
    Image {
        /// The file, from where the document lies.
        target: String,
        /// What a reader who cannot see it is told.
        description: String,
    },
    /// Blocks below a line that opens and closes them.
    Details {
        /// The line.
        summary: Text,
        /// Whether they are shown until a reader closes them, and printed.
        is_open: bool,
        /// The blocks.
        blocks: Vec<Block>,
    },
}

/// A picture of a gallery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The picture as PNG; `None` where it is not at hand.
    pub png: Option<Vec<u8>>,
    /// What a reader who cannot see it is told.
    pub description: String,
    /// What stands below it.
    pub lines: Vec<Text>,
}

/// How large the pictures of a gallery are.
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

    /// A paragraph in smaller letters.
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

    /// Whether it is there only for readers who look for more: figures, galleries, and details that are closed.
    pub fn is_supplement(&self) -> bool {
        matches!(
            self,
            Self::Figures { .. }
                | Self::Legend { .. }
                | Self::Gallery(..)
                | Self::Details { is_open: false, .. }
        )
    }

    /// The blocks directly inside of it.
    fn inner(&self) -> Vec<&Self> {
        match self {
            Self::Details { blocks, .. } => blocks.iter().collect(),
            Self::Verdicts(verdicts) => verdicts.iter().flat_map(|(_, blocks)| blocks).collect(),
            _ => Vec::new(),
        }
    }
}

/// All figures in blocks, those inside of others included, in their order.
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
