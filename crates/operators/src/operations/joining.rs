//! Two maps joined: along the channels, or added.

use allconv_kernels::{Scalar, unspecified_vec};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::ops::FloatTensorOps;
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element, Slice, TensorMetadata};
use burn_flex::FlexTensor;
use bytemuck::Pod;
use rayon::prelude::*;

use super::nhwc::{Dense, from_channels_last};

/// Elements that one task copies or adds.
const CHUNK: usize = 1 << 14;

/// The channels of `first`, then those of `second`: `[n, c₁ + c₂, h, w]`.
///
/// # Panics
///
/// When the numbers of images or the sides differ.
pub fn concatenate_channels(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    let ([images, _, height, width], [others, _, rows, columns]) = (first.dims(), second.dims());
    assert_eq!(
        [images, height, width],
        [others, rows, columns],
        "images and sides of two maps that are joined"
    );
    let y = <Dispatch as JoiningOps>::joined_channels(first.into_dispatch(), second.into_dispatch());
    Tensor::from_dispatch(y)
}

/// `first + scale · second`.
///
/// # Panics
///
/// When the shapes differ.
pub fn sum_of(first: Tensor<4>, second: Tensor<4>, scale: f64) -> Tensor<4> {
    assert_eq!(first.dims(), second.dims(), "shapes of two maps that are added");
    let y = <Dispatch as JoiningOps>::scaled_sum(first.into_dispatch(), second.into_dispatch(), scale);
    Tensor::from_dispatch(y)
}

/// Joining two maps as operations of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait JoiningOps: Backend {
    /// See [`concatenate_channels`].
    fn joined_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_cat(vec![first, second], 1)
    }

    /// The first `channels` of a map, and the others.
    fn parted_channels(x: FloatTensor<Self>, channels: usize) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape = x.shape();
        let part = |first: usize, end: usize| {
            let mut ranges: Vec<Slice> = (0..4).map(|axis| Slice::from(0..shape[axis] as isize)).collect();
            ranges[1] = Slice::from(first as isize..end as isize);
            Self::float_slice(x.clone(), &ranges)
        };
        (part(0, channels), part(channels, shape[1]))
    }

    /// See [`sum_of`].
    fn scaled_sum(first: FloatTensor<Self>, second: FloatTensor<Self>, scale: f64) -> FloatTensor<Self> {
        Self::float_add(first, Self::float_mul_scalar(second, scale.into()))
    }
}

#[cfg(feature = "gpu")]
impl JoiningOps for burn_cubecl::CubeBackend {}

impl JoiningOps for Flex {
    fn joined_channels(first: FlexTensor, second: FlexTensor) -> FlexTensor {
        match first.dtype() {
            DType::F32 => join::<f32>(first, second),
            DType::F64 => join::<f64>(first, second),
            _ => Self::float_cat(vec![first, second], 1),
        }
    }

    fn parted_channels(x: FlexTensor, channels: usize) -> (FlexTensor, FlexTensor) {
        if x.dtype() == DType::F64 { part::<f64>(x, channels) } else { part::<f32>(x, channels) }
    }

    fn scaled_sum(first: FlexTensor, second: FlexTensor, scale: f64) -> FlexTensor {
        match first.dtype() {
            DType::F32 => add::<f32>(first, second, scale),
            DType::F64 => add::<f64>(first, second, scale),
            _ => Self::float_add(first, Self::float_mul_scalar(second, scale.into())),
        }
    }
}

fn join<T: Scalar + Element + Pod>(first: FlexTensor, second: FlexTensor) -> FlexTensor {
    let (first, second) = (Dense::channels_last(first), Dense::channels_last(second));
    let [batch, height, width, of_first] = first.sizes();
    let of_second = second.sizes()[3];
    let channels = of_first + of_second;
    let mut y = unspecified_vec::<T>(batch * height * width * channels);
    let cells = (CHUNK / channels).max(1);
    y.par_chunks_mut(cells * channels)
        .zip(first.slice::<T>().par_chunks(cells * of_first))
        .zip(second.slice::<T>().par_chunks(cells * of_second))
        .for_each(|((y, first), second)| {
            let parts = first.chunks_exact(of_first).zip(second.chunks_exact(of_second));
            for (y, (first, second)) in y.chunks_exact_mut(channels).zip(parts) {
                let (head, tail) = y.split_at_mut(of_first);
                head.copy_from_slice(first);
                tail.copy_from_slice(second);
            }
        });
    from_channels_last(y, [batch, height, width, channels])
}

fn part<T: Scalar + Element + Pod>(x: FlexTensor, of_first: usize) -> (FlexTensor, FlexTensor) {
    let x = Dense::channels_last(x);
    let [batch, height, width, channels] = x.sizes();
    let of_second = channels - of_first;
    let positions = batch * height * width;
    let mut first = unspecified_vec::<T>(positions * of_first);
    let mut second = unspecified_vec::<T>(positions * of_second);
    let cells = (CHUNK / channels).max(1);
    x.slice::<T>()
        .par_chunks(cells * channels)
        .zip(first.par_chunks_mut(cells * of_first))
        .zip(second.par_chunks_mut(cells * of_second))
        .for_each(|((x, first), second)| {
            let parts = first.chunks_exact_mut(of_first).zip(second.chunks_exact_mut(of_second));
            for (x, (first, second)) in x.chunks_exact(channels).zip(parts) {
                let (head, tail) = x.split_at(of_first);
                first.copy_from_slice(head);
                second.copy_from_slice(tail);
            }
        });
    let map = |values, channels| from_channels_last(values, [batch, height, width, channels]);
    (map(first, of_first), map(second, of_second))
}

fn add<T: Scalar + Element + Pod>(first: FlexTensor, second: FlexTensor, scale: f64) -> FlexTensor {
    let (first, second) = (Dense::channels_last(first), Dense::channels_last(second));
    let scale = T::from_f64(scale);
    let mut y = unspecified_vec::<T>(first.slice::<T>().len());
    y.par_chunks_mut(CHUNK)
        .zip(first.slice::<T>().par_chunks(CHUNK))
        .zip(second.slice::<T>().par_chunks(CHUNK))
        .for_each(|((y, first), second)| {
            y.iter_mut()
                .zip(first)
                .zip(second)
                .for_each(|((y, first), second)| *y = *first + scale * *second);
        });
    from_channels_last(y, first.sizes())
}

/// The gradient of [`JoiningOps::joined_channels`]; the state is the number of channels of the first map.
#[derive(Debug)]
struct JoinedBackward;

impl<B: JoiningOps> Backward<B, 2> for JoinedBackward {
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (first, second) = B::parted_channels(dy, ops.state);
        for (node, gradient) in ops.parents.into_iter().zip([first, second]) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

/// The gradient of [`JoiningOps::scaled_sum`]; the state is the scale.
#[derive(Debug)]
struct SumBackward;

impl<B: JoiningOps> Backward<B, 2> for SumBackward {
    type State = f64;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [first, second] = ops.parents;
        if let Some(node) = second {
            let scaled =
                if ops.state == 1.0 { dy.clone() } else { B::float_mul_scalar(dy.clone(), ops.state.into()) };
            gradients.register::<B>(node.id, scaled);
        }
        if let Some(node) = first {
            gradients.register::<B>(node.id, dy);
        }
    }
}

impl<B: JoiningOps, C: CheckpointStrategy> JoiningOps for Autodiff<B, C> {
    fn joined_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [first.node(), second.node()];
        let (first, second) = (first.into_primitive(), second.into_primitive());
        let channels = first.shape()[1];
        let y = B::joined_channels(first, second);
        match JoinedBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(channels, y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn scaled_sum(first: FloatTensor<Self>, second: FloatTensor<Self>, scale: f64) -> FloatTensor<Self> {
        let nodes = [first.node(), second.node()];
        let y = B::scaled_sum(first.into_primitive(), second.into_primitive(), scale);
        match SumBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(scale, y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }
}
