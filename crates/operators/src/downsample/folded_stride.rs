//! The stride folded into the preceding convolution: the rule Strided-CNN of the paper.

use serde::{Deserialize, Serialize};

use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::slot::{Operator, Slot};
use crate::card::Card;
use crate::description::DescriptionError;

/// Removes the pooling and raises the stride of the convolution before it. [`FoldedStride::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldedStride {
    /// Factor on the stride of the preceding convolution, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for FoldedStride {
    fn default() -> Self {
        Self { stride: two() }
    }
}

impl Operator for FoldedStride {
    const NAME: &'static str = "folded_stride";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Removes the pooling and raises the stride of the convolution before it.",
        formula: "y[c,i,j] = x[c, stride·i, stride·j] of that convolution's output x, computed at 1/stride² of its cost",
        shape: SLOT_SHAPE,
        boundary: "that of the convolution before it",
        cost: "none; the convolution before it costs 1/stride²",
        source: "Springenberg et al., arXiv 1412.6806, section 3 and table 2",
        note: "It needs a convolution (with its activation and dropout) right before the slot. For base B that is a 1×1 \
               convolution, which then looks at one cell in stride².",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { stride: 3 }]
    }

    fn promises(&self) -> Promises {
        Promises { linear: true, shifts_by_stride: true, ..Promises::pooling(self.stride) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let convolution = slot.preceding_convolution().ok_or_else(|| DescriptionError::Misplaced {
            operator: Self::NAME,
            reason: "it raises the stride of the convolution before it, and there is none, or its map is kept for a skip; \
                     `strided_conv` brings its own"
                .to_owned(),
        })?;
        convolution.stride = convolution.stride.map(|stride| stride * self.stride);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downsample::{DownsampleConfig, MaxPool};
    use crate::stage::{ActivationKind, StageSpec};

    #[test]
    fn without_a_convolution_before_it_the_place_is_refused() {
        let mut stages = vec![StageSpec::Downsample(DownsampleConfig::MaxPool(MaxPool::default()))];
        let error =
            FoldedStride::default().place(&mut Slot::new(&mut stages, 4, ActivationKind::Relu)).unwrap_err();
        assert!(error.to_string().contains("strided_conv"), "{error}");
    }
}
