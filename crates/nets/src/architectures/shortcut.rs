//! What stands in the shortcut of a residual block that changes the shape of its map.

use allconv_operators::downsample::{AveragePool, Decimation};
use allconv_operators::{DownsampleConfig, OperatorError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::named_builder::NamedBuilder;
use crate::error::DescriptionError;
use crate::stage::StageSpec;

/// What stands in the shortcut of a residual block that reduces its map or changes the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shortcut {
    /// A 1×1 convolution of the slot's stride, and the normalisation. Option B of He et al., arXiv 1512.03385.
    Projection,
    /// The means of blocks of positions, as large as the slot's stride, then a 1×1 convolution and the normalisation. ResNet-D: He et al.,
    /// arXiv 1812.01187; timm's `avg_down`.
    Average,
    /// The operator in the slot once more, with parameters of its own, then a 1×1 convolution and the normalisation. A `folded_stride` is the stride
    /// of that convolution.
    Operator,
    /// One position in every block as large as the slot's stride, and channels of zeros: no parameters. Option A of He et al.
    Zeros,
}

impl Shortcut {
    /// That of the table for ImageNet, or of the one for CIFAR.
    pub(super) fn of_table(imagenet: bool) -> Self {
        if imagenet { Self::Projection } else { Self::Zeros }
    }

    /// Appends the shortcut beside `operator`, if the block has one, to `channels`; its parts are called `name.0`, `name.1`, ….
    ///
    /// # Errors
    ///
    /// An operator whose map changes its size in training; one without a whole stride, beside which only itself can stand; more channels than there are to be.
    pub(super) fn append(
        self,
        net: &mut NamedBuilder<'_>,
        operator: Option<&DownsampleConfig>,
        channels: usize,
        name: &str,
    ) -> Result<(), DescriptionError> {
        operator.map_or(Ok(()), check_fixed)?;
        let folded = matches!(operator, Some(DownsampleConfig::FoldedStride(_)));
        if let (Self::Operator, Some(operator), false) = (self, operator, folded) {
            let parts = net.downsample_aside(operator, name)?;
            project(net, channels, 1, (name, parts));
            return Ok(());
        }
        let stride = operator.map_or(Ok(1), stride_of)?;
        match self {
            Self::Projection | Self::Operator => project(net, channels, stride, (name, 0)),
            Self::Average => {
                if stride > 1 {
                    net.downsample_aside(&AveragePool::plain(stride, stride).into(), name)?;
                }
                // Where nothing is averaged the number is kept, as timm keeps it.
                project(net, channels, 1, (name, 1));
            }
            Self::Zeros => {
                if stride > 1 {
                    net.downsample_aside(&Decimation { stride }.into(), name)?;
                }
                net.push(name, StageSpec::PadChannels { channels_out: channels });
                net.has_channels(channels);
            }
        }
        Ok(())
    }
}

/// Appends the 1×1 convolution and the normalisation, called `name.first` and `name.(first + 1)`.
fn project(net: &mut NamedBuilder<'_>, channels: usize, stride: usize, (name, first): (&str, usize)) {
    let [convolution, norm] = [first, first + 1].map(|part| format!("{name}.{part}"));
    net.convolution([&convolution, &norm], channels, [1, stride]);
}

/// Refuses an operator that changes height and width in training: the other branch would change otherwise.
fn check_fixed(operator: &DownsampleConfig) -> Result<(), DescriptionError> {
    match operator {
        DownsampleConfig::DiffStride(settings) if !settings.match_size => {
            let reason = "the height and width of its map change in training, and those beside it in the shortcut do not, or change otherwise; set \
                          `match_size = true`";
            Err(OperatorError::Misplaced { operator: operator.name(), reason: reason.to_owned() }.into())
        }
        _ => Ok(()),
    }
}

/// The stride under which every height and width `h` becomes `ceil(h / stride)`, as it does beside the operator.
fn stride_of(operator: &DownsampleConfig) -> Result<usize, DescriptionError> {
    operator.check()?;
    operator.properties().slot_rule.ok_or_else(|| {
        let reason = "beside it in the shortcut no stride gives maps of the same height and width; use `shortcut = \"operator\"`, or settings \
                      under which every height h becomes ceil(h/stride)";
        OperatorError::Misplaced { operator: operator.name(), reason: reason.to_owned() }.into()
    })
}
