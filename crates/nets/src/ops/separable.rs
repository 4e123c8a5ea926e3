//! Fixed separable linear maps of images: a matrix along the rows and one along the columns.

use std::sync::Arc;

use allconv_kernels::{AxisMap, Engine, Scalar, resample, unspecified_vec};
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
use super::nhwc::{Dense, from_channels_last};

/// The two matrices of a separable map.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableMap {
    /// Along the rows' axis (height).
    pub rows: Arc<AxisMap>,
    /// Along the columns' axis (width).
    pub columns: Arc<AxisMap>,
}

impl SeparableMap {
    /// A map from its two matrices.
    pub fn new(rows: AxisMap, columns: AxisMap) -> Self {
        Self { rows: Arc::new(rows), columns: Arc::new(columns) }
    }

    fn transposed(&self) -> Self {
        Self::new(self.rows.transposed(), self.columns.transposed())
    }
}

/// `y[n,c,i,j] = Σ rows[i,h] · columns[j,w] · x[n,c,h,w]`.
///
/// # Panics
///
/// When the map is for another height or width.
pub fn separable(x: Tensor<4>, map: SeparableMap, engine: &Engine) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    assert_eq!([map.rows.inputs(), map.columns.inputs()], [height, width], "sides of a separable map");
    let y = <Dispatch as SeparableOps>::separable_map(x.into_dispatch(), map, engine.clone());
    Tensor::from_dispatch(y)
}

/// A separable map as an operation of a backend; its gradient is the transposed map.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait SeparableOps: Backend {
    /// See [`separable`].
    fn separable_map(x: FloatTensor<Self>, map: SeparableMap, engine: Engine) -> FloatTensor<Self> {
        let _ = engine;
        composed::separable::<Self>(x, &map)
    }
}

#[cfg(feature = "gpu")]
impl SeparableOps for burn_cubecl::CubeBackend {}

impl SeparableOps for Flex {
    fn separable_map(x: FlexTensor, map: SeparableMap, engine: Engine) -> FlexTensor {
        match x.dtype() {
            DType::F32 => forward::<f32>(x, &map, &engine),
            DType::F64 => forward::<f64>(x, &map, &engine),
            _ => composed::separable::<Self>(x, &map),
        }
    }
}

fn forward<T: Scalar + Element + Pod>(x: FlexTensor, map: &SeparableMap, engine: &Engine) -> FlexTensor {
    let x = Dense::channels_last(x);
    let [batch, _, _, channels] = x.sizes();
    let sizes = [batch, map.rows.outputs(), map.columns.outputs(), channels];
    let mut y = unspecified_vec(sizes.iter().product());
    resample::<T>(engine, &map.rows, &map.columns, channels, x.slice(), &mut y);
    from_channels_last(y, sizes)
}

/// The gradient of a separable map.
#[derive(Debug)]
struct SeparableBackward;

impl<B: SeparableOps> Backward<B, 1> for SeparableBackward {
    type State = (SeparableMap, Engine);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let (map, engine) = ops.state;
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::separable_map(dy, map.transposed(), engine));
        }
    }
}

impl<B: SeparableOps, C: CheckpointStrategy> SeparableOps for Autodiff<B, C> {
    fn separable_map(x: FloatTensor<Self>, map: SeparableMap, engine: Engine) -> FloatTensor<Self> {
        let node = x.node();
        let y = B::separable_map(x.into_primitive(), map.clone(), engine.clone());
        match SeparableBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((map, engine), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }
}
