//! Inputs and judges that the tests of this crate share.

pub(crate) mod golden;

use allconv_random::philox4x32;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::downsample::DownsampleConfig;
use crate::network::{Mode, Network};
use crate::parameters::{ParameterPath, in_double_precision};

/// The device that operators are judged on in single precision: the CPU, or what `ALLCONV_TEST_DEVICE` names, `vulkan` or `cuda`, in a
/// build with that feature. Tests in double precision stay on the CPU, since few GPUs have it.
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

/// The first device of a kind.
#[cfg(any(feature = "vulkan", feature = "cuda"))]
fn first(kind: burn::tensor::DeviceType) -> Device {
    let missing = format!("this machine has no {kind:?} device");
    Device::enumerate(kind).into_iter().next().expect(&missing)
}

/// One image with one channel that holds 1, 2, 3, … in reading order.
pub(crate) fn grid(height: usize, width: usize) -> Tensor<4> {
    let values: Vec<f32> = (1..=height * width).map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, height, width]), &Device::flex())
}

/// The elements in row-major order.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as().unwrap()
}

/// Values in [−1, 1), all different in practice, the same for the same seed.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| f64::from(philox4x32([seed, 0], [index as u32, 0, 0, 0])[0]) / 2_147_483_648.0 - 1.0)
        .collect()
}

/// An f64 tensor of noise.
pub(crate) fn noise_tensor<const D: usize>(seed: u32, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, (device, DType::F64))
}

/// Holds two ways of computing the same to each other on an f64 map of noise: the results, and the gradients of the input for the
/// loss `sum y²`.
pub(crate) fn assert_same(
    shape: [usize; 4],
    fast: impl Fn(Tensor<4>) -> Tensor<4>,
    slow: impl Fn(Tensor<4>) -> Tensor<4>,
) {
    let answers = |way: &dyn Fn(Tensor<4>) -> Tensor<4>| {
        let x = noise_tensor(4, shape, &Device::flex().autodiff()).require_grad();
        let y = way(x.clone());
        let gradients = (y.clone() * y.clone()).sum().backward();
        [f64_values(y), x.grad(&gradients).map(f64_values).unwrap()]
    };
    for (fast, slow) in answers(&fast).into_iter().zip(answers(&slow)) {
        assert_eq!(fast.len(), slow.len());
        for (index, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
            assert!((fast - slow).abs() <= 1e-12 * slow.abs().max(1.0), "{index}: {fast} and {slow}");
        }
    }
}

/// The largest relative error of the gradients of `network` (input and every parameter), each along four random
/// directions, against central differences in f64. The loss is a fixed random mix of the logits.
///
/// `distort` changes the gradient before it is judged: the identity, or a planted error.
pub(crate) fn gradient_error(
    network: &Network,
    shape: [usize; 4],
    mode: Mode,
    distort: impl Fn(f64) -> f64,
) -> f64 {
    module_gradient_error(network, shape, |network, images| network.forward(images, mode), distort)
}

/// [`gradient_error`] of any module, whose logits `forward` computes.
pub(crate) fn module_gradient_error<M: Module>(
    module: &M,
    shape: [usize; 4],
    forward: impl Fn(&M, Tensor<4>) -> Tensor<2>,
    distort: impl Fn(f64) -> f64,
) -> f64 {
    let device = Device::flex().autodiff();
    let module = in_double_precision(module.clone());
    let images = noise_tensor(1, shape, &device).require_grad();
    let loss = |module: &M, images: Tensor<4>| {
        let logits = forward(module, images);
        let weights = noise_tensor(2, logits.dims(), &device);
        (logits * weights).sum()
    };
    let mut gradients = loss(&module, images.clone()).backward();
    let mut subjects = vec![(None, shape.to_vec(), f64_values(images.grad_remove(&mut gradients).unwrap()))];
    let mut collector =
        GradientCollector { path: ParameterPath::default(), gradients, collected: Vec::new() };
    module.visit(&mut collector);
    subjects.extend(collector.collected);

    let value = |module: &M, images: Tensor<4>| f64_values(loss(module, images))[0];
    let mut worst = 0.0_f64;
    for (path, _, gradient) in &subjects {
        for seed in 10..14 {
            let direction = noise(seed, gradient.len());
            let analytic: f64 = gradient.iter().zip(&direction).map(|(g, d)| distort(*g) * d).sum();
            let at = |step: f64| match path {
                None => {
                    let moved = Tensor::from_data(
                        TensorData::new(direction.iter().map(|d| d * step).collect(), shape),
                        (&device, DType::F64),
                    );
                    value(&module, images.clone() + moved)
                }
                Some(path) => value(&moved(module.clone(), path, &direction, step), images.clone()),
            };
            const STEP: f64 = 1e-6;
            let numeric = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            // Directions along which the loss hardly changes are judged by the size of the gradient instead.
            let size: f64 = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            worst = worst.max((analytic - numeric).abs() / numeric.abs().max(size).max(1e-3));
        }
    }
    worst
}

/// The gradient of every parameter by its path, as f64.
pub(crate) fn gradients_by_path(
    network: &Network,
    gradients: burn::tensor::Gradients,
) -> Vec<(String, Vec<f64>)> {
    let mut collector =
        GradientCollector { path: ParameterPath::default(), gradients, collected: Vec::new() };
    network.visit(&mut collector);
    collector.collected.into_iter().map(|(path, _, values)| (path.unwrap_or_default(), values)).collect()
}

fn f64_values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().try_into_vec_as().unwrap()
}

type Collected = (Option<String>, Vec<usize>, Vec<f64>);

struct GradientCollector {
    path: ParameterPath,
    gradients: burn::tensor::Gradients,
    collected: Vec<Collected>,
}

impl burn::module::ModuleVisitor for GradientCollector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.leave(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        // A parameter that the loss does not depend on has no gradient.
        let gradient = parameter.val().grad_remove(&mut self.gradients);
        let gradient = gradient.unwrap_or_else(|| parameter.val().zeros_like());
        self.collected.push((Some(self.path.join()), gradient.dims().to_vec(), f64_values(gradient)));
    }
}

/// The module with `step · direction` added to the parameter at `path`, all parameters in f64.
fn moved<M: Module>(module: M, path: &str, direction: &[f64], step: f64) -> M {
    module.map(&mut Mover { path: ParameterPath::default(), target: path, direction, step })
}

struct Mover<'a> {
    path: ParameterPath,
    target: &'a str,
    direction: &'a [f64],
    step: f64,
}

impl ModuleMapper for Mover<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.leave(container);
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let here = self.path.join() == self.target;
        parameter.map(|value| {
            let (shape, device) = (value.dims(), value.device());
            let mut values = f64_values(value);
            if here {
                values.iter_mut().zip(self.direction).for_each(|(value, d)| *value += self.step * d);
            }
            Tensor::from_data(TensorData::new(values, shape), (&device, DType::F64)).require_grad()
        })
    }
}

/// What an operator without parameters returns for `x` in evaluation, in row-major order.
pub(crate) fn evaluated(operator: &impl crate::downsample::FixedOperator, x: Tensor<4>) -> Vec<f32> {
    values(operator.compute(x, &crate::pass::Pass::evaluate(&allconv_kernels::Engine::detect())))
}

/// One image with one channel.
pub(crate) fn image(height: usize, width: usize, values: &[f32]) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, height, width]), &Device::flex())
}

/// Checks that every value is within `tolerance` of the expected one.
pub(crate) fn assert_near(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?}, expected {expected:?}");
    let near =
        found.iter().zip(expected).all(|(found, expected)| (f64::from(*found) - expected).abs() <= tolerance);
    assert!(near, "{found:?}, expected {expected:?}");
}

/// What an operator with parameters returns for `x` in evaluation at its start, in row-major order.
pub(crate) fn evaluated_learned<O>(operator: &O, x: Tensor<4>) -> Vec<f32>
where
    O: crate::downsample::LearnedOperator + Into<DownsampleConfig> + Clone,
{
    let [_, channels, height, width] = x.dims();
    let device = x.device();
    let source = crate::parameter_source::ParameterSource {
        initialisation: crate::initialise::Initialisation::He,
        seed: 0,
        path: "features.0".to_owned(),
        device: &device,
    };
    let config: DownsampleConfig = operator.clone().into();
    let module = config.module([channels, height, width], &source);
    values(module.forward(x, &crate::pass::Pass::evaluate(&allconv_kernels::Engine::detect())))
}
