//! The place where an operation runs: the kernels of the CPU, or a composition of Burn's operations.
//!
//! One rule holds for all operations: [`Place::of`]. A kernel for a GPU becomes another place here, and another file next to the
//! operation that has it.

use allconv_kernels::{Convolve, Elementary};
use burn::backend::DispatchDevice;
use burn::tensor::{DType, Tensor};
use burn_backend::Element;
use bytemuck::Pod;

/// A number type that the kernels of the CPU compute in: f32 or f64.
pub(crate) trait Number: Convolve + Elementary + Element + Pod {}

impl<T: Convolve + Elementary + Element + Pod> Number for T {}

/// Where an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the kernels of the CPU, in f32.
    KernelF32,
    /// On the kernels of the CPU, in f64.
    KernelF64,
    /// As a composition of Burn's operations, on any device and in any number type.
    Composition,
}

impl Place {
    /// Returns the place of operations on `x`: the kernels for f32 and f64 on the CPU, a composition for everything else.
    pub(crate) fn of<const D: usize>(x: &Tensor<D>) -> Self {
        match (x.device().inner().as_dispatch(), x.dtype()) {
            (DispatchDevice::Flex(_), DType::F32) => Self::KernelF32,
            (DispatchDevice::Flex(_), DType::F64) => Self::KernelF64,
            _ => Self::Composition,
        }
    }

    /// Returns the same place where the kernels take such operands, and the composition where they do not.
    pub(crate) fn where_kernels_take(self, taken: bool) -> Self {
        if taken { self } else { Self::Composition }
    }
}

/// Evaluates the first expression with `$number` as the number type of the kernels, or the second where there are none. `with` an option
/// the kernels also need its value, such as a geometry that only those operands have which they take.
macro_rules! placed {
    ($place:expr, with $taken:ident = $option:expr, $number:ident => $kernel:expr, else $composition:expr) => {
        match ($place, $option) {
            ($crate::operations::place::Place::KernelF32, Some($taken)) => {
                type $number = f32;
                $kernel
            }
            ($crate::operations::place::Place::KernelF64, Some($taken)) => {
                type $number = f64;
                $kernel
            }
            _ => $composition,
        }
    };
    ($place:expr, $number:ident => $kernel:expr, else $composition:expr) => {
        match $place {
            $crate::operations::place::Place::KernelF32 => {
                type $number = f32;
                $kernel
            }
            $crate::operations::place::Place::KernelF64 => {
                type $number = f64;
                $kernel
            }
            $crate::operations::place::Place::Composition => $composition,
        }
    };
}
pub(crate) use placed;
