//! Zip files without compression, as `torch.save` writes them: the list of their entries, and the bytes of each.

use std::collections::BTreeMap;
use std::ops::Range;

/// The first bytes of a zip file.
pub(super) const START: &[u8] = b"PK\x03\x04";

/// Signature and length of the record at the end, without its comment.
const END: (&[u8], usize) = (b"PK\x05\x06", 22);
/// Signature and length of an entry of the list, without names and comments.
const ENTRY: (&[u8], usize) = (b"PK\x01\x02", 46);
/// Length of the record before the bytes of an entry, without its name.
const LOCAL: usize = 30;
/// Longest comment at the end.
const LONGEST_COMMENT: usize = 65_535;

/// Where the bytes of each entry lie.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: BTreeMap<String, Range<usize>>,
}

fn number(bytes: &[u8], place: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(place..place.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
}

impl<'a> Archive<'a> {
    /// Reads the list of entries.
    ///
    /// # Errors
    /// What is missing or not supported.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Archive<'a>, String> {
        let damaged = |what: &str| format!("its zip structure is damaged: {what}");
        let earliest = bytes.len().saturating_sub(END.1 + LONGEST_COMMENT);
        let end = (earliest..=bytes.len().saturating_sub(END.1))
            .rev()
            .find(|place| bytes[*place..].starts_with(END.0));
        let end = end.ok_or_else(|| damaged("the record at its end is missing"))?;
        let (count, mut place) = match (number(bytes, end + 10, 2), number(bytes, end + 16, 4)) {
            (Some(count), Some(place)) if count < 0xffff && place < 0xffff_ffff => (count, place),
            _ => {
                return Err(
                    "it is a zip file of 64 bits, above 4 GiB or 65,534 entries; save it as safetensors"
                        .to_owned(),
                );
            }
        };
        let mut entries = BTreeMap::new();
        for index in 0..count {
            let entry =
                Entry::at(bytes, place).ok_or_else(|| damaged(&format!("entry {index} cannot be read")))?;
            if entry.method != 0 {
                return Err(format!(
                    "its entry `{}` is compressed; torch.save compresses nothing",
                    entry.name
                ));
            }
            place = entry.next;
            if entries.insert(entry.name.clone(), entry.data).is_some() {
                return Err(damaged(&format!("`{}` occurs twice", entry.name)));
            }
        }
        Ok(Archive { bytes, entries })
    }

    /// Names of the entries.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Returns the bytes of an entry.
    pub(super) fn entry(&self, name: &str) -> Option<&'a [u8]> {
        self.entries.get(name).map(|range| &self.bytes[range.clone()])
    }
}

/// An entry of the list.
struct Entry {
    name: String,
    method: usize,
    data: Range<usize>,
    next: usize,
}

impl Entry {
    fn at(bytes: &[u8], place: usize) -> Option<Entry> {
        if !bytes.get(place..)?.starts_with(ENTRY.0) {
            return None;
        }
        let field = |offset: usize, length: usize| number(bytes, place.checked_add(offset)?, length);
        let (method, size, local) = (field(10, 2)?, field(20, 4)?, field(42, 4)?);
        let (name, extra, comment) = (field(28, 2)?, field(30, 2)?, field(32, 2)?);
        let from = place + ENTRY.1;
        let text = std::str::from_utf8(bytes.get(from..from + name)?).ok()?.to_owned();
        if !bytes.get(local..)?.starts_with(START) {
            return None;
        }
        let start = local + LOCAL + number(bytes, local + 26, 2)? + number(bytes, local + 28, 2)?;
        let data = start..start.checked_add(size)?;
        bytes.get(data.clone())?;
        Some(Entry { name: text, method, data, next: from + name + extra + comment })
    }
}
