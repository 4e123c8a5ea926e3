//! Work on every element by itself: functions, dropout, the epilogue of a convolution, mixtures and the optimiser step.

mod dropout;
mod epilogue;
mod functions;
mod mixture;
mod sgd;

pub(crate) use dropout::element_index;
pub use dropout::{Dropout, dropout_backward, dropout_forward};
pub use epilogue::{Activation, Epilogue};
pub(crate) use epilogue::{Gradients, PreparedEpilogue};
pub use functions::{Elementwise, elementwise_backward, elementwise_forward};
pub use mixture::{MixtureGradients, MixtureMaps, mixture_backward, mixture_forward};
pub use sgd::{SgdStep, sgd_momentum_step};
