//! Notices about settings that are possible but cannot do what they say.

use allconv_record::Resolved;

/// Returns the notice about a batch that is larger than the training split.
pub(crate) fn large_batch(resolved: &Resolved) -> Option<String> {
    let train = &resolved.specification.train;
    let batch = train.get("batch")?.as_integer()? as f64;
    let epochs = train.get("length")?.as_table()?.get("epochs")?.as_float()?;
    let images = resolved.presentations as f64 / epochs;
    (batch > images.ceil()).then(|| {
        format!(
            "train.batch = {batch}, but there are about {images:.0} training images: each epoch is one step over all of them; lower it for more \
             steps"
        )
    })
}
