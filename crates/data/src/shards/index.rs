//! One line of an index: where an encoded image lies, what it shows, and by which hash it is known.

/// Where one sample lies and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The first 16 bytes of the BLAKE3 of the encoded image.
    pub check: [u8; 16],
    /// First byte of the image in its shard.
    pub offset: u64,
    /// Bytes of the image.
    pub length: u32,
    /// Number of the shard in the header.
    pub shard: u32,
    /// Class number.
    pub label: u16,
    /// Rows of the decoded image.
    pub height: u16,
    /// Columns of the decoded image.
    pub width: u16,
}

/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = 40;

/// The check of encoded bytes.
pub(crate) fn check_of(bytes: &[u8]) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    check
}

impl Record {
    /// The record as it is stored; numbers are little endian, and the last two bytes are 0.
    pub(super) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..16].copy_from_slice(&self.check);
        bytes[16..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.length.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.shard.to_le_bytes());
        for (place, value) in [(32, self.label), (34, self.height), (36, self.width)] {
            bytes[place..place + 2].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// The inverse of [`Record::to_bytes`].
    pub(super) fn of_bytes(bytes: &[u8; RECORD_BYTES]) -> Record {
        let word = |place: usize| u16::from_le_bytes([bytes[place], bytes[place + 1]]);
        let long = |place: usize| u64::from(word(place)) | u64::from(word(place + 2)) << 16;
        let mut check = [0; 16];
        check.copy_from_slice(&bytes[..16]);
        Record {
            check,
            offset: long(16) | long(20) << 32,
            length: long(24) as u32,
            shard: long(28) as u32,
            label: word(32),
            height: word(34),
            width: word(36),
        }
    }

    /// Feeds what the sample is, and not where it lies, to a hash.
    pub(crate) fn hash_into(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.check).update(&self.length.to_le_bytes()).update(&self.label.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_writing_and_reading() {
        let record = Record {
            check: check_of(b"image"),
            offset: 0x0102_0304_0506_0708,
            length: u32::MAX - 1,
            shard: 70_000,
            label: 999,
            height: 16_384,
            width: 3,
        };
        assert_eq!(Record::of_bytes(&record.to_bytes()), record);
    }
}
