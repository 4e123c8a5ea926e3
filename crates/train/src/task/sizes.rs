//! Checks of the sizes of the pictures that are evaluated, measured or predicted.

use std::collections::BTreeSet;

use allconv_data::{DataError, ImageShape, PictureDataset};
use allconv_nets::{NetworkSpec, Walk};

use super::dense_kind::DenseKind;
use crate::tiles::{Tiling, coarsest_step};

/// Refuses evaluated pictures that the network cannot process.
///
/// # Errors
/// [`DataError`] naming the picture, its size and the stage.
pub(crate) fn check_examples(
    net: &NetworkSpec,
    walk: &Walk,
    kind: &dyn DenseKind,
    data: &PictureDataset,
) -> Result<(), DataError> {
    let mut seen = BTreeSet::new();
    for example in data.validation.iter().chain(data.tested()) {
        let [height, width] = kind.input_size(example);
        if !seen.insert([height, width]) {
            continue;
        }
        let shape = ImageShape { height, width, channels: data.channels };
        check_size(net, walk, Tiling::by_default(walk, shape), shape).map_err(|expected| {
            DataError::BadFile {
                file: format!("{}, picture {}", data.name, example.name),
                expected,
                found: format!("{width}×{height} (width × height)"),
                fix: "test without this picture, or choose another network".to_owned(),
            }
        })?;
    }
    Ok(())
}

/// Refuses test pictures that are smaller than the training patches: measures use the middle of each.
///
/// # Errors
/// [`DataError`] naming the picture and the least size.
pub(crate) fn check_measured(
    size: usize,
    kind: &dyn DenseKind,
    data: &PictureDataset,
) -> Result<(), DataError> {
    let small = data.test.iter().find(|example| kind.input_size(example).iter().any(|&found| found < size));
    let Some(example) = small else { return Ok(()) };
    let [height, width] = kind.input_size(example);
    Err(DataError::BadFile {
        file: format!("{}, picture {}", data.name, example.name),
        expected: format!("at least {size}×{size} pixels of input, the size of a patch, to be measured on"),
        found: format!("{width}×{height} (width × height)"),
        fix: "test without this picture, train on smaller patches, or leave `measure` and `explain` out"
            .to_owned(),
    })
}

/// Checks that the network can process a picture of this size, in one piece or, where it is cut, in every piece.
///
/// # Errors
/// The expected size: the smallest one, or that of a picture which a stage can process.
pub(crate) fn check_size(
    net: &NetworkSpec,
    walk: &Walk,
    tiling: Option<Tiling>,
    shape: ImageShape,
) -> Result<(), String> {
    let least = coarsest_step(walk);
    if shape.height < least || shape.width < least {
        return Err(format!("at least {least}×{least} pixels, one position of the network's coarsest map"));
    }
    let outputs = walk.stages.last().map_or(0, |stage| stage.output[0]);
    let pieces = tiling.map_or_else(|| vec![shape], |tiling| tiling.pieces(shape));
    for ImageShape { height, width, channels } in pieces {
        allconv_nets::walk(net, [channels, height, width], outputs)
            .map_err(|error| format!("a picture that the network can take ({error})"))?;
    }
    Ok(())
}
