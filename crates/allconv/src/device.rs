//! `--device`: which device the tensors live on.

use burn::tensor::Device;

use crate::exit::UsageError;

/// A chosen device.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The device, without autodiff.
    pub(crate) device: Device,
    /// Its kind, which is part of a run's specification.
    pub(crate) kind: &'static str,
}

/// Chooses a device by name: `auto`, `cpu`, `cuda[:i]`, `vulkan[:i]`. `auto` takes the first GPU that this build supports and this machine
/// has, else the CPU.
///
/// # Errors
/// [`UsageError`] for a name that is unknown, not built in, or not present.
pub(crate) fn choose(name: &str) -> Result<Chosen, UsageError> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => {
            let index = index
                .parse()
                .map_err(|_| UsageError(format!("`{index}` in --device {name} is not a number")))?;
            (kind, index)
        }
        None => (name, 0),
    };
    match kind {
        "auto" => Ok(cuda(0).or_else(|_| vulkan(0)).unwrap_or_else(|_| cpu())),
        "cpu" => Ok(cpu()),
        "cuda" => cuda(index),
        "vulkan" => vulkan(index),
        _ => Err(UsageError(format!(
            "no device is called `{name}`; there are auto, cpu, cuda[:i] and vulkan[:i]"
        ))),
    }
}

fn cpu() -> Chosen {
    Chosen { device: Device::flex(), kind: "cpu" }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Chosen, UsageError> {
    let present = Device::enumerate(burn::tensor::DeviceType::Cuda).iter().count();
    match index < present {
        true => Ok(Chosen { device: Device::cuda(index), kind: "cuda" }),
        false => Err(UsageError(format!("there is no CUDA device {index}; this machine has {present}"))),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> Result<Chosen, UsageError> {
    Err(UsageError("this build has no CUDA; build with `--features cuda`".to_owned()))
}

#[cfg(feature = "vulkan")]
fn vulkan(index: usize) -> Result<Chosen, UsageError> {
    let present = Device::enumerate(burn::tensor::DeviceType::Vulkan).iter().count();
    match index < present {
        true => Ok(Chosen {
            device: Device::vulkan(burn::tensor::DeviceKind::DiscreteGpu(index)),
            kind: "vulkan",
        }),
        false => Err(UsageError(format!("there is no Vulkan device {index}; this machine has {present}"))),
    }
}

#[cfg(not(feature = "vulkan"))]
fn vulkan(_index: usize) -> Result<Chosen, UsageError> {
    Err(UsageError("this build has no Vulkan; build with `--features vulkan`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_build_finds_the_cpu_and_explains_the_rest() {
        assert_eq!(choose("cpu").unwrap().kind, "cpu");
        let message = choose("gpu").unwrap_err().to_string();
        assert!(message.contains("cuda[:i]"), "{message}");
        assert!(choose("cuda:x").is_err());
    }
}
