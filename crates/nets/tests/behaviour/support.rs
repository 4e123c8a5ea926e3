//! Inputs that the tests share.

use allconv_random::philox4x32;
use burn::tensor::{DType, Device, Tensor, TensorData};

/// Returns the device that operators are tested on in single precision: the CPU, or what `ALLCONV_TEST_DEVICE` names, `vulkan` or `cuda`,
/// in a build with that feature. Tests in double precision stay on the CPU, since few GPUs have it.
pub(crate) fn test_device() -> Device {
    match std::env::var("ALLCONV_TEST_DEVICE").as_deref() {
        Err(_) | Ok("cpu") => Device::flex(),
        #[cfg(feature = "vulkan")]
        Ok("vulkan") => first(burn::tensor::DeviceType::Vulkan),
        #[cfg(feature = "cuda")]
        Ok("cuda") => first(burn::tensor::DeviceType::Cuda),
        Ok(other) => {
            panic!("ALLCONV_TEST_DEVICE is `{other}`: build with `--features {other}`, or use `cpu`")
        }
    }
}

/// Returns the first device of a kind.
#[cfg(any(feature = "vulkan", feature = "cuda"))]
fn first(kind: burn::tensor::DeviceType) -> Device {
    let missing = format!("this machine has no {kind:?} device");
    Device::enumerate(kind).into_iter().next().expect(&missing)
}

/// Returns the elements in row-major order.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    allconv_operators::to_host(tensor)
}

/// Returns values in [−1, 1), all different in practice, the same for the same seed.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| f64::from(philox4x32([seed, 0], [index as u32, 0, 0, 0])[0]) / 2_147_483_648.0 - 1.0)
        .collect()
}

/// Returns an f64 tensor of noise.
pub(crate) fn noise_tensor<const D: usize>(seed: u32, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, (device, DType::F64))
}

/// Returns an f32 tensor of noise in [−1, 1).
pub(crate) fn noise_images(seed: u32, shape: [usize; 4], device: &Device) -> Tensor<4> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, (device, DType::F32))
}

/// Returns the largest absolute difference of two tensors of the same shape.
pub(crate) fn distance(left: &Tensor<4>, right: &Tensor<4>) -> f64 {
    assert_eq!(left.dims(), right.dims());
    (left.clone() - right.clone()).abs().max().into_scalar::<f64>()
}
