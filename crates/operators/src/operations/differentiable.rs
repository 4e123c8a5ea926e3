//! The one bridge to Burn's autodiff: a result with its own gradient is added to the graph of its operands.

use std::fmt;
use std::marker::PhantomData;

#[cfg(feature = "gpu")]
use burn::backend::Cube;
use burn::backend::{
    Autodiff, BackendTensor, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor,
    DispatchTensorKind, Flex, GradientCheckpointingStrategy,
};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{AutodiffBackend, Backend};

/// A tensor of any rank: operands of an operation may have several.
#[derive(Clone, Debug)]
pub(crate) struct AnyRank(pub(super) DispatchTensor);

impl<const D: usize> From<Tensor<D>> for AnyRank {
    fn from(tensor: Tensor<D>) -> Self {
        Self(tensor.into_dispatch())
    }
}

impl<const D: usize> From<&Tensor<D>> for AnyRank {
    fn from(tensor: &Tensor<D>) -> Self {
        tensor.clone().into()
    }
}

/// The gradients of an operation's operands, in their order; `None` for one that is not wanted.
pub(crate) type OperandGradients<const N: usize> = [Option<AnyRank>; N];

/// Joins `y`, computed from `parents` without a graph, to their graph; returns it unchanged where none of them has one.
///
/// `gradient` computes the gradients of the parents from that of `y`, for those that are wanted; it runs without a graph, so that there
/// are no gradients of gradients. It must hold only tensors without a graph ([`Tensor::inner`]).
pub(crate) fn differentiable<const N: usize, const D: usize>(
    y: Tensor<D>,
    parents: [AnyRank; N],
    gradient: impl FnOnce(Tensor<D>, [bool; N]) -> OperandGradients<N> + Clone + Send + 'static,
) -> Tensor<D> {
    let strategy = parents.iter().find_map(|parent| match parent.0.autodiff {
        DispatchAutodiffContext::Enabled(strategy) => Some(strategy),
        DispatchAutodiffContext::Disabled => None,
    });
    let Some(strategy) = strategy else { return y };
    let gradient = move |dy: DispatchTensor, wanted| gradient(Tensor::from_dispatch(dy), wanted);
    let y = y.into_dispatch();
    let joined = match (&y.kind, strategy) {
        (DispatchTensorKind::Flex(_), GradientCheckpointingStrategy::Disabled) => {
            joined::<Flex, NoCheckpointing, N>(y, parents, gradient)
        }
        (DispatchTensorKind::Flex(_), GradientCheckpointingStrategy::Balanced) => {
            joined::<Flex, BalancedCheckpointing, N>(y, parents, gradient)
        }
        #[cfg(feature = "gpu")]
        (DispatchTensorKind::Cube(_), GradientCheckpointingStrategy::Disabled) => {
            joined::<Cube, NoCheckpointing, N>(y, parents, gradient)
        }
        #[cfg(feature = "gpu")]
        (DispatchTensorKind::Cube(_), GradientCheckpointingStrategy::Balanced) => {
            joined::<Cube, BalancedCheckpointing, N>(y, parents, gradient)
        }
        (other, _) => panic!("a result without a graph lies on a backend of this build, not in {other:?}"),
    };
    Tensor::from_dispatch(joined)
}

/// Computes [`differentiable`] on one backend.
fn joined<B: Backend, C: CheckpointStrategy, const N: usize>(
    y: DispatchTensor,
    parents: [AnyRank; N],
    gradient: impl FnOnce(DispatchTensor, [bool; N]) -> OperandGradients<N> + Clone + Send + 'static,
) -> DispatchTensor
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B, C>>,
{
    let nodes = parents.map(|parent| match parent.0.autodiff {
        DispatchAutodiffContext::Disabled => Autodiff::<B, C>::from_inner(primitive::<B>(parent.0)).node(),
        DispatchAutodiffContext::Enabled(_) => primitive::<Autodiff<B, C>>(parent.0).node(),
    });
    let y = primitive::<B>(y);
    let y = match Step(PhantomData).prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => preparation.finish(State(gradient), y),
        OpsKind::UnTracked(preparation) => preparation.finish(y),
    };
    raw::<Autodiff<B, C>>(y)
}

fn primitive<B: Backend>(tensor: DispatchTensor) -> FloatTensor<B>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    match <DispatchTensor as DispatchKindConversion<B>>::try_into_backend(tensor) {
        Ok(tensor) => tensor.float(),
        Err(error) => panic!("operands of one operation lie on one device: {error}"),
    }
}

fn raw<B: Backend>(tensor: FloatTensor<B>) -> DispatchTensor
where
    DispatchTensor: DispatchKindConversion<B>,
{
    <DispatchTensor as DispatchKindConversion<B>>::from_backend(BackendTensor::Float(tensor))
}

/// A node of the graph whose gradient is the function in its state.
struct Step<G>(PhantomData<fn(G)>);

impl<G> fmt::Debug for Step<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Step")
    }
}

/// The gradient of an operation, with what it keeps of the forward pass.
#[derive(Clone)]
struct State<G>(G);

impl<G> fmt::Debug for State<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("State")
    }
}

impl<B: Backend, G, const N: usize> Backward<B, N> for Step<G>
where
    DispatchTensor: DispatchKindConversion<B>,
    G: FnOnce(DispatchTensor, [bool; N]) -> OperandGradients<N> + Clone + Send + 'static,
{
    type State = State<G>;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = (ops.state.0)(raw::<B>(dy), wanted);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            match (node, gradient) {
                (Some(node), Some(gradient)) => {
                    gradients.register::<B>(node.id, primitive::<B>(gradient.0));
                }
                (Some(_), None) => panic!("a gradient that is wanted was not computed"),
                (None, _) => {}
            }
        }
    }
}
