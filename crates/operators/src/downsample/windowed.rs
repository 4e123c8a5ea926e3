//! Pooling windows as settings: border rules, shapes, properties.

use super::properties::Properties;
use crate::error::OutOfRange;
use crate::operations::{PoolBorder, PoolWindow};

/// Returns the border rule of the settings `padding` and `ceil_mode`.
pub(super) fn border(padding: Option<usize>, ceil_mode: bool) -> PoolBorder {
    match padding {
        None => PoolBorder::CutOff,
        Some(padding) => PoolBorder::Padded { padding, ceil: ceil_mode },
    }
}

/// Refuses a border beyond half the kernel, or `ceil_mode` without one.
pub(super) fn check_border(kernel: usize, padding: Option<usize>, ceil_mode: bool) -> Result<(), OutOfRange> {
    match padding {
        Some(padding) if padding > kernel / 2 => {
            Err(OutOfRange::new("padding", padding, "at most half the kernel"))
        }
        None if ceil_mode => Err(OutOfRange::new("ceil_mode", true, "false unless `padding` is set")),
        _ => Ok(()),
    }
}

/// Returns the shape rule of pooling windows.
pub(super) fn pooled_shape(
    window: PoolWindow,
    [channels, height, width]: [usize; 3],
) -> Result<[usize; 3], String> {
    let size_out = |size| match window.size_out(size) {
        Some(windows) if !window.counts(size).contains(&0) => Ok(windows),
        Some(_) => {
            Err(format!("a window of {} positions holds no position of an axis of {size}", window.extent()))
        }
        None => Err(format!(
            "its window of {} positions is longer than {size} positions and their border",
            window.extent()
        )),
    };
    Ok([channels, size_out(height)?, size_out(width)?])
}

/// Returns the properties of an operator that pools over these windows.
pub(super) fn window_properties(window: PoolWindow) -> Properties {
    let slot_rule = match window.border {
        PoolBorder::CutOff | PoolBorder::Centred => true,
        // floor((h + 2p − extent) / s) + 1 is ceil(h / s) for every h where the border makes up for the extent.
        PoolBorder::Padded { padding, ceil } => !ceil && 2 * padding + 1 == window.extent(),
    };
    Properties {
        slot_rule: slot_rule.then_some(window.stride),
        shifts_by_stride: slot_rule && window.extent() <= window.stride && window.before() == 0,
        ..Properties::pooling(window.stride)
    }
}
