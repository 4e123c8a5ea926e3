//! Which sampling factors and scans the decoder reads as others do; it reads the rest without a word, as garbage.

use super::segments::{Component, Segments};

/// Checks that the decoder gives the right pixels of a whole file of this structure (`tests/jpeg_matrix.rs`).
///
/// # Errors
/// What the structure is, as the rest of "a JPEG …", and what to do.
pub(super) fn check(segments: &Segments) -> Result<(), String> {
    const REMEDY: &str = "save it again with an ordinary JPEG encoder or as PNG";
    let frame = &segments.frame;
    let (across, down) = (frame.across(), frame.down());
    match frame.components.len() {
        // The factors of a single component have no meaning, and are left aside.
        1 => return Ok(()),
        2 => return Err(format!("of two components, which stand for no colour: {REMEDY}")),
        _ => {}
    }
    let even = |component: &Component| {
        across.is_multiple_of(component.across)
            && down.is_multiple_of(component.down)
            && component.across != 3
            && !(across == 4 && component.across == 2)
            && !(down == 4 && component.down == 2)
    };
    let first = &frame.components[0];
    if first.across != across || !frame.components.iter().all(even) {
        let factors: Vec<String> = frame
            .components
            .iter()
            .map(|component| format!("{}×{}", component.across, component.down))
            .collect();
        return Err(format!(
            "with the sampling factors {}, which are not read: {REMEDY}",
            factors.join(", ")
        ));
    }
    if !frame.progressive && segments.scans[0].components.len() < frame.components.len() {
        return Err(format!(
            "whose colours lie in scans of their own, which is not read: {REMEDY}, progressive or in one scan"
        ));
    }
    Ok(())
}
