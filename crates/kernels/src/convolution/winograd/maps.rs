//! The maps of each scheme between a staged map and planes of lifted tiles.

use std::marker::PhantomData;

use super::axis::{Axis, Input, InputAdjoint, Output, OutputAdjoint, Phases};
use super::points::{Five, Four, Six, Three};
use super::scheme::Scheme;
use super::tile_map::{Map, TileMap};
use crate::cpu::Simd;

/// The four maps of tiles.
pub(super) trait Maps {
    /// `Bᵀ d B`
    type Input: TileMap;
    /// `B v Bᵀ`
    type InputAdjoint: TileMap;
    /// `Aᵀ m A`
    type Output: TileMap;
    /// `A y Aᵀ`
    type OutputAdjoint: TileMap;
}

/// The maps by the points `D` down and `A` across, each with so many inputs and outputs.
struct Of<D, A, const DI: usize, const DO: usize, const AI: usize, const AO: usize>(PhantomData<(D, A)>);

/// The same points down and across.
type Square<P, const INPUTS: usize, const OUTPUTS: usize> = Of<P, P, INPUTS, OUTPUTS, INPUTS, OUTPUTS>;

impl<D, A, const DI: usize, const DO: usize, const AI: usize, const AO: usize> Maps
    for Of<D, A, DI, DO, AI, AO>
where
    Input<D>: Axis<DI, DI>,
    Input<A>: Axis<AI, AI>,
    InputAdjoint<D>: Axis<DI, DI>,
    InputAdjoint<A>: Axis<AI, AI>,
    Output<D>: Axis<DI, DO>,
    Output<A>: Axis<AI, AO>,
    OutputAdjoint<D>: Axis<DO, DI>,
    OutputAdjoint<A>: Axis<AO, AI>,
{
    type Input = Map<Input<D>, Input<A>, DI, DI, AI, AI>;
    type InputAdjoint = Map<InputAdjoint<D>, InputAdjoint<A>, DI, DI, AI, AI>;
    type Output = Map<Output<D>, Output<A>, DI, DO, AI, AO>;
    type OutputAdjoint = Map<OutputAdjoint<D>, OutputAdjoint<A>, DO, DI, AO, AI>;
}

/// A computation with the maps of a scheme.
pub(super) trait UseOfMaps {
    fn with<S: Simd, M: Maps>(self, simd: S);
}

/// Computes with the maps of a scheme.
#[inline(always)]
pub(super) fn with_maps<S: Simd>(scheme: Scheme, simd: S, used: impl UseOfMaps) {
    match scheme {
        Scheme::FourOutputsThreeTaps => used.with::<S, Square<Six, 6, 4>>(simd),
        Scheme::TwoOutputsFiveTaps => used.with::<S, Square<Six, 6, 2>>(simd),
        Scheme::ThreeOutputsThreeTaps => used.with::<S, Square<Five, 5, 3>>(simd),
        Scheme::TwoOutputsThreeTaps => used.with::<S, Square<Four, 4, 2>>(simd),
        Scheme::ThreeOutputsTwoTaps => used.with::<S, Square<Four, 4, 3>>(simd),
        Scheme::FourByTwoOutputsThreeTaps => used.with::<S, Of<Six, Four, 6, 4, 4, 2>>(simd),
        Scheme::FourOutputsThreeTapsStrided => used.with::<S, Square<Phases<Five>, 9, 4>>(simd),
        Scheme::TwoOutputsThreeTapsStrided => used.with::<S, Square<Phases<Three>, 5, 2>>(simd),
    }
}
