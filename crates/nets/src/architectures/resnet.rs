//! Residual networks, for CIFAR and for ImageNet, with a slot at every reduction.

use allconv_operators::downsample::{FoldedStride, MaxPool};
use allconv_operators::{DownsampleConfig, OutOfRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Defaults, Layout, SharedSettings};
use super::named_builder::NamedBuilder;
use super::shortcut::Shortcut;
use super::springenberg::one;
use crate::error::DescriptionError;
use crate::norm::Norm;
use crate::stage::StageSpec;
use crate::stage_name::StageName;

/// A residual network: blocks of convolutions, each added to its input, in stages that each but the first halve height and width and double
/// the channels; a global average and a fully connected layer.
///
/// `layers` chooses the table. For CIFAR: a 3×3 convolution to 16 channels and three stages of basic blocks. For ImageNet: a 7×7 convolution
/// of stride 2 to 64 channels, max pooling 3×3 of stride 2 and four stages, of basic blocks (18, 34) or bottlenecks, whose last convolution has four
/// times the channels (50 and more). A normalisation follows every convolution, none of which has a bias then.
///
/// The first block of each stage but the first reduces: its first 3×3 convolution has stride 2 (in a bottleneck the second convolution, as
/// in torchvision). A `downsample` in the description takes the place of these strides, behind the convolution's activation, and that of the max
/// pooling; `shortcut` says what stands beside it. The 7×7 convolution keeps its stride.
///
/// Parameters are called as in torchvision (`layer2.0.conv1.weight`, `fc.weight`); those of an operator in the slot
/// `layer2.0.reduction.N`, in the stem `maxpool.N`, N counting its parts.
///
/// Source: He et al., arXiv 1512.03385; the stride of bottlenecks after torchvision ("ResNet V1.5").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resnet {
    /// Convolutions and fully connected layers on the longest path: 8, 14, 20, 32, 44, 56 or 110 for CIFAR, 18, 34, 50, 101 or 152 for ImageNet.
    pub layers: usize,
    /// What stands in the shortcut of a block that reduces or changes the channels.
    /// Default: `zeros` for CIFAR, `projection` for ImageNet, as in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<Shortcut>,
    /// What follows every convolution. Default: batch normalisation.
    #[serde(default = "batch", skip_serializing_if = "Norm::is_batch")]
    pub norm: Norm,
    /// Factor on all channel counts but that of the classes. Default 1.
    #[serde(default = "one")]
    pub width: f64,
}

fn batch() -> Norm {
    Norm::Batch
}

/// The layers that there are, in words.
const LAYERS: &str = "8, 14, 20, 32, 44, 56 or 110 (for CIFAR), or 18, 34, 50, 101 or 152 (for ImageNet)";

/// A network of the source's tables.
struct Table {
    /// Whether it begins with the 7×7 convolution and the pooling.
    large_stem: bool,
    /// Channels of the first stage; each further one has twice as many.
    channels: usize,
    /// Blocks of each stage.
    blocks: &'static [usize],
    /// What the channels are multiplied by at the end of a block: 4 for bottlenecks.
    expansion: usize,
}

impl Table {
    const fn small(blocks: &'static [usize]) -> Self {
        Self { large_stem: false, channels: 16, blocks, expansion: 1 }
    }

    const fn large(blocks: &'static [usize], expansion: usize) -> Self {
        Self { large_stem: true, channels: 64, blocks, expansion }
    }
}

/// Where a block stands.
struct Place {
    name: String,
    /// Channels of its inner convolutions, which may be rounded otherwise than those that leave blocks.
    inner: usize,
    /// Channels that leave it.
    outer: usize,
    reduces: bool,
}

impl Resnet {
    /// The network of the source with this many layers.
    pub fn plain(layers: usize) -> Self {
        Self { layers, shortcut: None, norm: Norm::Batch, width: 1.0 }
    }

    fn table(&self) -> Result<Table, OutOfRange> {
        Ok(match self.layers {
            8 => Table::small(&[1; 3]),
            14 => Table::small(&[2; 3]),
            20 => Table::small(&[3; 3]),
            32 => Table::small(&[5; 3]),
            44 => Table::small(&[7; 3]),
            56 => Table::small(&[9; 3]),
            110 => Table::small(&[18; 3]),
            18 => Table::large(&[2, 2, 2, 2], 1),
            34 => Table::large(&[3, 4, 6, 3], 1),
            50 => Table::large(&[3, 4, 6, 3], 4),
            101 => Table::large(&[3, 4, 23, 3], 4),
            152 => Table::large(&[3, 8, 36, 3], 4),
            layers => return Err(OutOfRange::new("architecture.layers", layers, LAYERS)),
        })
    }

    fn build(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<(Vec<StageSpec>, Vec<StageName>), DescriptionError> {
        let table = self.table()?;
        let mut net = NamedBuilder::new(shared, self.norm, self.norm.bias_before());
        stem(&mut net, shared, &table)?;
        let mut convolutions = table.blocks.len();
        for (stage, &blocks) in table.blocks.iter().enumerate() {
            // Blocks of a stage add maps: their channels are rounded alike.
            let channels = (table.channels << stage) as f64;
            let outer = shared.channels(channels, stage) * table.expansion;
            for block in 0..blocks {
                let name = format!("layer{}.{block}", stage + 1);
                convolutions += 1;
                let inner = shared.channels(channels, convolutions);
                let place = Place { name, inner, outer, reduces: stage > 0 && block == 0 };
                self.block(&mut net, shared.downsample, &table, &place)?;
            }
        }
        net.push("avgpool", StageSpec::GlobalAverage);
        net.dropout("avgpool", 0.0);
        net.classes("fc", classes);
        Ok(net.finish())
    }

    fn block(
        &self,
        net: &mut NamedBuilder<'_>,
        downsample: Option<&DownsampleConfig>,
        table: &Table,
        place: &Place,
    ) -> Result<(), DescriptionError> {
        let Place { name, inner, outer, reduces } = place;
        let entering = net.channels();
        let named = |kind: &str, number: usize| format!("{name}.{kind}{number}");
        let kernels: &[usize] = if table.expansion == 1 { &[3, 3] } else { &[1, 3, 1] };
        let folded = FoldedStride::default().into();
        let operator = reduces.then(|| downsample.unwrap_or(&folded));
        // Behind the first 3×3 convolution.
        let reducing = kernels.len() - 1;
        net.push(name, StageSpec::Keep);
        for (number, &kernel) in (1..).zip(kernels) {
            let last = number == kernels.len();
            let channels = if last { outer } else { inner };
            net.convolution([&named("conv", number), &named("bn", number)], *channels, [kernel, 1]);
            if last {
                break;
            }
            net.activate(name);
            if let Some(operator) = operator.filter(|_| number == reducing) {
                net.downsample(operator, &format!("{name}.reduction"))?;
            }
        }
        if operator.is_some() || entering != *outer {
            net.push(name, StageSpec::Exchange);
            net.has_channels(entering);
            let shortcut = self.shortcut.unwrap_or(Shortcut::of_table(table.large_stem));
            shortcut.append(net, operator, *outer, &format!("{name}.downsample"))?;
        }
        net.push(name, StageSpec::Add { scale: 1.0 });
        net.activate(name);
        Ok(())
    }
}

/// Appends what stands before the blocks.
fn stem(
    net: &mut NamedBuilder<'_>,
    shared: &SharedSettings<'_>,
    table: &Table,
) -> Result<(), DescriptionError> {
    let channels = shared.channels(table.channels as f64, 0);
    let [kernel, stride] = if table.large_stem { [7, 2] } else { [3, 1] };
    net.convolution(["conv1", "bn1"], channels, [kernel, stride]);
    net.activate("relu");
    if table.large_stem {
        let pool = DownsampleConfig::from(MaxPool { padding: Some(1), ..MaxPool::plain(3, 2) });
        net.downsample(shared.downsample.unwrap_or(&pool), "maxpool")?;
    }
    Ok(())
}

impl Layout for Resnet {
    fn name(&self) -> &'static str {
        "resnet"
    }

    /// What a description that leaves a field out gets: the strides and the pooling of the source's table.
    fn defaults(&self) -> Defaults {
        Defaults {
            downsample: None,
            upsample: None,
            last_relu: false,
            input_dropout: 0.0,
            dropout: Some(0.0),
        }
    }

    fn check(&self) -> Result<(), OutOfRange> {
        self.table().map(|_| ())
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
