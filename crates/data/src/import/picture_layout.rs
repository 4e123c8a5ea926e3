//! How the files of an import of pictures are read.

use super::background::Background;

/// How the files of a source are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLayout {
    /// Only files whose path matches this pattern are read (`*`, `?`, `[…]`; `*` also matches `/`), e.g. `*/x2/*_HR.png`.
    pub select: Option<String>,
    /// What lies behind transparent pixels; without it they are refused.
    pub background: Option<Background>,
    /// What the pictures come with.
    pub kind: PictureKind,
}

impl PictureLayout {
    /// The layout in words that enter the hash of a source. What is not given is absent, so that sets imported before are recognised.
    pub(super) fn text(&self) -> String {
        let PictureLayout { select, background, kind } = self;
        let background = background.map_or(String::new(), |background| format!(" over {background:?}"));
        let (kind, ignored) = match kind {
            PictureKind::Photographs => ("Photographs".to_string(), String::new()),
            PictureKind::Segmentation { labels, ignore } => (
                format!("Segmentation {{ labels: {labels:?} }}"),
                ignore.map_or(String::new(), |value| format!(" without {value}")),
            ),
        };
        format!("PictureLayout {{ select: {select:?}, kind: {kind} }}{background}{ignored}")
    }
}

/// What pictures come with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// Nothing.
    Photographs,
    /// A label map each: `image/N.png` and `label/N.png` (or `images`, `labels`, `masks`), paired by `N`.
    Segmentation {
        /// Name and grey value of each class; if empty, the values found are the classes, in rising order.
        labels: Vec<(String, u8)>,
        /// The grey value of pixels that belong to no class, such as 255; they are left out of losses and metrics.
        ignore: Option<u8>,
    },
}
