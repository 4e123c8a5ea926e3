//! The colour that lies behind transparent pixels.

use crate::error::DataError;

/// A colour of 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Background([u8; 3]);

impl Background {
    /// Reads `white`, `black`, `grey`, or a colour such as `#ff8000`.
    ///
    /// # Errors
    /// [`DataError::BadOption`] for any other text.
    pub fn parse(text: &str) -> Result<Background, DataError> {
        let digits = |text: &str| {
            let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
            let number = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
            Some([(number >> 16) as u8, (number >> 8) as u8, number as u8])
        };
        let colour = match text {
            "white" => Some([255; 3]),
            "black" => Some([0; 3]),
            "grey" | "gray" => Some([128; 3]),
            other => digits(other),
        };
        colour.map(Background).ok_or_else(|| DataError::BadOption {
            field: "background",
            value: format!("\"{}\"", text.escape_debug()),
            limit: "it is no colour".to_string(),
            fix: "write white, black, grey, or six hexadecimal digits such as #ff8000".to_string(),
        })
    }

    /// True if all three channels are equal.
    pub(super) fn is_grey(self) -> bool {
        self.0[0] == self.0[1] && self.0[1] == self.0[2]
    }

    /// Composites red, green, blue, alpha over this colour: c·α + b·(1 − α), rounded; the pixel is opaque then.
    pub(super) fn put_behind(self, pixel: &mut [u8; 4]) {
        let alpha = u32::from(pixel[3]);
        for (value, behind) in pixel.iter_mut().zip(self.0) {
            *value = ((u32::from(*value) * alpha + u32::from(behind) * (255 - alpha) + 127) / 255) as u8;
        }
        pixel[3] = 255;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_digits_are_read_and_other_texts_are_refused() {
        assert_eq!(Background::parse("#ff8000").expect("a colour"), Background([255, 128, 0]));
        assert_eq!(Background::parse("grey").expect("a colour"), Background([128; 3]));
        for wrong in ["", "whit", "#ff80", "ff8000", "#gg0000", "#+12345", "#ff80é"] {
            let error = Background::parse(wrong).expect_err(wrong).to_string();
            assert!(error.contains("background") && error.contains("#ff8000"), "{error}");
        }
    }
}
