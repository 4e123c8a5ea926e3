//! The interface of every upsampling operator.

use allconv_kernels::Activation;
use burn::tensor::Tensor;

use super::properties::Properties;
use crate::downsample::Downsampling;
use crate::error::OutOfRange;
use crate::layer::Parameters;
use crate::lowering::{Graph, LoweredDestination, Value};
use crate::operator::Operator;
use crate::parameter_source::ParameterSpec;
use crate::pass::Pass;
use crate::switches::{SwitchKind, Switches};

/// The task of an upsampling operator at one place of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enlargement {
    /// Channels, rows and columns that enter.
    pub input: [usize; 3],
    /// Channels, rows and columns that shall leave; rows and columns are those of the map that was reduced.
    pub output: [usize; 3],
    /// The switches of the paired downsampling operator: [`Downsampling::switches`].
    pub switches: SwitchKind,
}

/// The place to which an upsampling operator returns a map.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Rows and columns of the result: those of the map that was reduced.
    pub size: [usize; 2],
    /// The switches from the reduction of that map; operators that need none ignore them.
    pub switches: &'a Switches,
    /// What follows.
    pub activation: Activation,
}

/// The heights or widths that an operator can return for one that enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRule {
    /// Every one that is not smaller.
    NotSmaller,
    /// Every `h'` with `ceil(h' / factor)` the one that enters.
    Factor(usize),
    /// That of the map that the switches come from.
    Switches,
}

impl SizeRule {
    /// Refuses a height or width that cannot leave for one that enters.
    ///
    /// # Errors
    ///
    /// The reason, with both.
    pub fn check(self, entering: usize, leaving: usize) -> Result<(), String> {
        match self {
            Self::NotSmaller if leaving < entering => {
                Err(format!("{leaving} positions are fewer than {entering}"))
            }
            Self::Factor(factor) if leaving.div_ceil(factor) != entering => {
                let (least, most) = (entering.saturating_sub(1) * factor + 1, entering * factor);
                Err(format!("{entering} positions become {least} to {most} positions, not {leaving}"))
            }
            _ => Ok(()),
        }
    }
}

/// An upsampling operator, which enlarges what a downsampling operator reduced.
///
/// [`Self::lower`] states the formula of [`Self::compute`] over the nodes of the graph that an export writes.
pub trait Upsampling: Operator {
    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field with its path, its value and the range.
    fn check(&self) -> Result<(), OutOfRange> {
        self.check_in("upsample")
    }

    /// Returns the properties that it has with these settings.
    fn properties(&self) -> Properties;

    /// Returns the name of the downsampling operator that the literature pairs it with, or the plainest one if it can be paired with any.
    fn usual_partner(&self) -> &'static str;

    /// Returns the switches that it cannot do without; [`SwitchKind::None`] where it needs none.
    fn needs(&self) -> SwitchKind {
        SwitchKind::None
    }

    /// Returns the rule for the height and width of its result.
    fn size_rule(&self) -> SizeRule;

    /// Refuses a paired operator that its settings do not allow; the switches that it needs have been checked.
    ///
    /// # Errors
    ///
    /// The reason, as a sentence without its beginning.
    fn check_partner(&self, partner: &dyn Downsampling) -> Result<(), String> {
        let _ = partner;
        Ok(())
    }

    /// Returns whether it mixes channels by learned weights: the net's activation then follows.
    fn mixes_channels(&self) -> bool {
        false
    }

    /// Returns how many positions of a row of the input one position of the output reads at most, borders aside.
    fn positions_read(&self, enlargement: &Enlargement) -> usize;

    /// Returns whether it uses switches of this kind where they are available.
    fn takes(&self, offered: SwitchKind) -> bool {
        offered != SwitchKind::None && offered == self.needs()
    }

    /// Returns how many channels must enter for `channels` to leave; `None` where any number can.
    fn channels_in(&self, channels: usize, switches: SwitchKind) -> Option<usize> {
        let _ = switches;
        Some(channels)
    }

    /// Returns the parameters that it has.
    fn parameters(&self, enlargement: &Enlargement) -> Vec<ParameterSpec> {
        let _ = enlargement;
        Vec::new()
    }

    /// Returns the number of multiplications by learned weights for one image.
    fn macs(&self, enlargement: &Enlargement) -> u64 {
        let _ = enlargement;
        0
    }

    /// Enlarges `x` `[n, c, h, w]` to a map of the height and width of the destination, activated.
    ///
    /// # Panics
    ///
    /// When the operator needs other switches.
    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4>;

    /// Adds the nodes that compute it from the map `x` in evaluation, without an activation.
    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value;
}

/// Lowers [`cut`].
pub(super) fn lowered_cut(graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
    let ([_, height, width], [_, rows, columns]) = (graph.map_shape(x), to.output);
    if [height, width] == [rows, columns] {
        return x;
    }
    graph.fix_size();
    let whole = graph.slice(x, 2, [0, height - rows, 1]);
    graph.slice(whole, 3, [0, width - columns, 1])
}

/// Returns the first rows and columns of a map that is at least as large.
pub(super) fn cut(x: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    if [height, width] == [rows, columns] {
        return x;
    }
    x.slice([0..batch, 0..channels, 0..rows, 0..columns])
}
