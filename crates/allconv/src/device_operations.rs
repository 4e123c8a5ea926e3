//! The operations that training on a GPU needs, each tried in a process of its own because some drivers end the process.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use allconv_random::elementary::sin;
use anyhow::Context;
use burn::tensor::module::{conv_transpose2d, conv2d, conv2d_weight_backward};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::device::Chosen;
use crate::exit::UsageError;

/// Largest difference from the CPU, relative to the largest value of the result (or to 1, where that is more): sums of at most 128 products
/// of values in [−1, 1] in single precision, in another order.
const BOUND: f32 = 1e-5;

/// An operation that can be tried.
pub(crate) struct Operation {
    /// Its name.
    pub(crate) name: &'static str,
    compute: fn(&Device) -> Tensor<1>,
}

/// All of them, the simplest first.
pub(crate) const OPERATIONS: [Operation; 7] = [
    Operation { name: "sum along an axis", compute: |device| wave([7, 9], device).sum_dim(1).flatten(0, 1) },
    Operation { name: "sum of all values", compute: |device| wave([2, 3, 4, 5], device).sum() },
    Operation { name: "values by index", compute: by_index },
    Operation {
        name: "product of matrices",
        compute: |device| wave([9, 17], device).matmul(wave([17, 5], device)).flatten(0, 1),
    },
    Operation {
        name: "convolution",
        compute: |device| conv2d(map(device), weight(device), None, options()).flatten(0, 3),
    },
    Operation {
        name: "gradient of a convolution's weight",
        compute: |device| {
            conv2d_weight_backward(map(device), weight(device), wave([2, 4, 8, 8], device), options())
                .flatten(0, 3)
        },
    },
    Operation {
        name: "transposed convolution",
        compute: |device| {
            let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
            conv_transpose2d(map(device), wave([3, 4, 2, 2], device), None, options).flatten(0, 3)
        },
    },
];

/// Values in [−1, 1], the same on every device.
fn wave<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = (0..shape.iter().product()).map(|index: usize| sin(index as f64 * 0.7) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn map(device: &Device) -> Tensor<4> {
    wave([2, 3, 8, 8], device)
}

fn weight(device: &Device) -> Tensor<4> {
    wave([4, 3, 3, 3], device)
}

fn options() -> ConvOptions<2> {
    ConvOptions::new([1, 1], [1, 1], [1, 1], 1)
}

fn by_index(device: &Device) -> Tensor<1> {
    let indices = Tensor::<2, Int>::from_ints([[3, 1, 1], [0, 2, 3]], device);
    wave([2, 4], device).gather(1, indices).flatten(0, 1)
}

/// The outcome of trying an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Finding {
    /// It gives the CPU's values.
    Right,
    /// It gives other values, the largest difference being this.
    Wrong(String),
    /// It panicked, with this message: where a device lacks an operation, Burn says so in this way.
    Panicked(String),
    /// The process ended without a result, in this way: the driver crashed.
    Ended(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Right => write!(f, "right"),
            Finding::Wrong(apart) => write!(f, "wrong by {apart} of the largest value, more than {BOUND:e}"),
            Finding::Panicked(message) => write!(f, "not there: {message}"),
            Finding::Ended(how) => write!(f, "the driver ends the process: {how}"),
        }
    }
}

/// Tries an operation in this process.
pub(crate) fn try_here(operation: &Operation, device: &Device) -> Finding {
    let values = |device: &Device| (operation.compute)(device).into_data().try_into_vec::<f32>();
    let found = match catch_unwind(AssertUnwindSafe(|| values(device))) {
        Ok(found) => found,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            return Finding::Panicked(text.unwrap_or("a panic without a message").replace('\n', " "));
        }
    };
    match (found, values(&Device::flex())) {
        (Ok(found), Ok(expected)) => compared(&found, &expected),
        (Err(error), _) | (_, Err(error)) => Finding::Panicked(error.to_string()),
    }
}

fn compared(found: &[f32], expected: &[f32]) -> Finding {
    assert_eq!(found.len(), expected.len(), "lengths of one operation's result on two devices");
    let scale = expected.iter().fold(1.0_f32, |scale, value| scale.max(value.abs()));
    let apart = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs() / scale);
    // A value that is not a number is wrong, whatever follows.
    let worst =
        apart.fold(0.0_f32, |worst, apart| if worst >= apart || worst.is_nan() { worst } else { apart });
    if worst <= BOUND { Finding::Right } else { Finding::Wrong(format!("{worst:e}")) }
}

/// Tries an operation on the device called `device` in a process of its own.
///
/// # Errors
/// When no process can be started, or it gives no result although nothing ended it.
pub(crate) fn try_apart(operation: &Operation, device: &str) -> anyhow::Result<Finding> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let output = Command::new(program)
        .args(["try-operation", device, operation.name])
        .stderr(Stdio::null())
        .output()
        .context("cannot start this program again")?;
    match output.status.code() {
        None => Ok(Finding::Ended(output.status.to_string())),
        Some(_) => serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`{}` on {device} gave no answer, {}", operation.name, output.status)),
    }
}

/// Fails if the device lacks an operation that training needs, and names those.
///
/// The CPU lacks none and is not tested.
///
/// # Errors
/// [`UsageError`], with what to do instead.
pub(crate) fn check_operations(chosen: &Chosen) -> anyhow::Result<()> {
    if chosen.kind == "cpu" {
        return Ok(());
    }
    let mut lacking = Vec::new();
    for operation in &OPERATIONS {
        match try_apart(operation, &chosen.name)? {
            Finding::Right => {}
            finding => lacking.push(format!("{} ({finding})", operation.name)),
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(UsageError(format!(
        "--device {}: what training rests on does not run there: {}; use --device cpu, or another driver (docs/decisions/0018-what-the-gpu-features-need.md names those that were tried)",
        chosen.name,
        lacking.join("; ")
    ))
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_right_on_the_cpu() {
        for operation in &OPERATIONS {
            assert_eq!(try_here(operation, &Device::flex()), Finding::Right, "{}", operation.name);
        }
    }

    #[test]
    fn a_wrong_value_and_one_that_is_no_number_are_told_apart_from_a_panic() {
        assert_eq!(compared(&[1.0, 0.5], &[1.0, 0.5]), Finding::Right);
        assert_eq!(compared(&[1.0, 0.75], &[1.0, 0.5]), Finding::Wrong("2.5e-1".to_owned()));
        for broken in [[f32::NAN, 0.5], [1.0, f32::NAN], [f32::INFINITY, 0.5]] {
            assert!(matches!(compared(&broken, &[1.0, 0.5]), Finding::Wrong(_)), "{broken:?}");
        }
        let panics = Operation { name: "none", compute: |_| panic!("no such kernel") };
        let finding = try_here(&panics, &Device::flex());
        assert_eq!(finding, Finding::Panicked("no such kernel".to_owned()));
        assert_eq!(finding.to_string(), "not there: no such kernel");
    }
}
