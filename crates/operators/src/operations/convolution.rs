//! Convolution with bias, activation and dropout in one operation.

use allconv_kernels::{
    ConvBackward, ConvForward, ConvGeometry, Convolution, Engine, Epilogue, Padding, WeightCache,
    unspecified_vec,
};
use burn::backend::Dispatch;
use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, conv2d_weight_backward};
use burn::tensor::ops::ConvOptions;
use burn_backend::ops::ModuleOps;

use super::activation::{activated, before_activation};
use super::differentiable::{OperandGradients, differentiable};
use super::dropout::composed_dropout;
use super::layout::{Dense, from_channels_last, from_elements};
use super::place::{Number, Place, placed};

/// The settings of a convolution apart from its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvolutionSettings {
    /// Steps between output positions, rows and columns.
    pub stride: [usize; 2],
    /// Zeros around the map.
    pub padding: Padding,
    /// Steps between taps, rows and columns.
    pub dilation: [usize; 2],
    /// Groups of channels that are not mixed.
    pub groups: usize,
    /// Activation and dropout of the result.
    pub epilogue: Epilogue,
}

/// The operands of the gradient of a convolution, transposed or not, without a graph.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) x: Tensor<4>,
    pub(super) weight: Tensor<4>,
    pub(super) y: Tensor<4>,
}

impl ConvolutionSettings {
    /// Stride 1, no border, no dilation, one group, no activation or dropout.
    pub const PLAIN: Self = Self {
        stride: [1; 2],
        padding: Padding::NONE,
        dilation: [1; 2],
        groups: 1,
        epilogue: Epilogue::IDENTITY,
    };

    /// Returns the kernels' geometry for an input `[n, h, w, c]` and a weight `[c_out, c_in / groups, kh, kw]`.
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

    fn options(&self) -> ConvOptions<2> {
        let Padding { top, bottom, left, right } = self.padding;
        let padding = [(top, bottom), (left, right)];
        ConvOptions::new_with_padding(self.stride, padding, self.dilation, self.groups)
    }
}

/// Computes convolution, bias, activation and dropout: `y = dropout(f(b + W ∗ x))`.
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
    convolution_keeping_weights(x, weight, bias, settings, engine, None)
}

/// Computes [`convolution`] with weights that `cache`, if there is one, keeps in the form in which the kernels multiply by them.
///
/// # Panics
///
/// As [`convolution`].
pub fn convolution_keeping_weights(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: ConvolutionSettings,
    engine: &Engine,
    cache: Option<&WeightCache>,
) -> Tensor<4> {
    let parents = [(&x).into(), (&weight).into(), (&bias).into()];
    let (x, weight, bias) = (x.inner(), weight.inner(), bias.inner());
    let y = placed!(
        Place::of(&x),
        T => forward::<T>([x.clone(), weight.clone()], bias, &settings, engine, cache),
        else composed_convolution(x.clone(), weight.clone(), bias, &settings)
    );
    let (kept, engine) = (Kept { x, weight, y: y.clone() }, engine.clone());
    differentiable(y, parents, move |dy, wanted| {
        placed!(
            Place::of(&dy),
            T => backward::<T>(kept, dy, &settings, wanted, &engine),
            else composed_gradients(kept, dy, &settings, wanted)
        )
    })
}

fn forward<T: Number>(
    [x, weight]: [Tensor<4>; 2],
    bias: Tensor<1>,
    settings: &ConvolutionSettings,
    engine: &Engine,
    cache: Option<&WeightCache>,
) -> Tensor<4> {
    let (x, weight, bias) = (Dense::channels_last(x), Dense::in_order(weight), Dense::in_order(bias));
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let sizes = output_sizes(&geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    let convolution = Convolution::plan(engine, &geometry);
    let mut prepared = convolution.prepare::<T>(weight.slice());
    if let Some(cache) = cache {
        prepared = prepared.keeping(cache, &weight.owner());
    }
    let (bias, epilogue) = (Some(bias.slice()), settings.epilogue);
    prepared.forward(ConvForward { x: x.slice(), bias, epilogue, y: &mut y });
    from_channels_last(y, sizes)
}

fn backward<T: Number>(
    Kept { x, weight, y }: Kept,
    dy: Tensor<4>,
    settings: &ConvolutionSettings,
    [dx_wanted, ..]: [bool; 3],
    engine: &Engine,
) -> OperandGradients<3> {
    let [x, y, dy] = [x, y, dy].map(Dense::channels_last);
    let weight = Dense::in_order(weight);
    let geometry = settings.geometry(x.sizes(), weight.sizes());
    let mut dx = dx_wanted.then(|| unspecified_vec::<T>(geometry.input_len()));
    let mut dweight = unspecified_vec(geometry.weight_len());
    let mut dbias = vec![T::ZERO; geometry.channels_out];
    Convolution::plan(engine, &geometry).prepare::<T>(weight.slice()).backward(ConvBackward {
        x: x.slice(),
        y: y.slice(),
        dy: dy.slice(),
        epilogue: settings.epilogue,
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

/// Returns `[n, h_out, w_out, c_out]`.
fn output_sizes(geometry: &ConvGeometry) -> [usize; 4] {
    match (geometry.height_out(), geometry.width_out()) {
        (Ok(height), Ok(width)) => [geometry.batch, height, width, geometry.channels_out],
        (Err(error), _) | (_, Err(error)) => panic!("convolution: {error}"),
    }
}

/// Computes [`convolution`] as a composition of Burn's operations.
pub(super) fn composed_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    settings: &ConvolutionSettings,
) -> Tensor<4> {
    let z = conv2d(x, weight, Some(bias), settings.options());
    let activated = activated(z, settings.epilogue.activation);
    match settings.epilogue.dropout {
        None => activated,
        Some(dropout) => composed_dropout(activated, &dropout),
    }
}

/// Computes the gradients of [`composed_convolution`].
pub(super) fn composed_gradients(
    Kept { x, weight, y }: Kept,
    dy: Tensor<4>,
    settings: &ConvolutionSettings,
    [dx_wanted, ..]: [bool; 3],
) -> OperandGradients<3> {
    let dy = match settings.epilogue.dropout {
        None => dy,
        Some(dropout) => composed_dropout(dy, &dropout),
    };
    let dz = before_activation(y, dy, settings.epilogue.activation);
    let dbias = dz.clone().sum_dims(&[0, 2, 3]).reshape([weight.dims()[0]]);
    let dx = dx_wanted
        .then(|| composed_input_gradient(x.clone(), weight.clone(), dz.clone(), settings.options()).into());
    let dweight = conv2d_weight_backward(x, weight, dz, settings.options());
    [dx, Some(dweight.into()), Some(dbias.into())]
}

/// Returns the gradient of a convolution's input, of which only the sizes matter: a convolution is linear in it.
pub(super) fn composed_input_gradient(
    x: Tensor<4>,
    weight: Tensor<4>,
    dy: Tensor<4>,
    options: ConvOptions<2>,
) -> Tensor<4> {
    let [x, weight, dy] = [x, weight, dy].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::conv2d_x_backward(x, weight, dy, options))
}
