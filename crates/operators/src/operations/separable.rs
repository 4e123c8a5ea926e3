//! Fixed separable linear maps of images: a matrix along the rows and one along the columns, or several such maps together.

use std::sync::Arc;

use allconv_kernels::{AxisMap, ChannelMap, Engine, ResampleChannels, Scalar, resample, unspecified_vec};
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

/// Several separable maps of the same sides, and how they come together.
#[derive(Clone, Debug)]
pub struct SeparableMaps {
    /// At least one.
    pub maps: Arc<Vec<SeparableMap>>,
    /// How they come together.
    pub together: Together,
}

/// How several maps come together.
#[derive(Clone, Debug, PartialEq)]
pub enum Together {
    /// All map the whole input; their results are added.
    Sum,
    /// All map the whole input; their results are channels side by side.
    Bands,
    /// Each maps its part of the channels, side by side as [`Self::Bands`] leaves them; their results are added, the last first.
    SumOfBands,
    /// Each image by the map with the number given for it.
    ByImage(Arc<Vec<usize>>),
}

impl SeparableMaps {
    fn new(maps: Vec<SeparableMap>, together: Together) -> Self {
        Self { maps: Arc::new(maps), together }
    }

    fn transposed(&self) -> Self {
        let together = match &self.together {
            Together::Bands => Together::SumOfBands,
            Together::SumOfBands => Together::Bands,
            together => together.clone(),
        };
        Self::new(self.maps.iter().map(SeparableMap::transposed).collect(), together)
    }
}

/// `y[n,c,i,j] = Σ rows[i,h] · columns[j,w] · x[n,c,h,w]`.
///
/// # Panics
///
/// When the map is for another height or width.
pub fn separable(x: Tensor<4>, map: SeparableMap, engine: &Engine) -> Tensor<4> {
    separable_together(x, vec![map], Together::Sum, engine)
}

/// [`separable`] by several maps that come `together`.
///
/// # Panics
///
/// When there is no map, one is for another height or width, channels cannot be parted among the maps, or images lack one.
pub fn separable_together(
    x: Tensor<4>,
    maps: Vec<SeparableMap>,
    together: Together,
    engine: &Engine,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    for map in &maps {
        assert_eq!([map.rows.inputs(), map.columns.inputs()], [height, width], "sides of a separable map");
    }
    match &together {
        Together::SumOfBands => {
            assert_eq!(channels % maps.len(), 0, "channels of {channels} for {} maps", maps.len());
        }
        Together::ByImage(numbers) => assert_eq!(numbers.len(), batch, "a map for each image"),
        Together::Sum | Together::Bands => {}
    }
    let maps = SeparableMaps::new(maps, together);
    let y = <Dispatch as SeparableOps>::separable_maps(x.into_dispatch(), maps, engine.clone());
    Tensor::from_dispatch(y)
}

/// Separable maps as an operation of a backend; its gradient are the transposed maps.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait SeparableOps: Backend {
    /// See [`separable_together`].
    fn separable_maps(x: FloatTensor<Self>, maps: SeparableMaps, engine: Engine) -> FloatTensor<Self> {
        let _ = engine;
        composed::separable::<Self>(x, &maps)
    }
}

#[cfg(feature = "gpu")]
impl SeparableOps for burn_cubecl::CubeBackend {}

impl SeparableOps for Flex {
    fn separable_maps(x: FlexTensor, maps: SeparableMaps, engine: Engine) -> FlexTensor {
        match x.dtype() {
            DType::F32 => forward::<f32>(x, &maps, &engine),
            DType::F64 => forward::<f64>(x, &maps, &engine),
            _ => composed::separable::<Self>(x, &maps),
        }
    }
}

fn forward<T: Scalar + Element + Pod>(x: FlexTensor, maps: &SeparableMaps, engine: &Engine) -> FlexTensor {
    let SeparableMaps { maps, together } = maps;
    let x = Dense::channels_last(x);
    let [batch, _, _, input] = x.sizes();
    let channels = match together {
        Together::Sum | Together::ByImage(_) => ResampleChannels { input, output: input, each: input },
        Together::Bands => ResampleChannels { input, output: maps.len() * input, each: input },
        Together::SumOfBands => {
            let each = input / maps.len();
            ResampleChannels { input, output: each, each }
        }
    };
    let parts = maps.iter().enumerate().map(|(index, SeparableMap { rows, columns })| {
        let from = if *together == Together::SumOfBands { index * channels.each } else { 0 };
        let to = if *together == Together::Bands { index * channels.each } else { 0 };
        ChannelMap { rows, columns, from, to }
    });
    // Sums begin with the last band: so Burn adds the gradients of bands that are taken one by one.
    let parts: Vec<ChannelMap<'_>> =
        if *together == Together::SumOfBands { parts.rev().collect() } else { parts.collect() };
    let (all_at_once, none) = ([&parts[..]], vec![0; batch]);
    let one_by_one: Vec<&[ChannelMap<'_>]> = parts.chunks(1).collect();
    let (choices, choice): (&[&[ChannelMap<'_>]], &[usize]) = match together {
        Together::ByImage(numbers) => (&one_by_one, numbers),
        _ => (&all_at_once, &none),
    };
    let sizes = [batch, maps[0].rows.outputs(), maps[0].columns.outputs(), channels.output];
    let mut y = unspecified_vec(sizes.iter().product());
    resample::<T>(engine, choices, choice, channels, x.slice(), &mut y);
    from_channels_last(y, sizes)
}

/// The gradient of separable maps.
#[derive(Debug)]
struct SeparableBackward;

impl<B: SeparableOps> Backward<B, 1> for SeparableBackward {
    type State = (SeparableMaps, Engine);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let (maps, engine) = ops.state;
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::separable_maps(dy, maps.transposed(), engine));
        }
    }
}

impl<B: SeparableOps, C: CheckpointStrategy> SeparableOps for Autodiff<B, C> {
    fn separable_maps(x: FloatTensor<Self>, maps: SeparableMaps, engine: Engine) -> FloatTensor<Self> {
        let node = x.node();
        let y = B::separable_maps(x.into_primitive(), maps.clone(), engine.clone());
        match SeparableBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((maps, engine), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }
}
