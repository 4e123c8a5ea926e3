//! The ImageNet network, an upscaled All-CNN-B (appendix table 6 of the paper).

use allconv_operators::Border;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::builder::StageBuilder;
use super::layout::{Defaults, Layout, SharedSettings};
use crate::error::DescriptionError;
use crate::stage::{ActivationKind, StageSpec};

/// Twelve convolutions with ReLU: an 11×11 stem of stride 4, three blocks that end in a 3×3 convolution of stride 2
/// (96, 256, 384 channels, the last with dropout 0.5), and a head of 1024 channels.
///
/// Paddings are not stated in the paper: 0 on conv1, conv3, conv6, 2 on conv4, 1 on conv7, conv9, conv10,
/// so that 224×224 becomes 54, 26, 12, 6, 6. A `downsample` in the description takes the place of conv3, conv6
/// and conv9 and maps a height or width h to ceil(h/2), which gives 54, 27, 14, 7 instead.
///
/// Source: Springenberg et al., arXiv 1412.6806, appendix table 6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AllCnnImagenet {
    /// Factor on all channel counts but that of the classes. Default 1.
    pub width: f64,
}

impl Default for AllCnnImagenet {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

impl Layout for AllCnnImagenet {
    fn name(&self) -> &'static str {
        "all_cnn_imagenet"
    }

    /// Returns the defaults of fields that a description leaves out: those of the table.
    fn defaults(&self) -> Defaults {
        Defaults { downsample: None, upsample: None, last_relu: true, input_dropout: 0.0, dropout: None }
    }

    fn stages(
        &self,
        shared: &SharedSettings<'_>,
        classes: usize,
    ) -> Result<Vec<StageSpec>, DescriptionError> {
        let mut net = StageBuilder::new(shared, ActivationKind::Relu);
        net.input_dropout();
        net.convolution(96, 11, 4, Border::NONE);
        let blocks =
            [(96, None, Border::NONE), (256, Some(5), Border::NONE), (384, Some(3), Border::same(3))];
        for (channels, kernel, border) in blocks {
            if let Some(kernel) = kernel {
                net.convolution(channels, kernel, 1, Border::same(kernel));
            }
            net.convolution(channels, 1, 1, Border::NONE);
            if !net.downsample()? {
                net.convolution(channels, 3, 2, border);
            }
        }
        net.dropout(0.5);
        net.convolution(1024, 3, 1, Border::same(3));
        net.convolution(1024, 1, 1, Border::NONE);
        Ok(net.finish(classes))
    }
}
