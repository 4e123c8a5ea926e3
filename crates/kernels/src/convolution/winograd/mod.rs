//! Winograd convolution, forward and as the exact adjoint backward.
//!
//! Forward, `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)] A` per tile, summed over input channels before `Aᵀ · A`: for every position of
//! the transformed tile one matrix product of tiles by channels. Backward reads the same formula from right to left:
//! `M = A dY Aᵀ` is computed once and serves both `dW = Gᵀ[Σ Vᵀ M] G` and `dX += B [M Uᵀ] Bᵀ`.
//!
//! Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; the interpolation points of
//! [`points`] are our own choice.

mod axis;
mod into_map;
mod line;
mod lowering;
mod maps;
mod planes;
mod points;
mod scheme;
mod tile_map;
mod transform;
mod weights;

pub(super) use lowering::Winograd;
pub use scheme::Scheme;
