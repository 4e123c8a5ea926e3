//! Planned convolutions, and the choice of their algorithm.

use super::geometry::ConvGeometry;
use super::winograd::Scheme;
use crate::cpu::LANES;
use crate::engine::Engine;
use crate::numbers::Accuracy;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Products and sums of the definition, as matrix products on blocked maps.
    Direct,
    /// A Winograd transform.
    Winograd(Scheme),
    /// One filter per channel, on vectors of channels.
    Depthwise,
}

impl Algorithm {
    /// Returns its name, e.g. `F(4x4, 3x3)`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Winograd(scheme) => scheme.name(),
            Self::Depthwise => "depthwise",
        }
    }
}

/// The algorithm for one geometry, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The algorithm of both passes.
    pub algorithm: Algorithm,
    /// Why this one.
    pub reason: &'static str,
    /// Estimated cost of the forward pass, in multiply-adds of a perfect direct convolution.
    pub cost: f64,
}

/// A convolution of one geometry, planned for an engine. [`Self::prepare`] binds it to weights.
#[derive(Clone, Debug)]
pub struct Convolution {
    engine: Engine,
    geometry: ConvGeometry,
    plan: Plan,
}

impl Convolution {
    /// Chooses the algorithm for a geometry under the engine's accuracy class.
    ///
    /// | class | geometry | algorithm |
    /// |---|---|---|
    /// | any | every channel a group of its own | depthwise |
    /// | exact | any other | direct |
    /// | others | kernel and stride of a [`Scheme`] that the class admits, no dilation | the cheaper of direct and the schemes, by estimated cost |
    /// | others | any other | direct |
    ///
    /// The estimate counts, for all tiles that cover the map, products of padded channels and transforms. It does not depend on
    /// the batch or the number of threads, so neither do the results.
    ///
    /// # Panics
    /// When the geometry is invalid; check it with [`ConvGeometry::validate`].
    #[must_use]
    pub fn plan(engine: &Engine, geometry: &ConvGeometry) -> Self {
        Self { engine: engine.clone(), geometry: *geometry, plan: choose(geometry, engine.accuracy()) }
    }

    /// Returns the same convolution by `algorithm`, if it is one of the [candidates](Self::candidates): for benchmarks and tests that
    /// compare algorithms. A depthwise convolution keeps its own.
    #[must_use]
    pub fn preferring(mut self, algorithm: Algorithm) -> Self {
        if self.plan.algorithm != Algorithm::Depthwise && self.candidates().contains(&algorithm) {
            let cost = match algorithm {
                Algorithm::Direct | Algorithm::Depthwise => direct_cost(&self.geometry),
                Algorithm::Winograd(scheme) => winograd_cost(&self.geometry, scheme),
            };
            self.plan = Plan { algorithm, reason: "the caller prefers it", cost };
        }
        self
    }

    /// Returns every algorithm that computes the geometry within the engine's accuracy class.
    #[must_use]
    pub fn candidates(&self) -> Vec<Algorithm> {
        let schemes = schemes(&self.geometry, self.engine.accuracy()).map(Algorithm::Winograd);
        let depthwise = is_depthwise(&self.geometry).then_some(Algorithm::Depthwise);
        depthwise.into_iter().chain([Algorithm::Direct]).chain(schemes).collect()
    }

    /// Returns the chosen algorithm, and why.
    #[must_use]
    pub const fn chosen(&self) -> &Plan {
        &self.plan
    }

    /// Returns the geometry.
    #[must_use]
    pub const fn geometry(&self) -> &ConvGeometry {
        &self.geometry
    }

    /// Returns the engine it is planned for.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns whether the other convolution multiplies by weights of the same form; the batch does not matter.
    pub(super) fn prepares_like(&self, other: &Self) -> bool {
        self.engine.isa() == other.engine.isa()
            && self.engine.accuracy() == other.engine.accuracy()
            && self.plan.algorithm == other.plan.algorithm
            && self.geometry == ConvGeometry { batch: self.geometry.batch, ..other.geometry }
    }
}

/// Cost of lifting or lowering one element of a plane, in multiply-adds: a transform works on the same vectors as the
/// products, takes a few instructions per element and is bound by the caches.
const TRANSFORM_COST: f64 = 12.0;
/// Cost of direct convolution relative to its multiply-adds: tiles at the border of rows, and staging.
const DIRECT_COST: f64 = 1.15;

/// Returns the plan for a geometry under an accuracy class.
fn choose(geometry: &ConvGeometry, accuracy: Accuracy) -> Plan {
    let direct = direct_cost(geometry);
    let only_direct = |reason| Plan { algorithm: Algorithm::Direct, reason, cost: direct };
    if is_depthwise(geometry) {
        let reason = "every channel is a group of its own: no products of matrices";
        return Plan { algorithm: Algorithm::Depthwise, reason, cost: direct };
    }
    if accuracy == Accuracy::Exact {
        return only_direct("the accuracy class `exact` admits no transform");
    }
    let costed = schemes(geometry, accuracy).map(|scheme| (scheme, winograd_cost(geometry, scheme)));
    match costed.min_by(|(_, a), (_, b)| a.total_cmp(b)) {
        None => only_direct("no Winograd scheme of the accuracy class has this kernel, stride and dilation"),
        Some((_, cost)) if cost >= direct => {
            only_direct("transforms would cost more than the products they save")
        }
        Some((scheme, cost)) => Plan {
            algorithm: Algorithm::Winograd(scheme),
            reason: "the scheme of least cost: products saved, less transforms and tiles beyond the map",
            cost,
        },
    }
}

/// Returns the schemes that compute a valid geometry within an accuracy class.
fn schemes(geometry: &ConvGeometry, accuracy: Accuracy) -> impl Iterator<Item = Scheme> {
    Scheme::ALL.into_iter().filter(move |scheme| scheme.suits(geometry) && admits(accuracy, *scheme))
}

/// Returns whether a convolution of this class may be computed by `scheme`.
const fn admits(accuracy: Accuracy, scheme: Scheme) -> bool {
    match accuracy {
        Accuracy::Exact => false,
        // Without the tiles made for `bf16`: larger ones are within the bound, and runs that were made keep their algorithms.
        Accuracy::F32 | Accuracy::Bf16Fast => {
            !matches!(scheme, Scheme::FourByTwoOutputsThreeTaps | Scheme::TwoOutputsThreeTapsStrided)
        }
        Accuracy::Bf16 => matches!(
            scheme,
            Scheme::TwoOutputsThreeTaps
                | Scheme::ThreeOutputsTwoTaps
                | Scheme::FourByTwoOutputsThreeTaps
                | Scheme::TwoOutputsThreeTapsStrided
        ),
    }
}

/// Returns whether every channel is a group of its own.
const fn is_depthwise(geometry: &ConvGeometry) -> bool {
    geometry.groups > 1 && geometry.channels_in == geometry.groups && geometry.channels_out == geometry.groups
}

/// Returns input and output channels of a group, and output rows and columns.
fn sizes(geometry: &ConvGeometry) -> [usize; 4] {
    let ([channels_in, channels_out], [height, width]) = (geometry.group_channels(), geometry.output_size());
    [channels_in, channels_out, height, width]
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn direct_cost(geometry: &ConvGeometry) -> f64 {
    let [channels_in, channels_out, height, width] = sizes(geometry);
    // Fewer channels than lanes are not padded on the input side.
    let padded_in = if channels_in < LANES { channels_in } else { channels_in.next_multiple_of(LANES) };
    let taps = geometry.kernel[0] * geometry.kernel[1];
    DIRECT_COST * (height * width * taps * padded_in * channels_out.next_multiple_of(LANES)) as f64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn winograd_cost(geometry: &ConvGeometry, scheme: Scheme) -> f64 {
    let [channels_in, channels_out, height, width] = sizes(geometry);
    let (padded_in, padded_out) = (channels_in.next_multiple_of(LANES), channels_out.next_multiple_of(LANES));
    let [tile_height, tile_width] = scheme.tile_out();
    let tiles = height.div_ceil(tile_height) * width.div_ceil(tile_width);
    (tiles * scheme.planes()) as f64
        * ((padded_in * padded_out) as f64 + TRANSFORM_COST * (padded_in + padded_out) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::windows::Padding;

    fn chosen(
        accuracy: Accuracy,
        size: usize,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Algorithm {
        let geometry = ConvGeometry {
            batch: 128,
            height_in: size,
            width_in: size,
            channels_in: channels[0],
            channels_out: channels[1],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::same(kernel / 2),
            dilation: [1, 1],
            groups: 1,
        };
        Convolution::plan(&Engine::new(Isa::portable(), accuracy), &geometry).chosen().algorithm
    }

    #[test]
    fn the_layers_of_all_cnn_c_get_the_expected_algorithms() {
        let f32 = |size, channels, kernel, stride| chosen(Accuracy::F32, size, channels, kernel, stride);
        assert_eq!(f32(32, [3, 96], 3, 1), Algorithm::Direct);
        assert_eq!(f32(32, [96, 96], 3, 1), Algorithm::Winograd(Scheme::FourOutputsThreeTaps));
        assert_eq!(f32(32, [96, 96], 3, 2), Algorithm::Winograd(Scheme::FourOutputsThreeTapsStrided));
        assert_eq!(f32(16, [192, 192], 3, 1), Algorithm::Winograd(Scheme::FourOutputsThreeTaps));
        assert_eq!(f32(6, [192, 192], 3, 1), Algorithm::Winograd(Scheme::ThreeOutputsThreeTaps));
        assert_eq!(f32(6, [192, 10], 1, 1), Algorithm::Direct);
        assert_eq!(f32(32, [24, 24], 3, 1), Algorithm::Winograd(Scheme::FourOutputsThreeTaps));
    }

    #[test]
    fn the_bf16_classes_differ_in_the_schemes_they_admit() {
        let large = |accuracy| chosen(accuracy, 32, [96, 96], 3, 1);
        assert_eq!(large(Accuracy::Bf16), Algorithm::Winograd(Scheme::FourByTwoOutputsThreeTaps));
        assert_eq!(large(Accuracy::Bf16Fast), Algorithm::Winograd(Scheme::FourOutputsThreeTaps));
        let strided = |accuracy| chosen(accuracy, 32, [96, 96], 3, 2);
        assert_eq!(strided(Accuracy::Bf16), Algorithm::Winograd(Scheme::TwoOutputsThreeTapsStrided));
        assert_eq!(strided(Accuracy::Bf16Fast), Algorithm::Winograd(Scheme::FourOutputsThreeTapsStrided));
    }

    #[test]
    fn the_exact_class_never_transforms() {
        assert_eq!(chosen(Accuracy::Exact, 32, [96, 96], 3, 1), Algorithm::Direct);
    }
}
