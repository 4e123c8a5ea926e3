//! The assertion of a slice's length.

/// Asserts a slice's length.
pub(crate) fn check_len(name: &str, found: usize, expected: usize) {
    assert_eq!(found, expected, "{name} has {found} elements, its shape asks for {expected}");
}
