//! The operators as compositions of Burn's own operations: their reference, and what runs on a GPU.

use allconv_kernels::{Activation, AxisMap, Dropout};
use allconv_random::splitmix64;
use burn_backend::ops::{ConvOptions, PadMode};
use burn_backend::tensor::IndexingUpdateOp;
use burn_backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn_backend::{
    Backend, IntDType, Shape, Slice, TensorData, TensorMetadata, get_or_init_device_settings,
};

use super::average_pool::Divisor;
use super::convolution::{ConvolutionGradients, ConvolutionSettings};
use super::separable::{SeparableMap, SeparableMaps, Together};
use super::transposed_convolution::TransposedConvolutionSettings;
use super::window::PoolWindow;

fn sizes<B: Backend>(x: &FloatTensor<B>) -> [usize; 4] {
    let shape = x.shape();
    std::array::from_fn(|axis| shape[axis])
}

/// Convolution, bias, activation, dropout.
pub(crate) fn convolution<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    settings: &ConvolutionSettings,
) -> FloatTensor<B> {
    let z = B::conv2d(x, weight, Some(bias), options(settings));
    let activated = activated::<B>(z, settings.epilogue.activation);
    match settings.epilogue.dropout {
        None => activated,
        Some(dropout) => dropout_mask::<B>(activated, &dropout),
    }
}

/// The gradients of [`convolution`], from its operands, its result `y` and the result's gradient `dy`.
pub(crate) fn convolution_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    y: FloatTensor<B>,
    dy: FloatTensor<B>,
    settings: &ConvolutionSettings,
) -> ConvolutionGradients<B> {
    let dy = match settings.epilogue.dropout {
        None => dy,
        Some(dropout) => dropout_mask::<B>(dy, &dropout),
    };
    let dz = before_activation::<B>(y, dy, settings.epilogue.activation);
    let options = options(settings);
    let dbias = B::float_reshape(B::float_sum_dims(dz.clone(), &[0, 2, 3]), Shape::new([weight.shape()[0]]));
    let dx = B::conv2d_x_backward(x.clone(), weight.clone(), dz.clone(), options.clone());
    ConvolutionGradients { dx, dweight: B::conv2d_weight_backward(x, weight, dz, options), dbias }
}

/// The activation of `z`.
pub(super) fn activated<B: Backend>(z: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::Identity => z,
        Activation::Relu => B::relu(z),
        Activation::LeakyRelu { slope } => B::leaky_relu(z, slope.into()),
    }
}

/// The gradient at the activation's input, from that at its result `y`.
///
/// The sign of the result is that of the activation's input wherever dropout kept it.
pub(super) fn before_activation<B: Backend>(
    y: FloatTensor<B>,
    dy: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    match activation {
        Activation::Identity => dy,
        Activation::Relu => B::float_mask_fill(dy, not_positive::<B>(y), 0.0.into()),
        Activation::LeakyRelu { slope } => {
            let small = B::float_mul_scalar(dy.clone(), slope.into());
            B::float_mask_where(dy, not_positive::<B>(y), small)
        }
    }
}

fn options(settings: &ConvolutionSettings) -> ConvOptions<2> {
    let padding = settings.padding;
    ConvOptions::new_with_padding(
        settings.stride,
        [(padding.top, padding.bottom), (padding.left, padding.right)],
        settings.dilation,
        settings.groups,
    )
}

/// `values` where `sign_of` is positive, `slope` times them elsewhere.
pub(crate) fn damped<B: Backend>(
    values: FloatTensor<B>,
    sign_of: FloatTensor<B>,
    slope: f64,
) -> FloatTensor<B> {
    let off = not_positive::<B>(sign_of);
    if slope == 0.0 {
        return B::float_mask_fill(values, off, 0.0.into());
    }
    let small = B::float_mul_scalar(values.clone(), slope.into());
    B::float_mask_where(values, off, small)
}

fn not_positive<B: Backend>(y: FloatTensor<B>) -> BoolTensor<B> {
    let dtype = get_or_init_device_settings::<B>(&y.device()).bool_dtype;
    B::float_lower_equal_elem(y, 0.0.into(), dtype)
}

/// Inverted dropout by the kernels' hash of (key, element), computed with integers on the device.
pub(crate) fn dropout_mask<B: Backend>(x: FloatTensor<B>, dropout: &Dropout) -> FloatTensor<B> {
    let key = splitmix64(dropout.key);
    let threshold = (f64::from(dropout.rate) * 4_294_967_296.0) as u64;
    let mut hash = channels_last_index::<B>(&x);
    for half in [key & 0xffff_ffff, key >> 32] {
        hash = mix::<B>(B::bitwise_xor_scalar(hash, half.into()));
    }
    let dtype = get_or_init_device_settings::<B>(&x.device()).bool_dtype;
    let dropped = B::int_lower_elem(hash, threshold.into(), dtype);
    B::float_mask_fill(B::float_mul_scalar(x, dropout.scale().into()), dropped, 0.0.into())
}

/// For each element of `[n, c, h, w]` its flat index in `[n, h, w, c]`, as 32-bit unsigned integers.
fn channels_last_index<B: Backend>(x: &FloatTensor<B>) -> IntTensor<B> {
    let [batch, channels, height, width] = sizes::<B>(x);
    let device = x.device();
    let axis = |axis: usize, count: usize, step: usize| {
        let mut shape = [1; 4];
        shape[axis] = count;
        let range = B::int_arange(0..count as i64, &device, IntDType::U32);
        B::int_reshape(B::int_mul_scalar(range, (step as u64).into()), Shape::new(shape))
    };
    let rows = B::int_add(axis(0, batch, height * width * channels), axis(2, height, width * channels));
    let cells = B::int_add(axis(3, width, channels), axis(1, channels, 1));
    B::int_add(rows, cells)
}

/// The bit mixer of the kernels' dropout: see [`Dropout`].
fn mix<B: Backend>(hash: IntTensor<B>) -> IntTensor<B> {
    let fold = |hash: IntTensor<B>, bits: u64| {
        B::bitwise_xor(hash.clone(), B::bitwise_right_shift_scalar(hash, bits.into()))
    };
    let hash = B::int_mul_scalar(fold(hash, 16), 0x7feb_352d_u64.into());
    let hash = B::int_mul_scalar(fold(hash, 15), 0x846c_a68b_u64.into());
    fold(hash, 16)
}

/// The adjoint of a convolution without bias, for maps of these sides, and a bias.
pub(crate) fn transposed_convolution<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    settings: &TransposedConvolutionSettings,
) -> FloatTensor<B> {
    let [batch, _, _, _] = sizes::<B>(&x);
    let [_, channels, _, _] = sizes::<B>(&weight);
    let [rows, columns] = settings.sides;
    // Only its sizes matter: a convolution is linear in its input.
    let point = B::float_zeros(Shape::new([batch, channels, rows, columns]), &x.device(), x.dtype().into());
    let y = B::conv2d_x_backward(point, weight, x, adjoint_options(settings));
    let z = B::float_add(y, B::float_reshape(bias, Shape::new([1, channels, 1, 1])));
    activated::<B>(z, settings.activation)
}

/// The gradients of [`transposed_convolution`], from its operands, its result `y` and the result's gradient `dy`.
pub(crate) fn transposed_convolution_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    y: FloatTensor<B>,
    dy: FloatTensor<B>,
    settings: &TransposedConvolutionSettings,
) -> ConvolutionGradients<B> {
    let options = adjoint_options(settings);
    let dz = before_activation::<B>(y, dy, settings.activation);
    let dbias = B::float_reshape(B::float_sum_dims(dz.clone(), &[0, 2, 3]), Shape::new([weight.shape()[1]]));
    let dx = B::conv2d(dz.clone(), weight.clone(), None, options.clone());
    // Seen from the convolution, `dz` is the input and `x` the gradient of the output.
    ConvolutionGradients { dx, dweight: B::conv2d_weight_backward(dz, weight, x, options), dbias }
}

fn adjoint_options(settings: &TransposedConvolutionSettings) -> ConvOptions<2> {
    let padding = settings.padding;
    ConvOptions::new_with_padding(
        settings.stride,
        [(padding.top, padding.bottom), (padding.left, padding.right)],
        [1, 1],
        1,
    )
}

/// The cells that windows reach beyond the map: before and after, rows and columns.
fn border(window: PoolWindow, height: usize, width: usize) -> [[usize; 2]; 2] {
    [height, width].map(|side| [window.before(), window.overhang(side)])
}

/// Adds the cells beyond the map that windows reach.
fn bordered<B: Backend>(x: FloatTensor<B>, window: PoolWindow, fill: f32) -> FloatTensor<B> {
    let [_, _, height, width] = sizes::<B>(&x);
    let [rows, columns] = border(window, height, width);
    if rows == [0; 2] && columns == [0; 2] {
        return x;
    }
    let pad = [(0, 0), (0, 0), (rows[0], rows[1]), (columns[0], columns[1])];
    B::float_pad(x, &pad, PadMode::Constant(fill))
}

/// Takes away the cells that [`bordered`] added.
fn unbordered<B: Backend>(
    x: FloatTensor<B>,
    window: PoolWindow,
    [height, width]: [usize; 2],
) -> FloatTensor<B> {
    let [batch, channels, _, _] = sizes::<B>(&x);
    let before = window.before();
    let inside = [(0, batch), (0, channels), (before, height), (before, width)]
        .map(|(start, length)| Slice::from(start as isize..(start + length) as isize));
    B::float_slice(x, &inside)
}

/// The maximum of each window, and its position `row · width + column` in the map.
pub(crate) fn max_pool<B: Backend>(x: FloatTensor<B>, window: PoolWindow) -> (FloatTensor<B>, IntTensor<B>) {
    let [_, _, height, width] = sizes::<B>(&x);
    let dtype = get_or_init_device_settings::<B>(&x.device()).int_dtype;
    let (rows, columns) = (window.windows(height), window.windows(width));
    let padded = bordered::<B>(x, window, f32::NEG_INFINITY);
    let [batch, channels, _, padded_width] = sizes::<B>(&padded);
    let (kernel, stride, dilation) = ([window.kernel; 2], [window.stride; 2], [window.dilation; 2]);
    let result = B::max_pool2d_with_indices(padded, kernel, stride, [0, 0], dilation, false, dtype);
    // Room for further windows may be left behind the last one: PyTorch's rule rounds down.
    let windows = [batch, channels, rows, columns].map(|side| Slice::from(0..side as isize));
    let (y, indices) = (B::float_slice(result.output, &windows), B::int_slice(result.indices, &windows));
    let before = window.before() as i64;
    if padded_width == width && before == 0 {
        return (y, indices);
    }
    let row = B::int_div_scalar(indices.clone(), (padded_width as i64).into());
    let shift = B::int_mul_scalar(row, ((padded_width - width) as i64).into());
    let indices = B::int_sub_scalar(B::int_sub(indices, shift), (before * (width as i64 + 1)).into());
    (y, indices)
}

/// The gradient of [`max_pool`]: each `dy` is added at the position of its maximum.
pub(crate) fn max_pool_backward<B: Backend>(
    dy: FloatTensor<B>,
    indices: IntTensor<B>,
    sizes_in: [usize; 4],
) -> FloatTensor<B> {
    let [batch, channels, height, width] = sizes_in;
    let [_, _, rows, columns] = sizes::<B>(&dy);
    let planes = Shape::new([batch * channels, rows * columns]);
    let zeros =
        B::float_zeros(Shape::new([batch * channels, height * width]), &dy.device(), dy.dtype().into());
    let indices = B::int_reshape(indices, planes.clone());
    let scattered = B::float_scatter(1, zeros, indices, B::float_reshape(dy, planes), IndexingUpdateOp::Add);
    B::float_reshape(scattered, Shape::new(sizes_in))
}

/// The mean of each window.
pub(crate) fn average_pool<B: Backend>(
    x: FloatTensor<B>,
    window: PoolWindow,
    divisor: Divisor,
) -> FloatTensor<B> {
    let [batch, channels, height, width] = sizes::<B>(&x);
    let factor = correction::<B>(&x, [height, width], window, divisor);
    let padded = bordered::<B>(x, window, 0.0);
    let (kernel, stride) = ([window.kernel; 2], [window.stride; 2]);
    let mean = B::avg_pool2d(padded, kernel, stride, [0, 0], true, false);
    let windows = [batch, channels, window.windows(height), window.windows(width)];
    let mean = B::float_slice(mean, &windows.map(|side| Slice::from(0..side as isize)));
    match factor {
        None => mean,
        Some(factor) => B::float_mul(mean, factor),
    }
}

/// The gradient of [`average_pool`].
pub(crate) fn average_pool_backward<B: Backend>(
    dy: FloatTensor<B>,
    sizes_in: [usize; 4],
    window: PoolWindow,
    divisor: Divisor,
) -> FloatTensor<B> {
    let [batch, channels, height, width] = sizes_in;
    let dy = match correction::<B>(&dy, [height, width], window, divisor) {
        None => dy,
        Some(factor) => B::float_mul(dy, factor),
    };
    // Exactly as many cells as the windows reach, so that Burn counts the same windows.
    let reached = |side| (window.windows(side) - 1) * window.stride + window.kernel;
    let [reached_rows, reached_columns] = [reached(height), reached(width)];
    let x = B::float_zeros(
        Shape::new([batch, channels, reached_rows, reached_columns]),
        &dy.device(),
        dy.dtype().into(),
    );
    let (kernel, stride) = ([window.kernel; 2], [window.stride; 2]);
    let dx = B::avg_pool2d_backward(x, dy, kernel, stride, [0, 0], true, false);
    let after = [(reached_rows, height), (reached_columns, width)]
        .map(|(reached, side)| (window.before() + side).saturating_sub(reached));
    let pad = [(0, 0), (0, 0), (0, after[0]), (0, after[1])];
    let dx = if after == [0; 2] { dx } else { B::float_pad(dx, &pad, PadMode::Constant(0.0)) };
    unbordered::<B>(dx, window, [height, width])
}

/// Window cells over divisor for each window, `[1, 1, rows, columns]`, where it is not 1 throughout.
fn correction<B: Backend>(
    like: &FloatTensor<B>,
    [height, width]: [usize; 2],
    window: PoolWindow,
    divisor: Divisor,
) -> Option<FloatTensor<B>> {
    let counts = |side| match divisor {
        Divisor::Cells => window.cells(side),
        Divisor::Window => window.cells_with_border(side),
    };
    let (rows, columns) = (counts(height), counts(width));
    if rows.iter().chain(&columns).all(|count| *count == window.kernel) {
        return None;
    }
    let area = (window.kernel * window.kernel) as f64;
    let factors: Vec<f64> =
        rows.iter().flat_map(|row| columns.iter().map(move |column| area / (row * column) as f64)).collect();
    let data = TensorData::new(factors, [1, 1, rows.len(), columns.len()]).convert_dtype(like.dtype());
    Some(B::float_from_data(data, &like.device()))
}

/// Separable maps as products with dense matrices.
pub(crate) fn separable<B: Backend>(x: FloatTensor<B>, maps: &SeparableMaps) -> FloatTensor<B> {
    let SeparableMaps { maps, together } = maps;
    let [batch, channels, height, width] = sizes::<B>(&x);
    let results = maps.iter().enumerate().map(|(index, map)| {
        let x = match together {
            Together::Sum | Together::Bands => x.clone(),
            Together::SumOfBands => {
                let each = channels / maps.len();
                let ranges = [0..batch, index * each..(index + 1) * each, 0..height, 0..width];
                B::float_slice(x.clone(), &ranges.map(Slice::from))
            }
            Together::ByImage(numbers) => {
                let chosen = numbers.iter().map(|number| f64::from(u8::from(*number == index))).collect();
                let data = TensorData::new::<f64, _>(chosen, [batch, 1, 1, 1]).convert_dtype(x.dtype());
                B::float_mul(x.clone(), B::float_from_data(data, &x.device()))
            }
        };
        separable_map::<B>(x, map)
    });
    if *together == Together::Bands {
        return B::float_cat(results.collect(), 1);
    }
    match results.reduce(B::float_add) {
        Some(sum) => sum,
        None => unreachable!("there is a map"),
    }
}

fn separable_map<B: Backend>(x: FloatTensor<B>, map: &SeparableMap) -> FloatTensor<B> {
    let matrix = |axis: &AxisMap, transposed: bool| {
        let shape = [1, 1, axis.outputs(), axis.inputs()];
        let data = TensorData::new(axis.dense(), shape).convert_dtype(x.dtype());
        let matrix = B::float_from_data(data, &x.device());
        if transposed { B::float_swap_dims(matrix, 2, 3) } else { matrix }
    };
    let (rows, columns) = (matrix(&map.rows, false), matrix(&map.columns, true));
    B::float_matmul(rows, B::float_matmul(x, columns))
}
