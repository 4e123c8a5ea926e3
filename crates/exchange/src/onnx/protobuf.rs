//! The few messages of ONNX that an export needs, in protocol buffers' wire format.
//!
//! Source: `onnx.proto`, IR version 8. Fields are written in the order of the calls, so that the same model is the same bytes.

/// A message under construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

/// Kind of a field whose value is a variable-length number.
const NUMBER: u64 = 0;
/// Kind of a field whose value has a length and bytes.
const BYTES: u64 = 2;
/// Kind of a field of four bytes.
const FOUR_BYTES: u64 = 5;

impl Message {
    /// Returns the message with a whole number; negative ones take ten bytes.
    #[must_use]
    pub(super) fn number(mut self, field: u64, value: i64) -> Self {
        self.variable_length((field << 3) | NUMBER);
        self.variable_length(value as u64);
        self
    }

    /// Returns the message with a 32-bit float.
    #[must_use]
    pub(super) fn float(mut self, field: u64, value: f32) -> Self {
        self.variable_length((field << 3) | FOUR_BYTES);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Returns the message with bytes.
    #[must_use]
    pub(super) fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.variable_length((field << 3) | BYTES);
        self.variable_length(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// Returns the message with a text.
    #[must_use]
    pub(super) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    /// Returns the message with another inside.
    #[must_use]
    pub(super) fn message(self, field: u64, message: &Message) -> Self {
        self.bytes(field, &message.0)
    }

    /// Returns the message with a whole number for each of `values`.
    #[must_use]
    pub(super) fn numbers(self, field: u64, values: impl IntoIterator<Item = i64>) -> Self {
        values.into_iter().fold(self, |message, value| message.number(field, value))
    }

    /// Returns the bytes of the message.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes seven bits a byte, the lowest first; the highest bit of a byte says that more follow.
    fn variable_length(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the protocol buffers' documentation of the encoding.
    #[test]
    fn worked_examples_of_the_encoding() {
        let of_150 = Message::default().number(1, 150);
        assert_eq!(of_150.clone().into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").into_bytes(), b"\x12\x07testing");
        assert_eq!(Message::default().message(3, &of_150).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let minus_two = Message::default().number(1, -2).into_bytes();
        assert_eq!(minus_two, [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }
}
