//! The description of a network: plain values, readable from a study file, from which stages are built.

use serde::{Deserialize, Serialize};

pub use crate::architectures::{Architecture, OutputKind};
use crate::architectures::{Layout, SlotKind};
use crate::cost_match::{ChannelRounding, CostMatch};
use crate::downsample::DownsampleConfig;
use crate::initialise::Initialisation;
use crate::stage::StageSpec;
use crate::upsample::UpsampleConfig;

/// The largest factor on the channels.
pub(crate) const WIDEST_NETWORK: f64 = 64.0;

/// The largest factor on the weights of the class convolution.
const LARGEST_LAST_SCALE: f64 = 16.0;

/// A complete description of a network, apart from its input size and number of classes.
///
/// A field left out takes the value its architecture has in the paper; nothing is clamped.
///
/// # Example
///
/// ```
/// use allconv_nets::NetworkSpec;
///
/// let spec: NetworkSpec = toml::from_str(
///     r#"
///     architecture = { springenberg = { base = "c", width = 0.25 } }
///     downsample = { strided_conv = { kernel = 3, stride = 2 } }
///     dropout = 0.0
///     "#,
/// )?;
/// assert_eq!(spec.channels(96, 0), 24);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Which net, and its own settings.
    pub architecture: Architecture,
    /// The operator that reduces the resolution. Default: the architecture's own
    /// (`springenberg`: max pooling 3×3, stride 2; the two large nets: the strided convolutions of their tables; U-shaped nets:
    /// max pooling 2×2, stride 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downsample: Option<DownsampleConfig>,
    /// The operator that enlarges maps again: at every level of a U-shaped net, in the head of `edsr`. Default: the architecture's
    /// own (transposed convolution 2×2, stride 2; in the head pixel shuffle behind a 3×3 convolution).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upsample: Option<UpsampleConfig>,
    /// Whether the last activation follows the class convolution too, as table 1 of the paper says ("1×1 conv. 10 ReLU").
    /// Default: `true`, except for `large_all_cnn` and the nets that return a map, whose output layers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_relu: Option<bool>,
    /// Probability of dropping an input value, in [0, 1). Default: 0.2 for `springenberg`, 0 otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_dropout: Option<f64>,
    /// Probability of dropping an activation wherever the architecture drops any, in [0, 1).
    /// Default: the architecture's own rates (`springenberg`: 0.5 after each downsampling).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// How weights start; biases start at zero.
    #[serde(default)]
    pub initialisation: Initialisation,
    /// Factor on the weights of the class convolution at the start, above 0 and at most 16: a small one starts from logits near zero, so
    /// that the first loss is about ln(classes). Default: 1. Only where classes are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scale: Option<f64>,
    /// How the width's multiples become whole numbers of channels. Default: to the nearest.
    #[serde(default, skip_serializing_if = "ChannelRounding::is_nearest")]
    pub rounding: ChannelRounding,
    /// The network whose cost this one is to have: its width is then found, not read. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_cost: Option<Box<CostMatch>>,
}

/// Why a description cannot become a network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DescriptionError {
    /// A number lies outside its range.
    #[error("`{field}` is {value}, but must be {range}")]
    OutOfRange {
        /// Path of the field inside the description.
        field: String,
        /// The value found.
        value: String,
        /// The values allowed, in words.
        range: &'static str,
    },
    /// No model of this name.
    #[error("no model is called `{name}`; the nearest name is `{nearest}` (all: {})", crate::models::names().join(", "))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The known name with the smallest edit distance.
        nearest: String,
    },
    /// No operator of this name.
    #[error(
        "no operator is called `{name}`; the nearest name is `{nearest}` (`allconv operators list` has all)"
    )]
    UnknownOperator {
        /// The name asked for.
        name: String,
        /// The known name with the smallest edit distance.
        nearest: &'static str,
    },
    /// No width gives the cost that was asked for.
    #[error(
        "no width brings the {quantity} within 1 % of {target}; the nearest has {nearest}; match the other quantity, or widen both networks"
    )]
    NoMatch {
        /// What was to be matched.
        quantity: &'static str,
        /// The cost asked for.
        target: u64,
        /// The nearest cost there is.
        nearest: u64,
    },
    /// The operator cannot stand where it was put.
    #[error("`downsample = {operator}` cannot be used here: {reason}")]
    Misplaced {
        /// Name of the operator.
        operator: &'static str,
        /// Why not, and what to use instead.
        reason: String,
    },
    /// The upsampling operator cannot undo the downsampling operator it is paired with.
    #[error("`upsample = {upsample}` cannot be paired with `downsample = {downsample}`: {reason}")]
    Unpaired {
        /// Name of the upsampling operator.
        upsample: &'static str,
        /// Name of the downsampling operator.
        downsample: &'static str,
        /// Why not, and with which operators it can be paired.
        reason: String,
    },
    /// A stage receives a map that it cannot process.
    #[error("stage {stage} ({kind}) cannot process an input of {height}×{width}: {reason}")]
    Shape {
        /// Index of the stage.
        stage: usize,
        /// Kind of the stage, in words.
        kind: String,
        /// Rows of the map it receives.
        height: usize,
        /// Columns of the map it receives.
        width: usize,
        /// Why not.
        reason: String,
    },
}

impl NetworkSpec {
    /// The architecture with every setting at its default.
    pub fn new(architecture: Architecture) -> Self {
        Self {
            architecture,
            downsample: None,
            upsample: None,
            last_relu: None,
            input_dropout: None,
            dropout: None,
            initialisation: Initialisation::default(),
            last_scale: None,
            rounding: ChannelRounding::default(),
            match_cost: None,
        }
    }

    /// The same network with channels multiplied by `width` (class channels excepted).
    pub fn with_width(mut self, width: f64) -> Self {
        self.architecture.layout_mut().set_width(width);
        self
    }

    /// The factor on every channel count but that of the classes.
    pub fn width(&self) -> f64 {
        self.layout().width()
    }

    /// What the network returns.
    pub fn output(&self) -> OutputKind {
        self.layout().output()
    }

    fn layout(&self) -> &dyn Layout {
        self.architecture.layout()
    }

    /// The paper's `channels` at this width in the convolution `layer`, counted from 0: a whole number, at least 1.
    pub fn channels(&self, channels: usize, layer: usize) -> usize {
        self.rounding.whole(self.width() * channels as f64, layer)
    }

    /// The same network with every default written out. What stays empty has no single value: the rates and
    /// stride-2 convolutions that stand in an architecture's own table.
    pub fn resolved(&self) -> Self {
        let defaults = self.layout().defaults();
        Self {
            architecture: self.architecture.clone(),
            downsample: self.downsample.clone().or(defaults.downsample),
            upsample: self.upsample.clone().or(defaults.upsample),
            last_relu: self.last_relu.or(Some(defaults.last_relu)),
            input_dropout: self.input_dropout.or(Some(defaults.input_dropout)),
            dropout: self.dropout.or(defaults.dropout),
            initialisation: self.initialisation,
            last_scale: self.last_scale,
            rounding: self.rounding,
            match_cost: self.match_cost.clone(),
        }
    }

    /// The stages of this network for `classes` classes, or as many channels of the map that it returns, in order.
    ///
    /// # Errors
    ///
    /// A number out of range, or an operator that cannot stand in the slot.
    pub fn stages(&self, classes: usize) -> Result<Vec<StageSpec>, DescriptionError> {
        self.check()?;
        if classes == 0 {
            return Err(out_of_range("classes", classes, "at least 1"));
        }
        self.layout().stages(&self.resolved(), classes)
    }

    /// The revisions of the values that this description computes, for the hash that identifies a run: the
    /// architecture's and those of the operators in its slots, unless a slot holds the architecture's own.
    pub fn numerics_revisions(&self) -> Vec<(&'static str, u32)> {
        let layout = self.layout();
        let resolved = self.resolved();
        let downsample = resolved.downsample.map(|operator| (operator.name(), operator.revision()));
        let upsample = resolved.upsample.map(|operator| (operator.name(), operator.revision()));
        std::iter::once((layout.name(), layout.revision())).chain(downsample).chain(upsample).collect()
    }

    fn check(&self) -> Result<(), DescriptionError> {
        let width = self.width();
        if !(width.is_finite() && width > 0.0 && width <= WIDEST_NETWORK) {
            return Err(out_of_range("architecture.width", width, "above 0 and at most 64"));
        }
        for (field, rate) in [("input_dropout", self.input_dropout), ("dropout", self.dropout)] {
            if let Some(rate) = rate.filter(|rate| !(0.0..1.0).contains(rate)) {
                return Err(out_of_range(field, rate, "at least 0 and below 1"));
            }
        }
        if let Some(scale) = self.last_scale {
            if !(scale > 0.0 && scale <= LARGEST_LAST_SCALE) {
                return Err(out_of_range("last_scale", scale, "above 0 and at most 16"));
            }
            if self.output() != OutputKind::Logits {
                return Err(out_of_range("last_scale", scale, "left out where the network returns a map"));
            }
        }
        let slots = self.layout().slots();
        if let (Some(operator), false) = (&self.downsample, slots.contains(&SlotKind::Downsample)) {
            return Err(DescriptionError::Misplaced {
                operator: operator.name(),
                reason: format!("`{}` reduces no resolution; leave it out", self.layout().name()),
            });
        }
        if let (Some(operator), false) = (&self.upsample, slots.contains(&SlotKind::Upsample)) {
            let range = "left out: this architecture enlarges nothing";
            return Err(out_of_range("upsample", operator.name(), range));
        }
        self.layout().check()
    }
}

/// The error for a name that no operator has, of either way.
pub(crate) fn unknown_operator(name: &str) -> DescriptionError {
    let known = DownsampleConfig::NAMES.iter().chain(UpsampleConfig::NAMES);
    let nearest = known.min_by_key(|known| strsim::levenshtein(name, known)).copied().unwrap_or_default();
    DescriptionError::UnknownOperator { name: name.to_owned(), nearest }
}

/// The error for a number outside its range.
pub(crate) fn out_of_range(
    field: &str,
    value: impl std::fmt::Display,
    range: &'static str,
) -> DescriptionError {
    DescriptionError::OutOfRange { field: field.to_owned(), value: value.to_string(), range }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architectures::{Base, Springenberg};

    fn read(text: &str) -> Result<NetworkSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn description_survives_writing_and_reading() {
        for name in crate::models::names() {
            let spec = crate::models::named(name).unwrap();
            let text = toml::to_string(&spec).unwrap();
            assert_eq!(read(&text).unwrap(), spec, "{text}");
        }
    }

    #[test]
    fn unknown_fields_are_refused_at_every_level() {
        for text in [
            "architecture = { springenberg = { base = \"c\" } }\ncolour = 1",
            "architecture = { springenberg = { base = \"c\", depth = 3 } }",
            "architecture = { resnet = {} }",
            "architecture = { springenberg = { base = \"d\" } }",
            "architecture = { springenberg = { base = \"c\" } }\ndownsample = { max_pool = { size = 3 } }",
            "architecture = { springenberg = { base = \"c\" } }\ndownsample = { avg = {} }",
        ] {
            assert!(read(text).is_err(), "accepted: {text}");
        }
    }

    #[test]
    fn numerics_revisions_name_architecture_and_operator() {
        let revisions = |name| crate::models::named(name).unwrap().numerics_revisions();
        assert_eq!(revisions("model_c"), [("springenberg", 1), ("max_pool", 1)]);
        assert_eq!(revisions("large_all_cnn"), [("large_all_cnn", 1)]);
        assert_eq!(revisions("u_net"), [("u_net", 1), ("max_pool", 1), ("transposed_conv", 1)]);
    }

    #[test]
    fn resolved_descriptions_build_the_same_stages_and_stay_as_they_are() {
        for model in &crate::models::MODELS {
            let (spec, classes) = (model.spec(), model.classes);
            assert_eq!(spec.resolved().stages(classes), spec.stages(classes));
            assert_eq!(spec.resolved().resolved(), spec.resolved());
        }
        let bare = read("architecture = { springenberg = { base = \"c\" } }").unwrap();
        assert_eq!(bare.resolved(), crate::models::named("model_c").unwrap().resolved());
        assert_eq!((bare.resolved().dropout, bare.resolved().last_relu), (Some(0.5), Some(true)));
    }

    #[test]
    fn width_multiplies_and_rounds_half_away_from_zero() {
        let at = |width| {
            let base = Base::C;
            NetworkSpec::new(Architecture::Springenberg(Springenberg::plain(base, width)))
        };
        assert_eq!(at(0.25).channels(96, 0), 24);
        assert_eq!(at(0.25).channels(192, 0), 48);
        assert_eq!(at(0.5).channels(5, 0), 3);
        assert_eq!(at(0.001).channels(96, 0), 1);
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        for (text, field) in [
            ("architecture = { springenberg = { base = \"c\", width = 0.0 } }", "width"),
            ("architecture = { springenberg = { base = \"c\", width = nan } }", "width"),
            ("architecture = { springenberg = { base = \"c\" } }\ndropout = 1.0", "dropout"),
            ("architecture = { springenberg = { base = \"c\" } }\ninput_dropout = -0.1", "input_dropout"),
            ("architecture = { springenberg = { base = \"c\" } }\nlast_scale = 0.0", "last_scale"),
            ("architecture = { u_net = {} }\nlast_scale = 0.5", "last_scale"),
        ] {
            let error = read(text).unwrap().stages(10).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
