//! The networks of the Visual Geometry Group, with a slot at every reduction.

use allconv_operators::downsample::MaxPool;
use allconv_operators::{Bias, OutOfRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Defaults, Layout, SharedSettings};
use super::named_builder::NamedBuilder;
use super::springenberg::one;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::StageSpec;
use crate::stage_name::StageName;

/// Five groups of 3×3 convolutions with ReLU, of 64, 128, 256, 512 and 512 channels, each followed by the slot; then the head.
///
/// Parameters are called as in torchvision, whose `features` number every convolution, normalisation, activation and pooling; the parts of an
/// operator that takes the place of pooling N are `features.N.0`, `features.N.1`, ….
///
/// The original head takes maps of 7×7, those of an image of 224×224. On larger images it is applied at every place of the map, and its logits are
/// averaged, as in the source's dense evaluation; torchvision averages the map down to 7×7 instead.
///
/// Source: Simonyan and Zisserman, arXiv 1409.1556, configurations A, B, D and E.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vgg {
    /// Convolutions and fully connected layers: 11, 13, 16 or 19.
    pub layers: usize,
    /// What follows every convolution. Default: nothing, as in the source.
    #[serde(default, skip_serializing_if = "Norm::is_none")]
    pub norm: Norm,
    /// What makes logits of the last map. Default: the source's three fully connected layers.
    #[serde(default, skip_serializing_if = "VggHead::is_three_layers")]
    pub head: VggHead,
    /// Factor on all channel counts but that of the classes. Default 1.
    #[serde(default = "one")]
    pub width: f64,
}

/// What makes logits of the last map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VggHead {
    /// Two fully connected layers of 4096 with ReLU and dropout (0.5), and one to the classes, over a map of 7×7: `classifier.0`, `.3`, `.6`.
    #[default]
    ThreeLayers,
    /// A global average and one fully connected layer, `classifier`, for images of any size: what is usual for CIFAR.
    Average,
}

impl VggHead {
    fn is_three_layers(&self) -> bool {
        *self == Self::ThreeLayers
    }
}

/// Channels of the fully connected layers.
const FULLY_CONNECTED: f64 = 4096.0;
/// Height and width of the map that they take.
const MAP: usize = 7;
/// The rate after each of the two.
const DROPOUT: f64 = 0.5;

impl Vgg {
    /// The network of the source with this many layers.
    pub fn plain(layers: usize) -> Self {
        Self { layers, norm: Norm::None, head: VggHead::ThreeLayers, width: 1.0 }
    }

    /// Convolutions of each group.
    fn groups(&self) -> Result<[usize; 5], OutOfRange> {
        Ok(match self.layers {
            11 => [1, 1, 2, 2, 2],
            13 => [2, 2, 2, 2, 2],
            16 => [2, 2, 3, 3, 3],
            19 => [2, 2, 4, 4, 4],
            layers => return Err(OutOfRange::new("architecture.layers", layers, "11, 13, 16 or 19")),
        })
    }

    fn build(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<(Vec<StageSpec>, Vec<StageName>), DescriptionError> {
        let mut net = NamedBuilder::new(shared, self.norm, Bias::Added);
        // Modules of a convolution: itself, the normalisation, the activation.
        let modules = if self.norm == Norm::None { 2 } else { 3 };
        let (mut module, mut convolution) = (0, 0);
        for (convolutions, channels) in self.groups()?.into_iter().zip([64.0, 128.0, 256.0, 512.0, 512.0]) {
            for _ in 0..convolutions {
                let names = [module, module + 1].map(|module| format!("features.{module}"));
                net.convolution([&names[0], &names[1]], shared.channels(channels, convolution), [3, 1]);
                module += modules;
                net.activate(&format!("features.{}", module - 1));
                convolution += 1;
            }
            if let Some(operator) = shared.downsample {
                net.downsample(operator, &format!("features.{module}"))?;
            }
            module += 1;
        }
        match self.head {
            VggHead::ThreeLayers => {
                for (module, kernel) in [(0, MAP), (3, 1)] {
                    let outputs = shared.channels(FULLY_CONNECTED, convolution + module);
                    net.linear(&format!("classifier.{module}"), outputs, kernel);
                    net.activate(&format!("classifier.{}", module + 1));
                    net.dropout(&format!("classifier.{}", module + 2), DROPOUT);
                }
                net.classes("classifier.6", classes);
                net.push("average", StageSpec::GlobalAverage);
            }
            VggHead::Average => {
                net.push("average", StageSpec::GlobalAverage);
                net.dropout("average", 0.0);
                net.classes("classifier", classes);
            }
        }
        Ok(net.finish())
    }
}

impl Layout for Vgg {
    fn name(&self) -> &'static str {
        "vgg"
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            downsample: Some(MaxPool::plain(2, 2).into()),
            upsample: None,
            last_relu: false,
            input_dropout: 0.0,
            dropout: None,
        }
    }

    fn check(&self) -> Result<(), OutOfRange> {
        self.groups().map(|_| ())
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        Ok(self.build(shared, classes)?.0)
    }

    fn names(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<Option<Vec<StageName>>, DescriptionError> {
        Ok(Some(self.build(shared, classes)?.1))
    }
}
