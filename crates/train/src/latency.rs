//! The latency of a trained network for a batch, measured at the end of a run on its threads and device.

use std::time::{Duration, Instant};

use allconv_data::{Augmentation, Loader, LoaderSettings, Order, Position, PreparedSplit};
use allconv_nets::{Mode, Network};
use allconv_record::Spread;
use burn::tensor::Device;

use crate::batch::{to_host, to_tensor};
use crate::error::TrainError;

/// Passes before timing begins: buffers are allocated and caches filled.
const WARM_UP: usize = 2;

/// Fewest timed passes, however long they take.
const FEWEST: usize = 5;

/// Most timed passes.
const MOST: usize = 101;

/// Time after which no further pass begins.
const BUDGET: Duration = Duration::from_millis(100);

/// Returns the median seconds from the images of one batch of `images` in host memory to their logits in host memory; `None` when the split
/// has fewer images. Loading is not timed.
///
/// # Errors
/// [`TrainError::Data`] when an image cannot be read.
pub(crate) fn latency_seconds(
    network: &Network,
    split: &PreparedSplit,
    images: usize,
    device: &Device,
) -> Result<Option<f64>, TrainError> {
    if split.len() < images {
        return Ok(None);
    }
    let settings = LoaderSettings {
        batch_size: images,
        seed: 0,
        order: Order::Stored,
        augmentation: Augmentation::default(),
        workers: 0,
        prefetch: 0,
    };
    let Some(batch) =
        Loader::new(split.clone(), settings)?.batches(Position { epoch: 0, batch: 0 }, 1).next()
    else {
        return Ok(None);
    };
    let batch = batch?;
    Ok(median_seconds(|| {
        // Reading the logits waits for the device.
        let logits = to_host(network.forward(to_tensor(&batch, device), Mode::Evaluate));
        assert_eq!(logits.len() % images, 0, "{} logits for {images} images", logits.len());
    }))
}

/// Returns the median seconds of the passes after the first few.
pub(crate) fn median_seconds(mut pass: impl FnMut()) -> Option<f64> {
    let began = Instant::now();
    let mut seconds = Vec::new();
    for number in 0..WARM_UP + MOST {
        if seconds.len() >= FEWEST && began.elapsed() > BUDGET {
            break;
        }
        let start = Instant::now();
        pass();
        if number >= WARM_UP {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    Spread::of(seconds).map(|seconds| seconds.median)
}
