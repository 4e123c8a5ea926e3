//! A file of an import source, the limits of a walk over them, and the rules for their names.

use crate::error::DataError;

/// One regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path inside the source, components joined by `/`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Limits that keep a hostile source from exhausting the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLimits {
    /// Most files and folders.
    pub entries: u64,
    /// Most bytes of one file.
    pub file_bytes: u64,
    /// Most bytes of all files together, archive padding included.
    pub total_bytes: u64,
    /// Most bytes that one compressed byte may become, once [`EntryLimits::ratio_free_bytes`] have come out.
    pub ratio: u64,
    /// Decompressed bytes below which the ratio is not looked at.
    pub ratio_free_bytes: u64,
}

impl Default for EntryLimits {
    fn default() -> EntryLimits {
        EntryLimits {
            entries: 2_000_000,
            file_bytes: 64 << 20,
            total_bytes: 256 << 30,
            ratio: 200,
            ratio_free_bytes: 64 << 20,
        }
    }
}

/// Receives the entries of a walk.
pub type Visit<'a> = dyn FnMut(Entry) -> Result<(), DataError> + 'a;

/// Checks one path component against the rules: not empty, not `.` or `..`, at most 255 bytes, without a separator of
/// any system, and printable, without marks that turn the direction of writing.
pub(super) fn check_component(component: &str) -> Result<(), String> {
    if component.is_empty() || component == "." || component == ".." {
        return Err(format!("the component \"{component}\""));
    }
    if component.len() > 255 {
        return Err(format!("a component of {} bytes", component.len()));
    }
    let refused = |character: char| {
        character.is_control() || matches!(character, '\\' | '/') || changes_how_text_runs(character)
    };
    if component.contains(refused) {
        return Err(format!("the component \"{}\"", component.escape_debug()));
    }
    Ok(())
}

/// True for marks that turn the direction of writing or break a line, so that a text reads otherwise than it is.
fn changes_how_text_runs(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_read_otherwise_than_they_are_are_refused_and_escaped() {
        for name in ["cat\u{202e}gnp", "a\u{2066}b", "\u{feff}cat", "a\u{200f}", "a\u{85}b", "a\u{2028}b"] {
            let found = check_component(name).expect_err(name);
            assert!(found.is_ascii(), "{found}");
        }
        for name in ["кошка", "猫", "حصان", "👩\u{200d}🔬", "a b", "<b>"] {
            check_component(name).expect(name);
        }
    }
}
