//! Tensors as files hold them, with their number types.

use allconv_train::NamedTensor;

/// A counter of PyTorch's batch normalisation that no network here has.
pub(super) const COUNTER: &str = "num_batches_tracked";

/// Number types of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NumberType {
    /// 16 bits, 5 of the exponent.
    F16,
    /// 16 bits, 8 of the exponent.
    BF16,
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl NumberType {
    /// Returns the bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            NumberType::F16 | NumberType::BF16 => 2,
            NumberType::F32 => 4,
            NumberType::F64 => 8,
        }
    }

    /// Returns the numbers in these bytes, in little endian.
    pub(super) fn values(self, bytes: &[u8]) -> Vec<f32> {
        let numbers = bytes.chunks_exact(self.bytes());
        match self {
            NumberType::F16 => numbers.map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            NumberType::BF16 => numbers.map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            NumberType::F32 => numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            NumberType::F64 => numbers
                .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32)
                .collect(),
        }
    }
}

/// Tensors of a file by name, with the number type that each had.
pub(super) type TypedTensors = Vec<(String, NumberType, NamedTensor)>;
