//! A network that is written as a list of stages in a study file.

use allconv_operators::downsample::MaxPool;
use allconv_operators::{Border, ConvolutionSpec, InitialWeights, OperatorError, OutOfRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Defaults, Layout, SharedSettings, SlotKind};
use super::listed_stage::ListedStage;
use super::springenberg::one;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::slot::Slot;
use crate::stage::{ActivationKind, StageSpec};
use crate::walk::walk_stages;

/// A height and width that every operator accepts, where only channels are asked for.
const LARGE: usize = 64;

/// A classifier as the list of its stages, in order.
///
/// Before them stands the dropout of the input, as in every architecture; stage N of the list, counted from 1, is `features.N` as long as every operator
/// in a slot is one stage. The activation and the normalisation of an operator that mixes channels are those behind the last convolution before
/// the slot. `dropout` of the description, where it is given, takes the place of every rate in the list.
///
/// A factor on the width is multiplied into the channels at once, each rounded to the nearest.
///
/// # Example
///
/// ```
/// use allconv_nets::{NetworkSpec, walk};
///
/// let spec: NetworkSpec = toml::from_str(
///     r#"
///     architecture = { stages = [
///         { convolution = { channels = 16, kernel = 3 } }, "relu", "slot",
///         { convolution = { channels = 32, kernel = 3 } }, "relu",
///         "classes", "global_average",
///     ] }
///     downsample = { strided_conv = {} }
///     "#,
/// )?;
/// assert_eq!(walk(&spec, [3, 32, 32], 10)?.output(), [10, 1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Vec<ListedStage>", into = "Vec<ListedStage>")]
pub struct Stages {
    /// The stages.
    pub list: Vec<ListedStage>,
    /// 1, but while a factor on the width is multiplied in.
    pub(super) width: f64,
}

impl From<Vec<ListedStage>> for Stages {
    fn from(list: Vec<ListedStage>) -> Self {
        Self { list, width: 1.0 }
    }
}

impl From<Stages> for Vec<ListedStage> {
    fn from(stages: Stages) -> Self {
        stages.list
    }
}

impl Stages {
    /// Multiplies a factor on the width that has been set into the channels. One out of range stays, to be refused with the description.
    pub(super) fn multiply_width_in(&mut self) {
        let width = self.width;
        if !(width.is_finite() && width > 0.0) {
            return;
        }
        for stage in &mut self.list {
            if let ListedStage::Convolution(convolution) = stage {
                convolution.channels = ((convolution.channels as f64 * width).round() as usize).max(1);
            }
        }
        self.width = one();
    }

    fn count(&self, wanted: &ListedStage) -> usize {
        self.list.iter().filter(|stage| *stage == wanted).count()
    }
}

impl Layout for Stages {
    fn name(&self) -> &'static str {
        "stages"
    }

    /// What a description that leaves a field out gets: max pooling 3×3 of stride 2 in the slots, if there are any; no dropout but the list's.
    fn defaults(&self) -> Defaults {
        let slot = self.count(&ListedStage::Slot) > 0;
        Defaults {
            downsample: slot.then(|| MaxPool::default().into()),
            upsample: None,
            last_relu: false,
            input_dropout: 0.0,
            dropout: None,
        }
    }

    fn slots(&self) -> &'static [SlotKind] {
        if self.count(&ListedStage::Slot) > 0 { &[SlotKind::Downsample] } else { &[] }
    }

    fn check(&self) -> Result<(), OutOfRange> {
        let refused = |found: String, range| Err(OutOfRange::new("architecture.stages", found, range));
        for (stage, name) in
            [(ListedStage::Classes, "classes"), (ListedStage::GlobalAverage, "global_average")]
        {
            let count = self.count(&stage);
            if count != 1 {
                let range = "a list with one `classes` and one `global_average`, which end a classifier";
                return refused(format!("a list with {count} of `{name}`"), range);
            }
        }
        let mut behind = self.list.iter().skip_while(|stage| **stage != ListedStage::Classes).skip(1);
        match behind.find(|stage| !stage.keeps_channels()) {
            None => Ok(()),
            Some(stage) => {
                let range = "a list that leaves the channels behind `classes` alone";
                refused(format!("a list with {stage:?} behind `classes`"), range)
            }
        }
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = Listing {
            shared,
            classes,
            stages: vec![StageSpec::Dropout { rate: shared.input_dropout }],
            channels: 0,
            kept: Vec::new(),
            dilation: 1,
        };
        for (number, stage) in (1..).zip(&self.list) {
            let appended = stage.check().map_err(DescriptionError::from).and_then(|()| net.append(stage));
            appended.map_err(|error| DescriptionError::Listed { number, error: Box::new(error) })?;
        }
        Ok(net.stages)
    }
}

/// The stages of a list while they are put together.
struct Listing<'a> {
    shared: &'a SharedSettings<'a>,
    classes: usize,
    stages: Vec<StageSpec>,
    channels: usize,
    /// Channels of the maps that are kept.
    kept: Vec<usize>,
    dilation: usize,
}

impl Listing<'_> {
    fn append(&mut self, stage: &ListedStage) -> Result<(), DescriptionError> {
        match stage {
            ListedStage::Convolution(convolution) => self.convolution(convolution.spec()),
            ListedStage::Classes => self.class_convolution(),
            ListedStage::Slot => self.slot()?,
            ListedStage::Normalisation(norm) => {
                self.stages.extend(norm.stage(self.channels, InitialWeights::Drawn));
            }
            ListedStage::Relu => self.stages.push(StageSpec::Activation(ActivationKind::Relu)),
            ListedStage::LeakyRelu { slope } => {
                self.stages.push(StageSpec::Activation(ActivationKind::LeakyRelu { slope: *slope }));
            }
            ListedStage::Dropout { rate } => {
                self.stages.push(StageSpec::Dropout { rate: self.shared.dropout.unwrap_or(*rate) });
            }
            ListedStage::Keep => {
                self.kept.push(self.channels);
                self.stages.push(StageSpec::Keep);
            }
            // A list that takes back more than it keeps is refused by the walk, with the stage.
            ListedStage::Exchange => {
                if let Some(kept) = self.kept.last_mut() {
                    std::mem::swap(kept, &mut self.channels);
                }
                self.stages.push(StageSpec::Exchange);
            }
            ListedStage::Add => {
                self.kept.pop();
                self.stages.push(StageSpec::Add { scale: 1.0 });
            }
            ListedStage::Concatenate => {
                self.channels += self.kept.pop().unwrap_or(0);
                self.stages.push(StageSpec::Concatenate);
            }
            ListedStage::GlobalAverage => self.stages.push(StageSpec::GlobalAverage),
        }
        Ok(())
    }

    fn convolution(&mut self, convolution: ConvolutionSpec) {
        self.channels = convolution.channels_out;
        self.stages.push(StageSpec::Convolution(convolution.dilated(self.dilation)));
    }

    fn class_convolution(&mut self) {
        let scaled = |scale| InitialWeights::Scaled(scale as f32);
        let initial = self.shared.last_scale.map_or(InitialWeights::Drawn, scaled);
        let convolution = ConvolutionSpec::square(self.classes, 1, 1, Border::NONE);
        self.channels = self.classes;
        self.stages.push(StageSpec::Convolution(ConvolutionSpec { initial, ..convolution }));
        if self.shared.last_relu {
            self.stages.push(StageSpec::Activation(ActivationKind::Relu));
        }
    }

    fn slot(&mut self) -> Result<(), DescriptionError> {
        let Some(operator) = self.shared.downsample else { return Ok(()) };
        let last = self.stages.iter().rposition(|stage| matches!(stage, StageSpec::Convolution(_)));
        let Some(last) = last else {
            let reason =
                "there is no convolution before the slot, so that its channels are unknown".to_owned();
            return Err(OperatorError::Misplaced { operator: operator.name(), reason }.into());
        };
        let (mut activation, mut norm) = (ActivationKind::Relu, Norm::None);
        for stage in &self.stages[last..] {
            match stage {
                StageSpec::Activation(kind) => activation = *kind,
                StageSpec::Normalise(spec) => norm = spec.kind.into(),
                _ => {}
            }
        }
        let before = self.stages.len();
        let slot = Slot::new(&mut self.stages, self.channels, activation).normalised(norm);
        self.dilation *= slot.place(operator)?;
        self.channels = walk_stages(&self.stages[before..], [self.channels, LARGE, LARGE])?.output()[0];
        Ok(())
    }
}
