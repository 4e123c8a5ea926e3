//! The branches of a forward pass: the feature maps that were kept, and the height and width to return to.

use allconv_kernels::Engine;
use allconv_operators::operations::{SeparableMap, concatenate_channels, separable, sum_of};
use allconv_operators::{SwitchKind, Switches, bicubic_enlargement};
use burn::module::Module;
use burn::tensor::Tensor;

/// The two stacks of a forward pass.
#[derive(Debug, Default)]
pub(crate) struct Branches {
    kept: Vec<Tensor<4>>,
    targets: Vec<OpenTarget>,
}

/// A target that no upsampling operator has returned to yet.
#[derive(Debug)]
pub(crate) struct OpenTarget {
    /// Rows and columns to return to.
    pub(crate) size: [usize; 2],
    /// The switches that the operator in between is to return.
    pub(crate) wanted: SwitchKind,
    /// The switches that it has returned.
    pub(crate) switches: Switches,
}

impl Branches {
    /// Returns whether the next downsampling operator is to return switches.
    pub(crate) fn wants_switches(&self) -> bool {
        self.targets.last().is_some_and(|target| target.wanted != SwitchKind::None)
    }

    /// Stores the switches of a downsampling operator.
    pub(crate) fn hand_over(&mut self, switches: Switches) {
        if let Some(target) = self.targets.last_mut() {
            target.switches = switches;
        }
    }

    /// Returns the target that an upsampling operator returns to.
    ///
    /// # Panics
    ///
    /// When there is none: the walk refuses such lists.
    pub(crate) fn close_target(&mut self) -> OpenTarget {
        match self.targets.pop() {
            Some(target) => target,
            None => panic!("an upsampling operator without a target; walked lists have one for each"),
        }
    }

    fn last_kept(&mut self) -> Tensor<4> {
        match self.kept.pop() {
            Some(map) => map,
            None => panic!("no map is kept; walked lists keep one for each that is taken back"),
        }
    }
}

/// A stage that keeps maps, takes them back or notes where to return: the stages without a computation.
#[derive(Module, Debug)]
pub struct BranchLayer {
    #[module(skip)]
    kind: Branch,
}

/// The kinds of a [`BranchLayer`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Branch {
    /// See [`crate::StageSpec::Keep`].
    Keep,
    /// See [`crate::StageSpec::KeepEnlarged`].
    KeepEnlarged {
        /// By what height and width grow.
        factor: usize,
    },
    /// See [`crate::StageSpec::Exchange`].
    Exchange,
    /// See [`crate::StageSpec::Concatenate`].
    Concatenate,
    /// See [`crate::StageSpec::Add`].
    Add {
        /// Factor on the current map.
        scale: f64,
    },
    /// See [`crate::StageSpec::PadChannels`].
    PadChannels {
        /// Number of output channels.
        channels_out: usize,
    },
    /// See [`crate::StageSpec::Target`].
    Target {
        /// The height and width to return to are this many times those of the map.
        factor: usize,
        /// The switches that the operator in between is to return.
        wanted: SwitchKind,
    },
}

impl BranchLayer {
    /// Returns a layer of this kind.
    pub fn new(kind: Branch) -> Self {
        Self { kind }
    }

    pub(crate) fn forward(&self, x: Tensor<4>, branches: &mut Branches, engine: &Engine) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        match self.kind {
            Branch::Keep => branches.kept.push(x.clone()),
            Branch::KeepEnlarged { factor } => {
                let along = |size| bicubic_enlargement(size, factor);
                let map = SeparableMap::new(along(height), along(width));
                branches.kept.push(separable(x.clone(), map, engine));
            }
            Branch::Exchange => {
                let kept = branches.last_kept();
                branches.kept.push(x);
                return kept;
            }
            Branch::PadChannels { channels_out } => return padded(x, channels_out),
            Branch::Concatenate => return concatenate_channels(branches.last_kept(), x),
            Branch::Add { scale } => return sum_of(branches.last_kept(), x, scale),
            Branch::Target { factor, wanted } => {
                let size = [height * factor, width * factor];
                branches.targets.push(OpenTarget { size, wanted, switches: Switches::None });
            }
        }
        x
    }
}

/// `x` between channels of zeros, half of those that are missing (rounded down) before it.
fn padded(x: Tensor<4>, channels_out: usize) -> Tensor<4> {
    let [images, channels, height, width] = x.dims();
    let missing = channels_out - channels;
    let zeros = |channels| Tensor::zeros([images, channels, height, width], (&x.device(), x.dtype()));
    match missing {
        0 => x,
        1 => concatenate_channels(x.clone(), zeros(1)),
        _ => {
            let before = concatenate_channels(zeros(missing / 2), x.clone());
            concatenate_channels(before, zeros(missing - missing / 2))
        }
    }
}
