//! From a request to a specification: presets applied, defaults written out, shapes walked, cost counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use allconv_data::DataError;
use allconv_nets::{DescriptionError, NetworkSpec, Walk, walk};
use allconv_record::{Cost, Request, Resolve, ResolveError, Resolved, RunSpecification, StageShape};
use serde::Serialize;

use crate::progress::StepPlan;
use crate::run_settings::accuracy;
use crate::section::{read_section, wrong_value};
use crate::{DataRequest, DataStore, Preset, TrainRequest, TrainSettings};

/// Revision of what this crate contributes to a run's numbers (order of summation, schedules, update rule); raised with them.
pub const NUMERICS_REVISION: u32 = 1;

/// Resolves requests against the registries and the data at hand.
#[derive(Debug)]
pub struct Resolver {
    data: Arc<DataStore>,
    device_kind: String,
}

impl Resolver {
    /// A resolver for runs on a kind of device (`cpu`, `cuda`, `vulkan`).
    pub fn new(data: Arc<DataStore>, device_kind: impl Into<String>) -> Resolver {
        Resolver { data, device_kind: device_kind.into() }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, request: &Request) -> Result<Resolved, ResolveError> {
        let asked_data: DataRequest = read_section("data", &request.data)?;
        let data = asked_data.resolve();
        let asked: TrainRequest = read_section("train", &request.train)?;
        let setting = |error: crate::SettingError| wrong_value("train", &error.field.clone(), error);
        let preset = asked.preset().map_err(setting)?;
        let train = asked.resolve().map_err(setting)?;
        accuracy(&train.precision)?;
        let net = with_preset(read_section("net", &request.net)?, &request.net, preset);
        let dataset = self.data.dataset(&data).map_err(data_error)?;
        asked_data.check_drawing().map_err(|error| wrong_value("data", &error.field.clone(), error))?;
        let classes = dataset.classes.len();
        let input = [dataset.channels, dataset.height, dataset.width];
        let wrong_net = |error| wrong_value("net", description_field(&error), &error);
        let net = net.matched(input, classes).map_err(wrong_net)?;
        let walk = walk(&net, input, classes).map_err(wrong_net)?;
        let images = dataset.train.len() as u64;
        let presentations = train.presentations(images);
        let plan = StepPlan::new(images, train.batch as u64, presentations);
        let image_bytes = 4 * (dataset.channels * dataset.height * dataset.width) as u64;
        let all_images =
            images + (dataset.validation.as_ref().map_or(0, |split| split.len()) + dataset.test.len()) as u64;
        Ok(Resolved {
            memory_bytes: memory_bytes(&walk, &train) + all_images * image_bytes,
            specification: RunSpecification {
                seed: request.seed,
                precision: train.precision.clone(),
                device_kind: self.device_kind.clone(),
                dataset_hash: dataset.content_hash.clone(),
                numerics: numerics(&net),
                data: table("data", &data)?,
                net: table("net", &net)?,
                train: table("train", &train)?,
            },
            shapes: shapes(&walk),
            cost: cost(&walk),
            presentations,
            steps: plan.total_steps(),
        })
    }
}

/// The cost of a walked network, in the words of run records.
pub fn cost(walk: &Walk) -> Cost {
    Cost {
        parameters: walk.parameters(),
        macs: walk.macs(),
        activation_bytes: walk.activation_bytes(),
        receptive_field: walk.receptive_field() as u64,
    }
}

/// The stages of a walked network, in the words of run records.
pub fn shapes(walk: &Walk) -> Vec<StageShape> {
    let stage = |(index, stage): (usize, &allconv_nets::StageShape)| StageShape {
        stage: format!("features.{index} {}", stage.stage.label()),
        shape: stage.output.map(|side| side as u64),
        parameters: stage.parameters,
        macs: stage.macs,
    };
    walk.stages.iter().enumerate().map(stage).collect()
}

/// Fills what the network section leaves open with what the preset says.
fn with_preset(mut net: NetworkSpec, written: &toml::Table, preset: &Preset) -> NetworkSpec {
    net.input_dropout = net.input_dropout.or(Some(preset.input_dropout));
    net.dropout = net.dropout.or(Some(preset.dropout));
    net.last_relu = net.last_relu.or(Some(preset.last_relu));
    if !written.contains_key("initialisation") {
        net.initialisation = preset.initialisation;
    }
    net.resolved()
}

/// Revisions of everything whose values a run depends on.
fn numerics(net: &NetworkSpec) -> BTreeMap<String, u32> {
    let crates = [
        ("data", allconv_data::NUMERICS_REVISION),
        ("kernels", allconv_kernels::NUMERICS_REVISION),
        ("train", NUMERICS_REVISION),
    ];
    crates
        .into_iter()
        .chain(net.numerics_revisions())
        .map(|(part, revision)| (part.to_owned(), revision))
        .collect()
}

/// Peak memory of a training step: activations and their gradients for a batch, weights with gradient, velocity and the transforms of one layer.
fn memory_bytes(walk: &Walk, train: &TrainSettings) -> u64 {
    let activations = 2 * walk.activation_bytes() * train.batch as u64;
    let weights = 4 * walk.parameters();
    // A Winograd transform holds (6/4)² values for each of the largest layer's, for a block of images; the whole batch bounds it.
    let largest =
        walk.stages.iter().map(|stage| stage.output.iter().product::<usize>() as u64).max().unwrap_or(0);
    activations + 5 * weights + 9 * largest * train.batch as u64
}

/// The field of the network section that an error is about.
fn description_field(error: &DescriptionError) -> &str {
    match error {
        DescriptionError::OutOfRange { field, .. } => field,
        DescriptionError::Misplaced { .. } | DescriptionError::UnknownOperator { .. } => "downsample",
        DescriptionError::Unpaired { .. } => "upsample",
        DescriptionError::NoMatch { .. } => "match_cost",
        DescriptionError::UnknownModel { .. } | DescriptionError::Shape { .. } => "architecture",
    }
}

fn table(section: &str, value: &impl Serialize) -> Result<toml::Table, ResolveError> {
    toml::Table::try_from(value).map_err(|error| wrong_value(section, "", error))
}

fn data_error(error: DataError) -> ResolveError {
    let (field, bad_data) = match &error {
        DataError::BadOption { field, .. } => (*field, false),
        DataError::UnknownDataset { .. } => ("dataset", false),
        _ => ("dataset", true),
    };
    ResolveError { bad_data, ..wrong_value("data", field, error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunSettings;
    use allconv_data::DataDirectory;

    fn resolver(folder: &std::path::Path) -> Resolver {
        Resolver::new(Arc::new(DataStore::new(DataDirectory::new(folder))), "cpu")
    }

    fn request() -> Request {
        Request {
            seed: 7,
            data: toml::toml! {
                dataset = "synthetic"
                validation = 20
                synthetic = { size = 32, train = 120, test = 20 }
            },
            net: toml::toml! {
                architecture = { springenberg = { base = "c", width = 0.25 } }
            },
            train: toml::toml! {
                preset = "fast"
                batch = 64
                epochs = 3
            },
        }
    }

    #[test]
    fn the_specification_reads_back_into_the_same_settings() {
        let folder = tempfile::tempdir().unwrap();
        let resolved = resolver(folder.path()).resolve(&request()).unwrap();
        let settings = RunSettings::read(&resolved.specification).unwrap();
        assert_eq!(settings.net.dropout, Some(Preset::named("fast").unwrap().dropout));
        assert_eq!((resolved.presentations, resolved.steps), (300, 6));
        assert_eq!(resolved.cost.parameters, settings_parameters());
        let text = toml::to_string(&resolved.specification).unwrap();
        let read: RunSpecification = toml::from_str(&text).unwrap();
        assert_eq!(RunSettings::read(&read).unwrap(), settings);
    }

    fn settings_parameters() -> u64 {
        let spec = allconv_nets::models::named("model_c").unwrap().with_width(0.25);
        walk(&spec, [3, 32, 32], 10).unwrap().parameters()
    }

    #[test]
    fn what_the_study_writes_wins_over_the_preset() {
        let folder = tempfile::tempdir().unwrap();
        let mut request = request();
        request.net.insert("dropout".into(), 0.4.into());
        request.net.insert("last_relu".into(), true.into());
        let resolved = resolver(folder.path()).resolve(&request).unwrap();
        let settings = RunSettings::read(&resolved.specification).unwrap();
        assert_eq!((settings.net.dropout, settings.net.last_relu), (Some(0.4), Some(true)));
    }

    #[test]
    fn a_net_matched_in_cost_resolves_to_a_width_and_forgets_the_request() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path());
        let macs = |request: &Request| resolver.resolve(request).unwrap().cost.macs as f64;
        let baseline = request();
        let mut matched = request();
        matched.net.insert("downsample".into(), toml::toml! { strided_conv = {} }.into());
        let wanted = toml::Table::from_iter([
            ("quantity".to_owned(), "macs".into()),
            ("net".to_owned(), baseline.net.clone().into()),
        ]);
        matched.net.insert("match_cost".into(), wanted.into());
        assert!((macs(&matched) / macs(&baseline) - 1.0).abs() <= allconv_nets::MATCH_TOLERANCE);
        let net = resolver.resolve(&matched).unwrap().specification.net;
        assert!(!net.contains_key("match_cost"));
        let width = net["architecture"]["springenberg"]["width"].as_float().unwrap();
        assert!(width < 0.25, "{width}");
        matched.net["match_cost"]["net"]["architecture"]["springenberg"]["width"] = 0.004.into();
        let error = resolver.resolve(&matched).unwrap_err();
        assert_eq!(error.path, ["net", "match_cost"], "{error}");
    }

    #[test]
    fn every_section_s_errors_carry_their_path() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path());
        let path_after = |change: fn(&mut Request)| {
            let mut request = request();
            change(&mut request);
            resolver.resolve(&request).unwrap_err().path.join(".")
        };
        assert_eq!(path_after(|r| drop(r.data.insert("validation".into(), 1000.into()))), "data.validation");
        assert_eq!(path_after(|r| drop(r.data.insert("dataset".into(), "cifer10".into()))), "data.dataset");
        assert_eq!(path_after(|r| drop(r.train.insert("batch".into(), 0.into()))), "train.batch");
        assert_eq!(path_after(|r| drop(r.train.insert("precision".into(), "f8".into()))), "train.precision");
        assert_eq!(path_after(|r| drop(r.net.insert("dropout".into(), 1.5.into()))), "net.dropout");
        assert_eq!(path_after(|r| drop(r.net.insert("colour".into(), 1.5.into()))), "net.colour");
    }
}
