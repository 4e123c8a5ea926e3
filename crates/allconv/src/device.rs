//! `--device`: the choice of the device of the tensors.

use burn::tensor::Device;

use crate::exit::UsageError;

/// A chosen device.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The device, without autodiff.
    pub(crate) device: Device,
    /// Its kind, which is part of a run's specification.
    pub(crate) kind: &'static str,
    /// Its kind and number, by which it is chosen again.
    pub(crate) name: String,
}

/// A kind of GPU that Burn has a backend for.
pub(crate) struct GpuKind {
    /// Its name in `--device` and among the features.
    pub(crate) name: &'static str,
    /// Whether this build has it.
    pub(crate) built_in: bool,
    /// What a build with the feature needs besides Rust.
    pub(crate) to_build: &'static str,
    /// What this project has tested on it.
    pub(crate) tested: &'static str,
}

/// The kinds of GPUs.
pub(crate) const GPU_KINDS: [GpuKind; 2] = [
    GpuKind {
        name: "vulkan",
        built_in: cfg!(feature = "vulkan"),
        to_build: "the crate registry alone",
        tested: "every operator and a training step of every network: docs/vulkan.md",
    },
    GpuKind {
        name: "cuda",
        built_in: cfg!(feature = "cuda"),
        to_build: "LLVM 23.1, which a build script of Burn downloads unless it is laid out for it: docs/decisions/0018-what-the-gpu-features-need.md",
        tested: "no: this project has had no such GPU",
    },
];

/// Chooses a device by name: `auto`, `cpu`, `cuda[:i]`, `vulkan[:i]`. `auto` takes the first GPU that this build supports and this machine
/// has, else the CPU; a software Vulkan driver must be named.
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
        "auto" => Ok(cuda(0).ok().or_else(|| vulkan(0).ok().filter(is_hardware)).unwrap_or_else(cpu)),
        "cpu" => Ok(cpu()),
        "cuda" => cuda(index),
        "vulkan" => vulkan(index),
        _ => Err(UsageError(format!(
            "no device is called `{name}`; there are auto, cpu, cuda[:i] and vulkan[:i]"
        ))),
    }
}

fn cpu() -> Chosen {
    Chosen { device: Device::flex(), kind: "cpu", name: "cpu".to_owned() }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Chosen, UsageError> {
    let present = Device::enumerate(burn::tensor::DeviceType::Cuda).iter().count();
    match index < present {
        true => Ok(Chosen { device: Device::cuda(index), kind: "cuda", name: format!("cuda:{index}") }),
        false => Err(UsageError(format!("there is no CUDA device {index}; this machine has {present}"))),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> Result<Chosen, UsageError> {
    Err(UsageError("this build has no CUDA; build with `--features cuda`".to_owned()))
}

#[cfg(feature = "vulkan")]
fn vulkan(index: usize) -> Result<Chosen, UsageError> {
    // Discrete GPUs come first, then integrated and virtual ones, then software drivers.
    let present = Device::enumerate(burn::tensor::DeviceType::Vulkan);
    match present.get(index) {
        Some(device) => {
            Ok(Chosen { device: device.clone(), kind: "vulkan", name: format!("vulkan:{index}") })
        }
        None => {
            let count = present.len();
            Err(UsageError(format!("there is no Vulkan device {index}; this machine has {count}")))
        }
    }
}

/// Returns whether a Vulkan device is a GPU rather than a software driver, which is never chosen automatically.
#[cfg(feature = "vulkan")]
fn is_hardware(chosen: &Chosen) -> bool {
    chosen.device != Device::vulkan(burn::tensor::DeviceKind::Cpu)
}

/// Returns the name that the driver gives the device.
#[cfg(any(feature = "cuda", feature = "vulkan"))]
pub(crate) fn driver_name(chosen: &Chosen) -> Option<String> {
    chosen.device.identity().map(|identity| identity.name)
}

#[cfg(not(any(feature = "cuda", feature = "vulkan")))]
pub(crate) const fn driver_name(_chosen: &Chosen) -> Option<String> {
    None
}

#[cfg(not(feature = "vulkan"))]
const fn is_hardware(_chosen: &Chosen) -> bool {
    true
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
