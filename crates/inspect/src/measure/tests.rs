//! Small networks whose measures are known, and tests of every measure of the registry.

use allconv_nets::{
    ActivationKind, Border, ConvolutionSpec, DownsampleConfig, Slot, StageSpec, Target, UpsampleConfig,
    UpsampleSpec, walk_stages,
};

use super::*;
use crate::pictures::tests::drawn;
use crate::{OutputType, Pictures, Subject};

/// Returns the network of these stages for images of `size` pixels in 10 classes.
pub(crate) fn net_of(stages: &[StageSpec], size: usize) -> Subject {
    let walk = walk_stages(stages, [3, size, size]).unwrap();
    let output_type = match walk.stages.last().map(|shape| &shape.stage) {
        Some(StageSpec::GlobalAverage) => OutputType::Class,
        _ => OutputType::Regions,
    };
    Subject::of_walk(walk, 10, output_type)
}

/// Returns a 1×1 convolution without padding.
pub(crate) fn pointwise(channels: usize) -> StageSpec {
    StageSpec::Convolution(ConvolutionSpec::square(channels, 1, 1, Border::NONE))
}

/// Returns a network of 1×1 convolution, ReLU, the operator at its defaults, 1×1 convolution to 10 classes, global average.
pub(crate) fn operator_net(operator: &str, size: usize) -> Subject {
    let mut stages = vec![pointwise(6), StageSpec::Activation(ActivationKind::Relu)];
    let operator = DownsampleConfig::named(operator).unwrap().remove(0);
    Slot::new(&mut stages, 6, ActivationKind::Relu).place(&operator).unwrap();
    stages.extend([pointwise(10), StageSpec::GlobalAverage]);
    net_of(&stages, size)
}

/// Returns a downsampling and an upsampling operator at their defaults after a 1×1 convolution, then a 1×1 convolution to 4 channels: a
/// network that returns a map.
pub(crate) fn map_net(down: &str, up: &str, size: usize) -> Subject {
    let down = DownsampleConfig::named(down).unwrap().remove(0);
    let mut stages = vec![pointwise(6), StageSpec::Target(Target::Before(down.clone()))];
    Slot::new(&mut stages, 6, ActivationKind::Relu).place(&down).unwrap();
    let operator = UpsampleConfig::named(up).unwrap().remove(0);
    stages.extend([StageSpec::Upsample(UpsampleSpec { operator, channels_out: 6 }), pointwise(4)]);
    net_of(&stages, size)
}

/// Returns a request without a run.
pub(crate) fn request<'a>(subject: &'a Subject, pictures: &'a Pictures) -> MeasureRequest<'a> {
    MeasureRequest { subject, pictures, run: None, history: &[], largest_shift: DEFAULT_LARGEST_SHIFT }
}

/// Returns the value of a metric at a place.
pub(crate) fn value(taken: &Measurement, metric: &str, at: &str) -> f64 {
    let found = taken.readings.iter().find(|reading| reading.metric == metric && reading.at == at);
    found.unwrap_or_else(|| panic!("no {metric} at `{at}` among {:?}", taken.readings)).value
}

#[test]
fn every_measure_gives_the_metrics_its_description_names_and_each_name_once() {
    let pictures = drawn(6);
    let (classes, maps) =
        (crate::subject::tests::subject("model_c"), map_net("average_pool", "resize_conv", 16));
    let mut names: Vec<&str> = Vec::new();
    for measure in MEASURES {
        let description = measure.description();
        let (subject, other) = match description.fits {
            Fits::Maps | Fits::Regions => (&maps, &classes),
            Fits::Any | Fits::Classes => (&classes, &maps),
        };
        let taken = take(measure, &request(subject, &pictures));
        let taken = taken.unwrap_or_else(|error| panic!("{}: {error}", description.name));
        let refused = take(measure, &request(other, &pictures)).err().map(|error| error.to_string());
        assert_eq!(refused.is_some(), description.fits != Fits::Any, "{}: {refused:?}", description.name);
        for metric in description.metrics {
            let whole =
                taken.readings.iter().filter(|reading| reading.metric == *metric && reading.at.is_empty());
            assert_eq!(whole.count(), 1, "{} {metric}", description.name);
        }
        for reading in &taken.readings {
            assert!(reading.value.is_finite(), "{reading:?}");
        }
        names.extend(description.metrics);
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn metrics_are_taken_by_name_and_unknown_names_refused() {
    let (subject, pictures) = (operator_net("adaptive_polyphase", 16), drawn(10));
    let names = ["circular_shift_agreement".to_owned(), "effective_radius_90".to_owned()];
    let taken = take_metrics(&names, &request(&subject, &pictures)).unwrap();
    assert_eq!(taken[0], (names[0].clone(), 1.0));
    assert_eq!(taken.len(), 2);
    let error = take_metrics(&["sharpnes".to_owned()], &request(&subject, &pictures)).unwrap_err();
    assert!(error.to_string().contains("sharpnes"));
}
