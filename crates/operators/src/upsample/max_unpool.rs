//! Max-unpooling: each value goes back to the position of its maximum.

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling};
use crate::downsample::Downsampling;
use crate::lowering::{Binary, PadFill};
use crate::operations::{activated, assigned, scattered};
use crate::prelude::*;

/// Puts each value where its window had its maximum. [`MaxUnpool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MaxUnpool {
    /// The kernel of the pooling that is undone, 1 to 64 positions. Default 3.
    pub kernel: usize,
    /// The stride of the pooling that is undone, 1 to 64 positions. Default 2.
    pub stride: usize,
    /// The treatment of several values for one position, which overlapping windows give. Default: the largest stays.
    pub duplicates: Duplicates,
}

/// The treatment of several values for one position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The largest stays; equal ones share its gradient.
    #[default]
    Assign,
    /// They are added: the adjoint of max pooling.
    Add,
}

impl Default for MaxUnpool {
    fn default() -> Self {
        Self { kernel: 3, stride: 2, duplicates: Duplicates::default() }
    }
}

impl Settings for MaxUnpool {
    const DESCRIPTION: Description = Description {
        name: "max_unpool",
        kind: Kind::Pooling,
        revision: 2,
        statement: "Each value goes back to the place where its window had its maximum; all other positions are 0.",
        formula: "y[c, index[c,i,j]] = x[c,i,j]; of several values for one position the largest (`assign`) or the sum (`add`)",
        shape: "[n, c, h', w'], h', w' the height and width of the map that was pooled; as many channels as it had",
        boundary: "none: every position lies on the map",
        cost: "data movement; no weights",
        source: "Zeiler, Taylor and Fergus, ICCV 2011; Badrinarayanan et al., arXiv 1511.00561 (SegNet)",
        note: "Overlapping windows give a position several values, where PyTorch's max_unpool2d leaves open which value stays. \
               `add` is the backward pass of max pooling, which deconvnets and backpropagation use.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { duplicates: Duplicates::Add, ..Self::default() },
            Self { kernel: 2, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Upsampling for MaxUnpool {
    fn properties(&self) -> Properties {
        let linear = self.duplicates == Duplicates::Add || self.kernel <= self.stride;
        Properties { gain: None, linear, ..Properties::FIXED }
    }

    fn usual_partner(&self) -> &'static str {
        "max_pool"
    }

    fn needs(&self) -> SwitchKind {
        SwitchKind::MaxIndices
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Switches
    }

    fn check_partner(&self, partner: &dyn Downsampling) -> Result<(), String> {
        let Some([kernel, stride]) = partner.max_windows() else {
            return Err(format!("the windows of `{}` are not known", partner.name()));
        };
        if [kernel, stride] == [self.kernel, self.stride] {
            return Ok(());
        }
        let Self { kernel: own_kernel, stride: own_stride, .. } = self;
        Err(format!(
            "it undoes a kernel of {own_kernel} and a stride of {own_stride}, but the pooling has {kernel} and {stride}"
        ))
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        // As many windows can share a position.
        self.kernel.div_ceil(self.stride)
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        _parameters: &Parameters,
        _pass: &Pass<'_>,
    ) -> Tensor<4> {
        let [rows, columns] = to.size;
        let Switches::MaxIndices(indices) = to.switches else {
            panic!("`max_unpool` needs the positions of the maxima, not {:?}", to.switches.kind());
        };
        assert_eq!(indices.dims(), x.dims(), "positions and values of max-unpooling");
        // Windows that do not overlap have no position in common.
        let is_sum = self.duplicates == Duplicates::Add || self.kernel <= self.stride;
        let put_back = if is_sum { scattered } else { assigned };
        activated(put_back(x, indices.clone(), [rows, columns]), to.activation)
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let LoweredSwitches::MaxPlaces { places, window } = to.switches else {
            panic!("`max_unpool` needs the positions of the maxima, not {:?}", to.switches.kind());
        };
        let [_, height, width] = graph.map_shape(x);
        let is_sum = self.duplicates == Duplicates::Add || self.kernel <= self.stride;
        let nothing = if is_sum { 0.0 } else { f64::NEG_INFINITY };
        let empty = graph.number(nothing);
        graph.fix_size();
        // The window at each position whose place `place` it is; the one behind the last, which holds nothing, where there is none.
        let along = |size: usize, windows: usize, place: usize| {
            let window_at = |position: usize| {
                let from = (position + window.before()).checked_sub(place * window.dilation)?;
                (from % window.stride == 0 && from / window.stride < windows).then(|| from / window.stride)
            };
            (0..size).map(|position| window_at(position).unwrap_or(windows)).collect::<Vec<_>>()
        };
        let mut parts = Vec::with_capacity(window.kernel * window.kernel);
        for place in 0..window.kernel * window.kernel {
            let is_here = graph.is_number(places, place);
            let here = graph.select(is_here, x, empty);
            let bordered = graph.pad(here, [0, 0, 1, 1], PadFill::Number(nothing));
            let rows = graph.gather(bordered, 2, along(to.output[1], height, place / window.kernel));
            parts.push(graph.gather(rows, 3, along(to.output[2], width, place % window.kernel)));
        }
        if is_sum {
            return graph.sum(&parts);
        }
        let largest = graph.folded(Binary::Maximum, &parts);
        let is_nothing = graph.equals(largest, nothing);
        let zero = graph.number(0.0);
        graph.select(is_nothing, zero, largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downsample::{MaxPool, Reduction};
    use crate::test_support::{grid, image, values};
    use allconv_kernels::{Activation, Engine};

    fn round_trip(pool: &MaxPool, unpool: &MaxUnpool, x: Tensor<4>) -> Vec<f32> {
        let (engine, none) = (Engine::detect(), Parameters::default());
        let [_, _, height, width] = x.dims();
        let (y, switches) = pool.compute_with_switches(x, &none, &Pass::evaluate(&engine));
        let to = Destination { size: [height, width], switches: &switches, activation: Activation::Identity };
        values(unpool.compute(y, &to, &none, &Pass::evaluate(&engine)))
    }

    #[test]
    fn worked_example_of_the_reference() {
        let unpool = MaxUnpool { kernel: 2, ..MaxUnpool::default() };
        let expected = [0., 0., 0., 0., 0., 6., 0., 8., 0., 0., 0., 0., 0., 14., 0., 16.];
        assert_eq!(round_trip(&MaxPool::plain(2, 2), &unpool, grid(4, 4)), expected);
    }

    #[test]
    fn four_windows_that_share_their_maximum_give_it_once_or_four_times() {
        let mut elements = [0.0; 25];
        elements[12] = 7.0;
        let pool = MaxPool { padding: Some(0), ..MaxPool::default() };
        for (duplicates, centre) in [(Duplicates::Assign, 7.0), (Duplicates::Add, 28.0)] {
            let unpool = MaxUnpool { duplicates, ..MaxUnpool::default() };
            let mut expected = [0.0; 25];
            expected[12] = centre;
            assert_eq!(round_trip(&pool, &unpool, image(5, 5, &elements)), expected);
        }
    }
}
