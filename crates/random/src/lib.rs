//! Counter-based random numbers and elementary functions that are the same on every machine.
//!
//! Every number is a function of a key and a counter ([`philox4x32`]); nothing holds a state that two users share. A [`Stream`]
//! is a sequence of such numbers, named by its purpose ([`Purpose`]) and by a seed, an example, a parameter or a step.
//! Resampling in reports draws from [`SplitMix`].
//!
//! Exponentials, logarithms, sines and powers are in [`elementary`].
//!
//! The values of all streams are part of the results of published runs: they never change.

#![forbid(unsafe_code)]

mod draws;
pub mod elementary;
mod philox;
mod purpose;
mod split_mix;
mod stream;

pub use philox::{philox4x32, unit_f32};
pub use purpose::Purpose;
pub use split_mix::{Resampling, SplitMix, splitmix64};
pub use stream::{Stream, step_key};
