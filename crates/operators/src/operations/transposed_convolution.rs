//! Transposed convolution with bias: the adjoint of a convolution as an operation of its own.

use allconv_kernels::{
    Activation, ConvBackward, ConvForward, ConvTransposeGeometry, Engine, Epilogue, Padding,
    TransposedConvolution,
};
use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, conv2d_weight_backward};
use burn::tensor::ops::ConvOptions;

use super::activation::{activated, before_activation};
use super::convolution::{Kept, composed_input_gradient};
use super::differentiable::{OperandGradients, differentiable};
use super::layout::{Dense, from_channels_last, from_elements};
use super::place::{Number, Place, placed};

/// The settings of the convolution whose adjoint it is, apart from its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransposedConvolutionSettings {
    /// Positions of the result between neighbouring positions of the input, rows and columns.
    pub stride: [usize; 2],
    /// Positions that are cut off the result: the border of the convolution.
    pub padding: Padding,
    /// Rows and columns of the result.
    pub size: [usize; 2],
    /// What follows.
    pub activation: Activation,
}

impl TransposedConvolutionSettings {
    fn epilogue(&self) -> Epilogue {
        Epilogue { activation: self.activation, dropout: None }
    }

    /// Returns the kernels' geometry for an input `[n, h, w, c]` and a weight `[c_in, c_out, kh, kw]`.
    fn geometry(&self, x: [usize; 4], weight: [usize; 4]) -> ConvTransposeGeometry {
        let [batch, height_in, width_in, channels_in] = x;
        let [channels, channels_out, rows, columns] = weight;
        assert_eq!(
            channels, channels_in,
            "input channels of a transposed convolution, by weight and by input"
        );
        let Padding { top, bottom, left, right } = self.padding;
        // The part of the size of the result that the strides leave open.
        let added = |size_out: usize, cut: usize, size_in: usize, stride: usize, kernel: usize| {
            (size_out + cut).checked_sub((size_in - 1) * stride + kernel).unwrap_or_else(|| {
                panic!("a transposed convolution of {size_in} positions cannot return {size_out}: {self:?}")
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
                added(self.size[0], top + bottom, height_in, self.stride[0], rows),
                added(self.size[1], left + right, width_in, self.stride[1], columns),
            ],
            dilation: [1; 2],
            groups: 1,
        }
    }

    /// Returns Burn's options of the convolution whose adjoint it is.
    fn options(&self) -> ConvOptions<2> {
        let Padding { top, bottom, left, right } = self.padding;
        ConvOptions::new_with_padding(self.stride, [(top, bottom), (left, right)], [1, 1], 1)
    }
}

/// Computes transposed convolution, bias and activation:
/// `y[o, stride·i + u − top, stride·j + v − left] = f(b[o] + Σ w[c, o, u, v] · x[c, i, j])`.
///
/// Shapes: `x` `[n, c_in, h, w]`, `weight` `[c_in, c_out, kh, kw]`, `bias` `[c_out]`.
///
/// # Panics
///
/// When the convolution of these settings does not map height and width of the result to those of `x`, or shapes do not fit.
pub fn transposed_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: TransposedConvolutionSettings,
    engine: &Engine,
) -> Tensor<4> {
    let parents = [(&x).into(), (&weight).into(), (&bias).into()];
    let (x, weight, bias) = (x.inner(), weight.inner(), bias.inner());
    let y = placed!(
        Place::of(&x),
        T => forward::<T>(x.clone(), weight.clone(), bias, &settings, engine),
        else composed_transposed(x.clone(), weight.clone(), bias, &settings)
    );
    let (kept, engine) = (Kept { x, weight, y: y.clone() }, engine.clone());
    differentiable(y, parents, move |dy, wanted| {
        placed!(
            Place::of(&dy),
            T => backward::<T>(kept, dy, &settings, wanted, &engine),
            else composed_transposed_gradients(kept, dy, &settings)
        )
    })
}

fn forward<T: Number>(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: &TransposedConvolutionSettings,
    engine: &Engine,
) -> Tensor<4> {
    let (x, weight, bias) = (Dense::channels_last(x), Dense::in_order(weight), Dense::in_order(bias));
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let [rows, columns] = settings.size;
    let sizes = [geometry.batch, rows, columns, geometry.channels_out];
    let mut y = vec![T::ZERO; sizes.iter().product()];
    let (bias, epilogue) = (Some(bias.slice()), settings.epilogue());
    let convolution = TransposedConvolution::plan(engine, &geometry);
    let operands = ConvForward { x: x.slice(), bias, epilogue, y: &mut y };
    convolution.prepare::<T>(weight.slice()).forward(operands);
    from_channels_last(y, sizes)
}

fn backward<T: Number>(
    Kept { x, weight, y }: Kept,
    dy: Tensor<4>,
    settings: &TransposedConvolutionSettings,
    [dx_wanted, ..]: [bool; 3],
    engine: &Engine,
) -> OperandGradients<3> {
    let [x, y, dy] = [x, y, dy].map(Dense::channels_last);
    let weight = Dense::in_order(weight);
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let mut dx = dx_wanted.then(|| vec![T::ZERO; x.sizes().iter().product()]);
    let mut dweight = vec![T::ZERO; weight.sizes().iter().product()];
    let mut dbias = vec![T::ZERO; geometry.channels_out];
    TransposedConvolution::plan(engine, &geometry).prepare::<T>(weight.slice()).backward(ConvBackward {
        x: x.slice(),
        y: y.slice(),
        dy: dy.slice(),
        epilogue: settings.epilogue(),
        dx: dx.as_deref_mut(),
        dweight: &mut dweight,
        dbias: Some(&mut dbias),
    });
    [
        dx.map(|dx| from_channels_last(dx, x.sizes()).into()),
        Some(from_elements(dweight, weight.sizes()).into()),
        Some(from_elements(dbias, [geometry.channels_out]).into()),
    ]
}

/// Computes [`transposed_convolution`] as a composition of Burn's operations.
pub(super) fn composed_transposed(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: &TransposedConvolutionSettings,
) -> Tensor<4> {
    let [batch, ..] = x.dims();
    let [_, channels, ..] = weight.dims();
    let [rows, columns] = settings.size;
    let point = Tensor::zeros([batch, channels, rows, columns], (&x.device(), x.dtype()));
    let y = composed_input_gradient(point, weight, x, settings.options());
    activated(y + bias.reshape([1, channels, 1, 1]), settings.activation)
}

/// Computes the gradients of [`composed_transposed`].
pub(super) fn composed_transposed_gradients(
    Kept { x, weight, y }: Kept,
    dy: Tensor<4>,
    settings: &TransposedConvolutionSettings,
) -> OperandGradients<3> {
    let dz = before_activation(y, dy, settings.activation);
    let dbias = dz.clone().sum_dims(&[0, 2, 3]).reshape([weight.dims()[1]]);
    let dx = conv2d(dz.clone(), weight.clone(), None, settings.options());
    // Seen from the convolution, `dz` is the input and `x` the gradient of the output.
    let dweight = conv2d_weight_backward(dz, weight, x, settings.options());
    [Some(dx.into()), Some(dweight.into()), Some(dbias.into())]
}
