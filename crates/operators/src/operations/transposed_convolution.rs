//! Transposed convolution with bias: the adjoint of a convolution as an operator of its own.

use allconv_kernels::{
    Activation, ConvGradients, ConvTransposeGeometry, Engine, Epilogue, Padding, Scalar,
    conv_transpose2d_backward, conv_transpose2d_forward,
};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
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
use super::convolution::{ConvolutionGradients, InputGradient};
use super::nhwc::{Dense, dense, from_channels_last};

/// The convolution whose adjoint is meant, but for its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransposedConvolutionSettings {
    /// Cells of the result between neighbouring cells of the input, rows and columns.
    pub stride: [usize; 2],
    /// Cells that are cut off the result: the border of the convolution.
    pub padding: Padding,
    /// Rows and columns of the result.
    pub sides: [usize; 2],
    /// What follows.
    pub activation: Activation,
}

/// Transposed convolution, bias and activation:
/// `y[o, stride·i + u − top, stride·j + v − left] = f(b[o] + Σ w[c, o, u, v] · x[c, i, j])`.
///
/// Shapes: `x` `[n, c_in, h, w]`, `weight` `[c_in, c_out, kh, kw]`, `bias` `[c_out]`.
///
/// # Panics
///
/// When the convolution of these settings does not map the sides of the result to those of `x`, or shapes do not fit.
pub fn transposed_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: TransposedConvolutionSettings,
    engine: &Engine,
) -> Tensor<4> {
    let y = <Dispatch as TransposedConvolutionOps>::adjoint_convolution(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        settings,
        engine.clone(),
    );
    Tensor::from_dispatch(y)
}

/// Transposed convolution as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait TransposedConvolutionOps: Backend {
    /// See [`transposed_convolution`].
    fn adjoint_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        settings: TransposedConvolutionSettings,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let _ = engine;
        composed::transposed_convolution::<Self>(x, weight, bias, &settings)
    }

    /// The gradients, from the operands, the result `y` and its gradient `dy`.
    fn adjoint_convolution_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        settings: TransposedConvolutionSettings,
        wanted: InputGradient,
        engine: Engine,
    ) -> ConvolutionGradients<Self> {
        let _ = (engine, wanted);
        composed::transposed_convolution_backward::<Self>(x, weight, y, dy, &settings)
    }
}

#[cfg(feature = "gpu")]
impl TransposedConvolutionOps for burn_cubecl::CubeBackend {}

impl TransposedConvolutionOps for Flex {
    fn adjoint_convolution(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        settings: TransposedConvolutionSettings,
        engine: Engine,
    ) -> FlexTensor {
        match x.dtype() {
            DType::F32 => forward::<f32>(x, weight, bias, &settings, &engine),
            DType::F64 => forward::<f64>(x, weight, bias, &settings, &engine),
            _ => composed::transposed_convolution::<Self>(x, weight, bias, &settings),
        }
    }

    fn adjoint_convolution_backward(
        x: FlexTensor,
        weight: FlexTensor,
        y: FlexTensor,
        dy: FlexTensor,
        settings: TransposedConvolutionSettings,
        wanted: InputGradient,
        engine: Engine,
    ) -> ConvolutionGradients<Self> {
        match x.dtype() {
            DType::F32 => backward::<f32>([x, weight, y, dy], &settings, wanted, &engine),
            DType::F64 => backward::<f64>([x, weight, y, dy], &settings, wanted, &engine),
            _ => composed::transposed_convolution_backward::<Self>(x, weight, y, dy, &settings),
        }
    }
}

impl TransposedConvolutionSettings {
    fn epilogue(&self) -> Epilogue {
        Epilogue { activation: self.activation, dropout: None }
    }

    /// The kernels' geometry for an input `[n, h, w, c]` and a weight `[c_in, c_out, kh, kw]`.
    fn geometry(&self, x: [usize; 4], weight: [usize; 4]) -> ConvTransposeGeometry {
        let [batch, height_in, width_in, channels_in] = x;
        let [channels, channels_out, rows, columns] = weight;
        assert_eq!(
            channels, channels_in,
            "input channels of a transposed convolution, by weight and by input"
        );
        let Padding { top, bottom, left, right } = self.padding;
        // What the strides leave open of the size of the result.
        let added = |side: usize, cut: usize, size: usize, stride: usize, kernel: usize| {
            (side + cut).checked_sub((size - 1) * stride + kernel).unwrap_or_else(|| {
                panic!("a transposed convolution of {size} cells cannot return {side}: {self:?}")
            })
        };
        ConvTransposeGeometry {
            batch,
            height_in,
            width_in,
            channels_in,
            channels_out,
            kernel: [rows, columns],
            stride: self.stride,
            padding: self.padding,
            output_padding: [
                added(self.sides[0], top + bottom, height_in, self.stride[0], rows),
                added(self.sides[1], left + right, width_in, self.stride[1], columns),
            ],
            dilation: [1; 2],
            groups: 1,
        }
    }
}

fn forward<T: Scalar + Element + Pod>(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    settings: &TransposedConvolutionSettings,
    engine: &Engine,
) -> FlexTensor {
    let (x, weight, bias) = (Dense::channels_last(x), Dense::in_order(weight), Dense::in_order(bias));
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let [rows, columns] = settings.sides;
    let sizes = [geometry.batch, rows, columns, geometry.channels_out];
    let mut y = vec![T::ZERO; sizes.iter().product()];
    let (bias, epilogue) = (Some(bias.slice()), settings.epilogue());
    conv_transpose2d_forward::<T>(engine, &geometry, x.slice(), weight.slice(), bias, &epilogue, &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Element + Pod>(
    [x, weight, y, dy]: [FlexTensor; 4],
    settings: &TransposedConvolutionSettings,
    wanted: InputGradient,
    engine: &Engine,
) -> ConvolutionGradients<Flex> {
    let (x, weight) = (Dense::channels_last(x), Dense::in_order(weight));
    let (y, dy) = (Dense::channels_last(y), Dense::channels_last(dy));
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let mut dx = match wanted {
        InputGradient::Wanted => vec![T::ZERO; x.sizes().iter().product()],
        InputGradient::Unused => Vec::new(),
    };
    let mut dweight = vec![T::ZERO; weight.sizes().iter().product()];
    let mut dbias = vec![T::ZERO; geometry.channels_out];
    let gradients = ConvGradients {
        dx: (wanted == InputGradient::Wanted).then_some(&mut dx),
        dweight: &mut dweight,
        dbias: Some(&mut dbias),
    };
    let (operands, epilogue) = ([x.slice(), weight.slice(), y.slice(), dy.slice()], settings.epilogue());
    let [x_slice, weight_slice, y_slice, dy_slice] = operands;
    conv_transpose2d_backward::<T>(
        engine,
        &geometry,
        x_slice,
        weight_slice,
        y_slice,
        dy_slice,
        &epilogue,
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

/// The gradient of a transposed convolution.
#[derive(Debug)]
struct TransposedConvolutionBackward;

/// Operands and result, with the settings.
#[derive(Clone, Debug)]
struct Saved<F> {
    x: F,
    weight: F,
    y: F,
    settings: TransposedConvolutionSettings,
    engine: Engine,
}

impl<B: TransposedConvolutionOps> Backward<B, 3> for TransposedConvolutionBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let Saved { x, weight, y, settings, engine } = ops.state;
        let wanted = if x_node.is_some() { InputGradient::Wanted } else { InputGradient::Unused };
        let result = B::adjoint_convolution_backward(x, weight, y, dy, settings, wanted, engine);
        for (node, gradient) in
            [(x_node, result.dx), (weight_node, result.dweight), (bias_node, result.dbias)]
        {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: TransposedConvolutionOps, C: CheckpointStrategy> TransposedConvolutionOps for Autodiff<B, C> {
    fn adjoint_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        settings: TransposedConvolutionSettings,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        let y = B::adjoint_convolution(x.clone(), weight.clone(), bias, settings, engine.clone());
        match TransposedConvolutionBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                preparation.finish(Saved { x, weight, y: y.clone(), settings, engine }, y)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }
}
