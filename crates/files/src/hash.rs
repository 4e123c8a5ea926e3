//! Hashes as text.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 in 64 lower-case hexadecimal digits, as `sha256sum` prints it.
///
/// ```
/// let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// assert_eq!(allconv_files::sha256(b""), empty);
/// ```
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the bytes in lower-case hexadecimal digits, two each.
///
/// ```
/// assert_eq!(allconv_files::hex(&[0, 171]), "00ab");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
