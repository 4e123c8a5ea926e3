//! The shapes, parameters and cost of a list of stages, one after the other.

use allconv_operators::OutOfRange;

use crate::error::DescriptionError;
use crate::receptive_field::receptive_field;
use crate::stage::StageSpec;
use crate::stage_name::StageName;
use crate::stage_shape::{StageShape, activation_bytes, fuses, macs, output_shape, parameters, window};
use crate::walk_branches::{Position, Refusal, ShapeBranches};

/// A network's walk: its stages with their shapes and costs for one input size.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// Channels, rows and columns of the input.
    pub input: [usize; 3],
    /// The stages in order.
    pub stages: Vec<StageShape>,
}

impl Walk {
    /// Returns the number of parameters.
    pub fn parameters(&self) -> u64 {
        self.stages.iter().map(|stage| stage.parameters).sum()
    }

    /// Returns the multiply–accumulates for one image, forward.
    pub fn macs(&self) -> u64 {
        self.stages.iter().map(|stage| stage.macs).sum()
    }

    /// Returns the bytes of activations that training keeps for one image.
    pub fn activation_bytes(&self) -> u64 {
        self.stages.iter().map(|stage| stage.activation_bytes).sum()
    }

    /// Returns the channels, rows and columns of the output.
    pub fn output(&self) -> [usize; 3] {
        self.stages.last().map_or(self.input, |stage| stage.output)
    }

    /// Returns the receptive field at the head: that of one value before the global average.
    pub fn receptive_field(&self) -> usize {
        let average = self.stages.iter().position(|stage| stage.stage == StageSpec::GlobalAverage);
        let head = &self.stages[..average.unwrap_or(self.stages.len())];
        head.last().map_or(1, |stage| stage.receptive_field)
    }
}

/// Walks a list of stages over an `input` of channels, rows and columns.
///
/// # Errors
///
/// An empty input, a stage that cannot process the map it receives, an upsampling operator that cannot undo the downsampling operator
/// it is paired with, or a list whose stages that keep and take back maps are not balanced.
pub fn walk_stages(stages: &[StageSpec], input: [usize; 3]) -> Result<Walk, DescriptionError> {
    if input.contains(&0) {
        let range = "at least 1 on each axis";
        return Err(OutOfRange::new("input", format!("{input:?}"), range).into());
    }
    let mut position = Position { shape: input, jump: 1.0 };
    let mut branches = ShapeBranches::default();
    let mut walked: Vec<StageShape> = Vec::with_capacity(stages.len());
    for (index, stage) in stages.iter().enumerate() {
        let entering = position;
        let shape = entering.shape;
        let refused = |refusal| match refusal {
            Refusal::Pair(error) => error,
            Refusal::Shape(reason) => DescriptionError::Shape {
                stage: index,
                kind: stage.label(),
                height: shape[1],
                width: shape[2],
                reason,
            },
        };
        position = match branches.pass(stage, entering).map_err(refused)? {
            Some(position) => position,
            None => {
                let output = output_shape(stage, shape).map_err(Refusal::Shape).map_err(refused)?;
                Position { shape: output, jump: entering.jump * window(stage, shape).stride as f64 }
            }
        };
        if index + 1 == stages.len() {
            branches.check_end().map_err(refused)?;
        }
        let fused = walked.last().is_some_and(|before: &StageShape| fuses(&before.stage, stage));
        walked.push(StageShape {
            stage: stage.clone(),
            name: StageName::sequential(index),
            input: shape,
            output: position.shape,
            parameters: parameters(stage, shape, position.shape),
            macs: macs(stage, shape, position.shape),
            activation_bytes: if fused { 0 } else { activation_bytes(stage, shape, position.shape) },
            receptive_field: 0,
            jump: position.jump,
        });
        walked[index].receptive_field = receptive_field(&walked);
    }
    Ok(Walk { input, stages: walked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::walk;
    use crate::models;

    fn walked(name: &str, classes: usize) -> Walk {
        let model = models::find(name).unwrap();
        walk(&model.spec(), model.input, classes).unwrap()
    }

    /// Returns the heights of the maps, consecutive repetitions removed, without the global average.
    fn sizes(walk: &Walk) -> Vec<usize> {
        let mut sizes = vec![walk.input[1]];
        for stage in &walk.stages[..walk.stages.len() - 1] {
            assert_eq!(stage.output[1], stage.output[2]);
            if sizes.last() != Some(&stage.output[1]) {
                sizes.push(stage.output[1]);
            }
        }
        sizes
    }

    #[test]
    fn parameter_counts_are_those_of_the_paper_for_10_and_100_classes() {
        for (names, ten, hundred) in [
            (["model_a", "strided_cnn_a"], 839_242, 856_612),
            (["convpool_cnn_a", "all_cnn_a"], 1_254_250, 1_271_620),
            (["model_b", "strided_cnn_b"], 885_610, 902_980),
            (["convpool_cnn_b", "all_cnn_b"], 1_300_618, 1_317_988),
            (["model_c", "strided_cnn_c"], 954_730, 972_100),
            (["convpool_cnn_c", "all_cnn_c"], 1_369_738, 1_387_108),
        ] {
            for name in names {
                assert_eq!(walked(name, 10).parameters(), ten, "{name}, 10 classes");
                assert_eq!(walked(name, 100).parameters(), hundred, "{name}, 100 classes");
            }
        }
        assert_eq!(walked("large_all_cnn", 10).parameters(), 77_455_690);
        assert_eq!(walked("all_cnn_imagenet", 1000).parameters(), 9_372_840);
    }

    #[test]
    fn parameter_counts_of_published_networks_are_those_of_torchvision_and_of_the_source() {
        for (name, parameters) in [
            ("resnet18", 11_689_512),
            ("resnet34", 21_797_672),
            ("resnet50", 25_557_032),
            ("vgg11", 132_863_336),
            ("vgg11_bn", 132_868_840),
            ("vgg16", 138_357_544),
            ("vgg16_bn", 138_365_992),
        ] {
            assert_eq!(walked(name, 1000).parameters(), parameters, "{name}");
        }
        // He et al., table 6: 0.27 M, 0.46 M, 0.85 M. The exact numbers are those of the usual copies in PyTorch.
        for (name, parameters) in [("resnet20", 269_722), ("resnet32", 464_154), ("resnet56", 853_018)] {
            assert_eq!(walked(name, 10).parameters(), parameters, "{name}");
        }
    }

    #[test]
    fn macs_of_the_c_models_are_those_of_the_paper() {
        for (name, millions) in
            [("model_c", 228), ("strided_cnn_c", 101), ("convpool_cnn_c", 398), ("all_cnn_c", 271)]
        {
            let macs = walked(name, 10).macs();
            assert_eq!((macs + 500_000) / 1_000_000, millions, "{name}: {macs}");
        }
    }

    #[test]
    fn receptive_fields_at_the_head_are_those_of_the_reference() {
        for (name, size) in [
            ("model_a", 27),
            ("model_c", 27),
            ("all_cnn_c", 27),
            ("convpool_cnn_c", 33),
            ("strided_cnn_c", 21),
        ] {
            assert_eq!(walked(name, 10).receptive_field(), size, "{name}");
        }
    }

    #[test]
    fn maps_shrink_as_the_reference_says() {
        for model in &models::MODELS[..12] {
            assert_eq!(sizes(&walked(model.name, 10)), [32, 16, 8, 6], "{}", model.name);
        }
        assert_eq!(
            sizes(&walked("large_all_cnn", 10)),
            [126, 125, 124, 62, 61, 60, 30, 29, 28, 14, 13, 12, 6, 5, 4, 2, 1]
        );
        assert_eq!(sizes(&walked("all_cnn_imagenet", 1000)), [224, 54, 26, 12, 6]);
    }

    #[test]
    fn a_map_too_small_for_the_head_is_refused_with_its_size() {
        let spec = models::named("all_cnn_c").unwrap();
        let error = walk(&spec, [3, 8, 8], 10).unwrap_err().to_string();
        assert!(error.contains("2×2") && error.contains("kernel of 3"), "{error}");
        assert!(walk(&spec, [3, 0, 8], 10).is_err());
    }

    #[test]
    fn every_convolution_but_the_class_convolution_of_the_large_net_is_followed_by_its_activation() {
        for model in &models::MODELS[..14] {
            let stages = model.spec().stages(model.classes).unwrap();
            let bare: Vec<usize> = (0..stages.len())
                .filter(|&index| matches!(stages[index], StageSpec::Convolution(_)))
                .filter(|&index| !matches!(stages[index + 1], StageSpec::Activation(_)))
                .collect();
            let expected = if model.name == "large_all_cnn" { vec![stages.len() - 2] } else { vec![] };
            assert_eq!(bare, expected, "{}", model.name);
        }
    }
}
