//! The description of a network: plain values, readable from a study file, from which stages are built.

use allconv_operators::{
    DownsampleConfig, Initialisation, OperatorError, OutOfRange, UpsampleConfig, check_range,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::architectures::{Architecture, Layout, OutputKind, SharedSettings, SlotKind};
use crate::error::DescriptionError;
use crate::rounding::ChannelRounding;
use crate::stage::StageSpec;
use crate::walk::{Walk, walk_stages};

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
/// assert_eq!(spec.width(), 0.25);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The architecture and its settings.
    pub architecture: Architecture,
    /// The operator that reduces the resolution. Default: the architecture's own
    /// (`springenberg`: max pooling 3×3, stride 2; the two large nets: the strided convolutions of their tables; U-shaped nets:
    /// max pooling 2×2, stride 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downsample: Option<DownsampleConfig>,
    /// The operator that enlarges maps again: at every level of a U-shaped net, in the head of `edsr`. Default: the architecture's
    /// own (transposed convolution 2×2, stride 2; in the head pixel shuffle after a 3×3 convolution).
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
    /// The initial weights; biases start at zero.
    #[serde(default)]
    pub initialisation: Initialisation,
    /// Factor on the weights of the class convolution at the start, above 0 and at most 16: a small one starts from logits near zero, so
    /// that the first loss is about ln(classes). Default: 1. Only for classifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scale: Option<f64>,
    /// The rounding of channel counts to whole numbers. Default: to the nearest.
    #[serde(default, skip_serializing_if = "ChannelRounding::is_nearest")]
    pub rounding: ChannelRounding,
    /// The network whose cost this one is to have: its own width is then computed. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_cost: Option<Box<CostMatch>>,
}

/// The network whose cost is to be matched, and which cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostMatch {
    /// The cost that is to be equal.
    pub quantity: CostQuantity,
    /// The other network, its width included.
    pub net: NetworkSpec,
}

/// A cost that two networks can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostQuantity {
    /// Multiply–accumulates for one image, forward.
    Macs,
    /// Parameters.
    Parameters,
}

impl NetworkSpec {
    /// Returns the architecture with every setting at its default.
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

    /// Returns the same network with channels multiplied by `width` (class channels excepted).
    pub fn with_width(mut self, width: f64) -> Self {
        self.architecture.set_width(width);
        self
    }

    /// Returns the factor on every channel count but that of the classes.
    pub fn width(&self) -> f64 {
        self.architecture.width()
    }

    /// Returns what the network returns.
    pub fn output(&self) -> OutputKind {
        self.layout().output()
    }

    fn layout(&self) -> &dyn Layout {
        self.architecture.layout()
    }

    /// Returns the same network with every default written out. What stays empty has no single value: the rates and
    /// stride-2 convolutions of an architecture's own table.
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

    /// Returns the stages of this network for `classes` classes, or as many channels of the map that it returns, in order.
    ///
    /// # Errors
    ///
    /// A number out of range, or an operator that the slot does not support.
    pub fn stages(&self, classes: usize) -> Result<Vec<StageSpec>, DescriptionError> {
        self.asking(classes, |layout, shared| layout.stages(shared, classes))
    }

    /// What `question` makes of the architecture and the settings beside it.
    fn asking<T>(
        &self,
        classes: usize,
        question: impl FnOnce(&dyn Layout, &SharedSettings<'_>) -> Result<T, DescriptionError>,
    ) -> Result<T, DescriptionError> {
        self.check()?;
        check_range("classes", classes, 1.., "at least 1")?;
        let resolved = self.resolved();
        let shared = SharedSettings {
            downsample: resolved.downsample.as_ref(),
            upsample: resolved.upsample.as_ref(),
            last_relu: resolved.last_relu == Some(true),
            input_dropout: resolved.input_dropout.unwrap_or(0.0),
            dropout: resolved.dropout,
            last_scale: self.last_scale,
            width: self.width(),
            rounding: self.rounding,
        };
        question(self.layout(), &shared)
    }

    /// Returns the revisions of the values that this description computes, for the hash that identifies a run: the
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
            return Err(OutOfRange::new("architecture.width", width, "above 0 and at most 64").into());
        }
        for (field, rate) in [("input_dropout", self.input_dropout), ("dropout", self.dropout)] {
            rate.map_or(Ok(()), |rate| check_range(field, rate, 0.0..1.0, "at least 0 and below 1"))?;
        }
        if let Some(scale) = self.last_scale {
            if !(scale > 0.0 && scale <= LARGEST_LAST_SCALE) {
                return Err(OutOfRange::new("last_scale", scale, "above 0 and at most 16").into());
            }
            if self.output() != OutputKind::Logits {
                let range = "left out where the network returns a map";
                return Err(OutOfRange::new("last_scale", scale, range).into());
            }
        }
        let slots = self.layout().slots();
        if let (Some(operator), false) = (&self.downsample, slots.contains(&SlotKind::Downsample)) {
            let reason = format!("`{}` reduces no resolution; leave it out", self.layout().name());
            return Err(OperatorError::Misplaced { operator: operator.name(), reason }.into());
        }
        if let (Some(operator), false) = (&self.upsample, slots.contains(&SlotKind::Upsample)) {
            let range = "left out: this architecture enlarges nothing";
            return Err(OutOfRange::new("upsample", operator.name(), range).into());
        }
        Ok(self.layout().check()?)
    }
}

/// Walks the network of `spec` over an `input` of channels, rows and columns, for `classes` classes.
///
/// # Errors
///
/// A description that is out of range, or a stage that cannot process the map it receives.
///
/// # Example
///
/// ```
/// let spec = allconv_nets::models::named("all_cnn_c")?;
/// let walk = allconv_nets::walk(&spec, [3, 32, 32], 10)?;
/// assert_eq!((walk.parameters(), walk.receptive_field()), (1_369_738, 27));
/// # Ok::<(), allconv_nets::DescriptionError>(())
/// ```
pub fn walk(spec: &NetworkSpec, input: [usize; 3], classes: usize) -> Result<Walk, DescriptionError> {
    let mut walk = walk_stages(&spec.stages(classes)?, input)?;
    let names = spec.asking(classes, |layout, shared| layout.names(shared, classes))?;
    for (stage, name) in walk.stages.iter_mut().zip(names.into_iter().flatten()) {
        stage.name = name;
    }
    Ok(walk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NetworkSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn descriptions_are_read_as_written() {
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
