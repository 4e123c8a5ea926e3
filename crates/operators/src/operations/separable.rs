//! Fixed separable linear maps of images: a matrix along the rows and one along the columns, or several such maps together.

use std::sync::Arc;

use allconv_kernels::{AxisMap, ChannelMap, Engine, ResampleChannels, resample, unspecified_vec};
use burn::tensor::{Tensor, TensorData};

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last};
use super::place::{Number, Place, placed};

/// The two matrices of a separable map.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableMap {
    /// Along the rows' axis (height).
    pub rows: Arc<AxisMap>,
    /// Along the columns' axis (width).
    pub columns: Arc<AxisMap>,
}

impl SeparableMap {
    /// Creates a map from its two matrices.
    pub fn new(rows: AxisMap, columns: AxisMap) -> Self {
        Self { rows: Arc::new(rows), columns: Arc::new(columns) }
    }

    fn transposed(&self) -> Self {
        Self::new(self.rows.transposed(), self.columns.transposed())
    }
}

/// Several separable maps of the same height and width, and their combination.
#[derive(Clone, Debug)]
pub(super) struct SeparableMaps {
    /// At least one.
    pub(super) maps: Arc<Vec<SeparableMap>>,
    /// Their combination.
    pub(super) together: Together,
}

/// The combination of several maps.
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
    fn transposed(&self) -> Self {
        let together = match &self.together {
            Together::Bands => Together::SumOfBands,
            Together::SumOfBands => Together::Bands,
            together => together.clone(),
        };
        Self { maps: Arc::new(self.maps.iter().map(SeparableMap::transposed).collect()), together }
    }
}

/// Computes `y[n,c,i,j] = Σ rows[i,h] · columns[j,w] · x[n,c,h,w]`.
///
/// # Panics
///
/// When the map is for another height or width.
pub fn separable(x: Tensor<4>, map: SeparableMap, engine: &Engine) -> Tensor<4> {
    separable_together(x, vec![map], Together::Sum, engine)
}

/// Computes [`separable`] by several maps, combined as `together` says.
///
/// # Panics
///
/// When there is no map, one is for another height or width, channels cannot be divided among the maps, or images lack one.
pub fn separable_together(
    x: Tensor<4>,
    maps: Vec<SeparableMap>,
    together: Together,
    engine: &Engine,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    for map in &maps {
        assert_eq!([map.rows.inputs(), map.columns.inputs()], [height, width], "sizes of a separable map");
    }
    match &together {
        Together::SumOfBands => {
            assert_eq!(channels % maps.len(), 0, "channels of {channels} for {} maps", maps.len());
        }
        Together::ByImage(numbers) => assert_eq!(numbers.len(), batch, "a map for each image"),
        Together::Sum | Together::Bands => {}
    }
    let maps = SeparableMaps { maps: Arc::new(maps), together };
    let (y, engine) = (mapped(x.clone().inner(), &maps, engine), engine.clone());
    // The gradient of linear maps are the transposed maps.
    differentiable(y, [x.into()], move |dy, _| [Some(mapped(dy, &maps.transposed(), &engine).into())])
}

fn mapped(x: Tensor<4>, maps: &SeparableMaps, engine: &Engine) -> Tensor<4> {
    placed!(Place::of(&x), T => forward::<T>(x, maps, engine), else composed_maps(x, maps))
}

fn forward<T: Number>(x: Tensor<4>, maps: &SeparableMaps, engine: &Engine) -> Tensor<4> {
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
    // Sums begin with the last band: as Burn adds the gradients of bands that are taken one by one.
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

/// Computes [`separable_together`] as a composition of Burn's operations: products with dense matrices.
pub(super) fn composed_maps(x: Tensor<4>, maps: &SeparableMaps) -> Tensor<4> {
    let SeparableMaps { maps, together } = maps;
    let [batch, channels, _, _] = x.dims();
    let results = maps.iter().enumerate().map(|(index, map)| {
        let x = match together {
            Together::Sum | Together::Bands => x.clone(),
            Together::SumOfBands => {
                let each = channels / maps.len();
                x.clone().narrow(1, index * each, each)
            }
            Together::ByImage(numbers) => {
                let chosen = numbers.iter().map(|number| f64::from(u8::from(*number == index))).collect();
                let data = TensorData::new::<f64, _>(chosen, [batch, 1, 1, 1]);
                x.clone() * Tensor::from_data(data, (&x.device(), x.dtype()))
            }
        };
        composed_map(x, map)
    });
    if *together == Together::Bands {
        return Tensor::cat(results.collect(), 1);
    }
    match results.reduce(|sum, result| sum + result) {
        Some(sum) => sum,
        None => unreachable!("there is a map"),
    }
}

fn composed_map(x: Tensor<4>, map: &SeparableMap) -> Tensor<4> {
    let matrix = |axis: &AxisMap| {
        let data = TensorData::new(axis.dense(), [1, 1, axis.outputs(), axis.inputs()]);
        Tensor::<4>::from_data(data, (&x.device(), x.dtype()))
    };
    let (rows, columns) = (matrix(&map.rows), matrix(&map.columns).swap_dims(2, 3));
    rows.matmul(x.matmul(columns))
}
