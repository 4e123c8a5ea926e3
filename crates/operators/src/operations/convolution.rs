//! Convolution with bias, activation and dropout in one operator.

use allconv_kernels::{
    ConvGeometry, ConvGradients, Engine, Epilogue, Padding, Scalar, conv2d_backward, conv2d_forward,
    conv2d_forward_owned, unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, ExtensionType, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::composed;
use super::nhwc::{Dense, dense, from_channels_last};

/// What a convolution does besides its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvolutionSettings {
    /// Cells between outputs, rows and columns.
    pub stride: [usize; 2],
    /// Zeros around the map.
    pub padding: Padding,
    /// Cells between taps, rows and columns.
    pub dilation: [usize; 2],
    /// Groups of channels that are not mixed.
    pub groups: usize,
    /// Activation and dropout of the result.
    pub epilogue: Epilogue,
}

/// The gradients of a convolution with respect to its three operands.
#[derive(ExtensionType)]
pub struct ConvolutionGradients<B: Backend> {
    /// With respect to the input, `[n, c, h, w]`.
    pub dx: FloatTensor<B>,
    /// With respect to the weight, `[c_out, c_in / groups, kh, kw]`.
    pub dweight: FloatTensor<B>,
    /// With respect to the bias, `[c_out]`.
    pub dbias: FloatTensor<B>,
}

/// Convolution, bias, activation and dropout: `y = dropout(f(b + W ∗ x))`.
///
/// Shapes: `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in / groups, kh, kw]`, `bias` `[c_out]`.
///
/// # Panics
///
/// When the shapes do not fit together or the kernel is larger than the padded map.
pub fn convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: ConvolutionSettings,
    engine: &Engine,
) -> Tensor<4> {
    let y = <Dispatch as ConvolutionOps>::fused_convolution(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        settings,
        engine.clone(),
    );
    Tensor::from_dispatch(y)
}

/// Convolution with bias, activation and dropout as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait ConvolutionOps: Backend {
    /// See [`convolution`].
    fn fused_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        settings: ConvolutionSettings,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let _ = engine;
        composed::convolution::<Self>(x, weight, bias, &settings)
    }

    /// The gradients, from the operands, the result `y` and its gradient `dy`.
    fn fused_convolution_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        settings: ConvolutionSettings,
        wanted: InputGradient,
        engine: Engine,
    ) -> ConvolutionGradients<Self> {
        let _ = (engine, wanted);
        composed::convolution_backward::<Self>(x, weight, y, dy, &settings)
    }
}

/// Whether anybody reads the gradient of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputGradient {
    /// It is computed.
    Wanted,
    /// It need not be computed; what is returned in its place means nothing.
    Unused,
}

#[cfg(feature = "gpu")]
impl ConvolutionOps for burn_cubecl::CubeBackend {}

impl ConvolutionOps for Flex {
    fn fused_convolution(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        settings: ConvolutionSettings,
        engine: Engine,
    ) -> FlexTensor {
        match x.dtype() {
            DType::F32 => forward(x, weight, bias, &settings, |geometry, x, weight, bias, epilogue, y| {
                let (weight, owner) = (weight.slice(), weight.owner());
                conv2d_forward_owned(&engine, geometry, x, weight, &owner, Some(bias), epilogue, y);
            }),
            DType::F64 => forward(x, weight, bias, &settings, |geometry, x, weight, bias, epilogue, y| {
                conv2d_forward::<f64>(&engine, geometry, x, weight.slice(), Some(bias), epilogue, y);
            }),
            _ => composed::convolution::<Self>(x, weight, bias, &settings),
        }
    }

    fn fused_convolution_backward(
        x: FlexTensor,
        weight: FlexTensor,
        y: FlexTensor,
        dy: FlexTensor,
        settings: ConvolutionSettings,
        wanted: InputGradient,
        engine: Engine,
    ) -> ConvolutionGradients<Self> {
        match x.dtype() {
            DType::F32 => backward::<f32>([x, weight, y, dy], &settings, wanted, &engine),
            DType::F64 => backward::<f64>([x, weight, y, dy], &settings, wanted, &engine),
            _ => composed::convolution_backward::<Self>(x, weight, y, dy, &settings),
        }
    }
}

impl ConvolutionSettings {
    /// The kernels' geometry for an input `[n, h, w, c]` and a weight `[c_out, c_in / groups, kh, kw]`.
    fn geometry(&self, x: [usize; 4], weight: [usize; 4]) -> ConvGeometry {
        let [batch, height_in, width_in, channels_in] = x;
        let [channels_out, channels, rows, columns] = weight;
        assert_eq!(
            channels * self.groups,
            channels_in,
            "input channels of a convolution, by weight and by input"
        );
        ConvGeometry {
            batch,
            height_in,
            width_in,
            channels_in,
            channels_out,
            kernel: [rows, columns],
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        }
    }
}

/// Runs a kernel, given as geometry, input, weight, bias, epilogue and output.
fn forward<T: Scalar + Element + Pod>(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    settings: &ConvolutionSettings,
    kernel: impl FnOnce(&ConvGeometry, &[T], &Dense, &[T], &Epilogue, &mut [T]),
) -> FlexTensor {
    let (x, weight, bias) = (Dense::channels_last(x), Dense::in_order(weight), Dense::in_order(bias));
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let sizes = output_sizes(&geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    kernel(&geometry, x.slice(), &weight, bias.slice(), &settings.epilogue, &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Element + Pod>(
    [x, weight, y, dy]: [FlexTensor; 4],
    settings: &ConvolutionSettings,
    wanted: InputGradient,
    engine: &Engine,
) -> ConvolutionGradients<Flex> {
    let (x, weight) = (Dense::channels_last(x), Dense::in_order(weight));
    let (y, dy) = (Dense::channels_last(y), Dense::channels_last(dy));
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let mut dx = match wanted {
        InputGradient::Wanted => unspecified_vec(geometry.input_len()),
        InputGradient::Unused => Vec::new(),
    };
    let mut dweight = unspecified_vec(geometry.weight_len());
    let mut dbias = vec![T::ZERO; geometry.channels_out];
    let gradients = ConvGradients {
        dx: (wanted == InputGradient::Wanted).then_some(&mut dx),
        dweight: &mut dweight,
        dbias: Some(&mut dbias),
    };
    let epilogue = &settings.epilogue;
    conv2d_backward::<T>(
        engine,
        &geometry,
        x.slice(),
        weight.slice(),
        y.slice(),
        dy.slice(),
        epilogue,
        gradients,
    );
    ConvolutionGradients {
        dx: match wanted {
            InputGradient::Wanted => from_channels_last(dx, x.sizes()),
            InputGradient::Unused => dense(dx, &[0], T::dtype()),
        },
        dweight: dense(dweight, &weight.sizes(), T::dtype()),
        dbias: dense(dbias, &[geometry.channels_out], T::dtype()),
    }
}

/// `[n, h_out, w_out, c_out]`.
fn output_sizes(geometry: &ConvGeometry) -> [usize; 4] {
    match (geometry.height_out(), geometry.width_out()) {
        (Ok(height), Ok(width)) => [geometry.batch, height, width, geometry.channels_out],
        (Err(error), _) | (_, Err(error)) => panic!("convolution: {error}"),
    }
}

/// The gradient of the fused convolution.
#[derive(Debug)]
struct ConvolutionBackward;

/// Operands and result, with the settings.
#[derive(Clone, Debug)]
struct Saved<F> {
    x: F,
    weight: F,
    y: F,
    settings: ConvolutionSettings,
    engine: Engine,
}

impl<B: ConvolutionOps> Backward<B, 3> for ConvolutionBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let Saved { x, weight, y, settings, engine } = ops.state;
        let wanted = if x_node.is_some() { InputGradient::Wanted } else { InputGradient::Unused };
        let result = B::fused_convolution_backward(x, weight, y, dy, settings, wanted, engine);
        for (node, gradient) in
            [(x_node, result.dx), (weight_node, result.dweight), (bias_node, result.dbias)]
        {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: ConvolutionOps, C: CheckpointStrategy> ConvolutionOps for Autodiff<B, C> {
    fn fused_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        settings: ConvolutionSettings,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        let run = |x, weight| B::fused_convolution(x, weight, bias, settings, engine.clone());
        match ConvolutionBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let y = run(x.clone(), weight.clone());
                let saved = Saved { x, weight, y: y.clone(), settings, engine: engine.clone() };
                preparation.finish(saved, y)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(run(x, weight)),
        }
    }
}
