//! Text within a line: plain text, names and settings as code, emphasis, links, and names of series with their colour.

use std::ops::Add;

/// Text without line ends, as a sequence of spans.
///
/// A `&str` or `String` becomes a text in which names between backticks are code; other backticks are characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<Span>);

/// A part of a [`Text`] in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Plain text.
    Plain(String),
    /// A name, a setting, a command.
    Code(String),
    /// Emphasised text.
    Emphasis(String),
    /// Strongly emphasised text.
    Strong(String),
    /// Text of less weight, such as a remark in parentheses.
    Soft(String),
    /// A link.
    Link {
        /// The displayed text.
        label: String,
        /// Its target.
        target: String,
    },
    /// The name of a series of figures, with the mark of its colour where colours can be shown.
    Series {
        /// Position of the series.
        index: usize,
        /// Its name.
        name: String,
    },
}

impl Span {
    /// Returns the text without its style.
    pub fn plain_text(&self) -> &str {
        match self {
            Self::Plain(words)
            | Self::Code(words)
            | Self::Emphasis(words)
            | Self::Strong(words)
            | Self::Soft(words) => words,
            Self::Link { label, .. } => label,
            Self::Series { name, .. } => name,
        }
    }
}

impl Text {
    /// Returns plain text, in which backticks are characters.
    pub fn plain(words: &str) -> Self {
        Self::one(words, Span::Plain)
    }

    /// A name, a setting or a command.
    pub fn code(words: &str) -> Self {
        Self::one(words, Span::Code)
    }

    /// Emphasised text.
    pub fn emphasis(words: &str) -> Self {
        Self::one(words, Span::Emphasis)
    }

    /// Strongly emphasised text.
    pub fn strong(words: &str) -> Self {
        Self::one(words, Span::Strong)
    }

    /// Text of less weight.
    pub fn soft(words: &str) -> Self {
        Self::one(words, Span::Soft)
    }

    /// A link to `target`.
    pub fn link(label: &str, target: &str) -> Self {
        Self(vec![Span::Link { label: one_line(label), target: target.to_owned() }])
    }

    /// The name of series number `index`.
    pub fn series(index: usize, name: &str) -> Self {
        Self(vec![Span::Series { index, name: one_line(name) }])
    }

    /// The texts with `separator` between them.
    pub fn joined(texts: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        texts.into_iter().reduce(|joined, text| joined + Self::plain(separator) + text).unwrap_or_default()
    }

    /// The spans in their order.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Returns whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|span| span.plain_text().is_empty())
    }

    /// Returns the text of all spans without their styles.
    pub fn plain_text(&self) -> String {
        self.0.iter().map(Span::plain_text).collect()
    }

    fn one(words: &str, style: fn(String) -> Span) -> Self {
        Self(vec![style(one_line(words))])
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let text = one_line(text);
        let parts: Vec<&str> = text.split('`').collect();
        // Backticks that do not pair, or hold more than a name, are characters.
        let is_code = |index: usize| index % 2 == 1 && index + 1 < parts.len() && is_name(parts[index]);
        let mut spans = Vec::new();
        let mut words = String::new();
        for (index, part) in parts.iter().enumerate() {
            if is_code(index) {
                spans.extend((!words.is_empty()).then(|| Span::Plain(std::mem::take(&mut words))));
                spans.push(Span::Code((*part).to_owned()));
                continue;
            }
            if index > 0 && !is_code(index - 1) {
                words.push('`');
            }
            words.push_str(part);
        }
        spans.extend((!words.is_empty()).then_some(Span::Plain(words)));
        Self(spans)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl<T: Into<Self>> Add<T> for Text {
    type Output = Self;

    fn add(mut self, other: T) -> Self {
        self.0.extend(other.into().0);
        self
    }
}

/// Returns whether the text between backticks is a name, a setting or a number.
fn is_name(part: &str) -> bool {
    !part.is_empty()
        && part.chars().all(|character| character.is_alphanumeric() || "_-.,:=/+ ".contains(character))
}

/// Replaces every line end, and the white space around it, by one space.
fn one_line(text: &str) -> String {
    if !text.contains(['\n', '\r', '\t']) {
        return text.to_owned();
    }
    let parts = text.split(['\n', '\r', '\t']).map(str::trim).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_hold_names_or_are_characters() {
        let spans = |text: &str| Text::from(text).0;
        let plain = |words: &str| Span::Plain(words.to_owned());
        assert_eq!(spans("`x` is a"), [Span::Code("x".to_owned()), plain(" is a")]);
        assert_eq!(spans("`<b>` and `x`"), [plain("`<b>` and "), Span::Code("x".to_owned())]);
        assert_eq!(spans("one ` alone"), [plain("one ` alone")]);
        assert_eq!(Text::from("").0, []);
    }

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(Text::from("first\n\n# second\r\n| x").plain_text(), "first # second | x");
        assert_eq!(Text::joined(["a".into(), Text::code("b")], ", ").plain_text(), "a, b");
    }
}
