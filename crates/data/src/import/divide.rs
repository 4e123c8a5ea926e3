//! Division of images that lie in folders of classes alone into training and test images.

use std::collections::BTreeMap;

use super::gather::Gathered;
use super::layout::SplitName;
use super::options::TestShare;
use crate::error::DataError;

/// Makes a share of each class test images.
///
/// # Errors
/// [`DataError::BadFile`] for a class of which nothing would be left to train on.
pub(super) fn divide(
    source: &str,
    images: &mut BTreeMap<String, Gathered>,
    share: TestShare,
) -> Result<(), DataError> {
    let mut classes: BTreeMap<String, Vec<([u8; 32], String)>> = BTreeMap::new();
    for (path, image) in images.iter() {
        let ranked = (share.rank(&image.content), path.clone());
        classes.entry(image.class.clone()).or_default().push(ranked);
    }
    for (class, mut ranked) in classes {
        for (_, path) in tested(&format!("{source}!{class}"), &mut ranked, share)? {
            if let Some(image) = images.get_mut(path) {
                image.split = SplitName::Test;
            }
        }
    }
    Ok(())
}

/// Returns those images of a class, given with their ranks, that are tested on.
///
/// # Errors
/// [`DataError::BadFile`] that names `class` if nothing would be left to train on.
pub(super) fn tested<'a, T: Ord>(
    class: &str,
    ranked: &'a mut [([u8; 32], T)],
    share: TestShare,
) -> Result<&'a [([u8; 32], T)], DataError> {
    ranked.sort_unstable();
    let wanted = ((ranked.len() as f64 * share.share).round() as usize).max(1);
    // Equal files have equal ranks, and must not be trained on and tested on.
    let last = ranked[wanted.min(ranked.len()) - 1].0;
    let tested = ranked.iter().take_while(|(rank, _)| *rank <= last).count();
    if tested == ranked.len() {
        return Err(DataError::bad_file(
            class,
            "different images to train on and to test on",
            format!("{} images, {tested} of them for testing", ranked.len()),
            "add images of this class, remove it, or lower --test-share",
        ));
    }
    Ok(&ranked[..tested])
}
