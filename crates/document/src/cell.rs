//! Cells of tables: numbers with their display format, intervals, names, badges.

use serde_json::Value;

use crate::number::{Decimal, Format};
use crate::text::Text;

/// One cell: its content, weight and shade.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Its content.
    pub content: Content,
    /// Its typographic weight.
    pub weight: Weight,
    /// The shade behind it; `None` for the colour of the page.
    pub tint: Option<Tint>,
}

/// The content of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// An unknown value, shown as a dash.
    Missing,
    /// Text.
    Text(Text),
    /// True or false.
    Truth(bool),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64, Format),
    /// An interval: its lower and upper limit.
    Interval((f64, f64), Format),
    /// A mean with its standard deviation, if there is one.
    Spread(f64, Option<f64>, Decimal),
    /// A difference with the half width of its interval, if there is one.
    PlusMinus(f64, Option<f64>, Decimal),
    /// A badge: a label in a frame.
    Badge(Badge),
}

/// The typographic weight of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Normal.
    #[default]
    Plain,
    /// Lighter than normal.
    Soft,
    /// Bold.
    Strong,
    /// Framed, for the chosen value.
    Chosen,
}

/// The background shade of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tint {
    /// Its colour.
    pub tone: Tone,
    /// Its strength, from 0 to 1.
    pub strength: f64,
}

/// The meaning of a badge's colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// None.
    #[default]
    Neutral,
    /// Good, or better.
    Good,
    /// Bad, or worse.
    Bad,
    /// The same.
    Same,
}

/// A label in a coloured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The label.
    pub label: String,
    /// The meaning of its colour.
    pub tone: Tone,
}

impl Cell {
    /// A number.
    pub fn number(value: f64, format: Format) -> Self {
        Content::Number(value, format).into()
    }

    /// Returns plain text, in which backticks are characters.
    pub fn plain(words: &str) -> Self {
        Text::plain(words).into()
    }

    /// The name of an arm, a setting, a command.
    pub fn code(words: &str) -> Self {
        Text::code(words).into()
    }

    /// The name of series number `index` of the figures.
    pub fn series(index: usize, name: &str) -> Self {
        Text::series(index, name).into()
    }

    /// A dash.
    pub fn missing() -> Self {
        Content::Missing.into()
    }

    /// Nothing.
    pub fn empty() -> Self {
        Content::Empty.into()
    }

    /// Returns the cell with another weight.
    pub fn weighed(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// Returns the cell with a background shade; `strength` from 0 to 1.
    pub fn tinted(self, tone: Tone, strength: f64) -> Self {
        Self { tint: Some(Tint { tone, strength }), ..self }
    }
}

impl Content {
    /// Returns whether the content is not empty.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Empty | Self::Missing)
    }

    /// Returns whether the content is a single number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Number(..))
    }

    /// Returns the displayed text, numbers in their format.
    pub(crate) fn plain_text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Missing => "–".to_owned(),
            Self::Text(text) => text.plain_text(),
            Self::Truth(truth) => truth.to_string(),
            Self::Whole(number) => Format::Stored.write(*number as f64),
            Self::Number(value, format) => format.write(*value),
            Self::Interval(ends, format) => format.write_interval(*ends),
            Self::Spread(mean, spread, decimal) => decimal.mean_and_spread(*mean, *spread),
            Self::PlusMinus(mean, half, decimal) => match half {
                Some(half) => format!("{} ± {}", decimal.signed(*mean), decimal.value(*half)),
                None => decimal.signed(*mean),
            },
            Self::Badge(badge) => badge.label.clone(),
        }
    }

    /// Returns the value as JSON for programs.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Empty | Self::Missing => Value::Null,
            Self::Text(text) => text.plain_text().into(),
            Self::Truth(truth) => (*truth).into(),
            Self::Whole(number) => (*number).into(),
            Self::Number(value, _) => (*value).into(),
            Self::Interval((low, high), _) => vec![*low, *high].into(),
            Self::Spread(mean, spread, _) | Self::PlusMinus(mean, spread, _) => {
                vec![Some(*mean), *spread].into()
            }
            Self::Badge(badge) => badge.label.as_str().into(),
        }
    }
}

impl From<Content> for Cell {
    fn from(content: Content) -> Self {
        Self { content, weight: Weight::Plain, tint: None }
    }
}

impl From<Text> for Cell {
    fn from(text: Text) -> Self {
        Content::Text(text).into()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Text::from(text).into()
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Text::from(text).into()
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        // The last digits of a number too large for an integer do not matter.
        i64::try_from(number).map_or(Content::Number(number as f64, Format::Stored), Content::Whole).into()
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        (number as u64).into()
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    /// A dash for `None`.
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::missing, Into::into)
    }
}

impl From<Value> for Cell {
    /// Texts stay as they are, null is nothing; arrays and objects are written as JSON.
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::empty(),
            Value::Bool(truth) => Content::Truth(truth).into(),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => number.into(),
                (_, Some(number), _) => Content::Whole(number).into(),
                (.., value) => value.map(|value| Self::number(value, Format::Stored)).into(),
            },
            Value::String(text) => Self::plain(&text),
            other => Self::plain(&other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_keep_their_value_apart_from_the_displayed_text() {
        let percent = Decimal { factor: 100.0, digits: crate::Digits::After(2) };
        let content = Content::Spread(0.1234, Some(0.002), percent);
        assert_eq!((content.plain_text(), content.value()), ("12.34 ± 0.20".into(), json!([0.1234, 0.002])));
        let content = Content::Interval((-0.01, 0.02), Format::Signed(percent));
        assert_eq!((content.plain_text(), content.value()), ("−1.00 to +2.00".into(), json!([-0.01, 0.02])));
        assert_eq!(Cell::from(u64::MAX).content.value(), json!(u64::MAX as f64));
    }
}
