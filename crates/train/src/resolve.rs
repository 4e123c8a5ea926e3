//! Resolution of a request to a specification: applies presets, writes defaults out, walks shapes, counts the cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use allconv_kernels::Accuracy;
use allconv_nets::{DescriptionError, NetworkSpec, OperatorError, OutputKind, Walk, walk};
use allconv_record::{Cost, Request, Resolve, ResolveError, Resolved, RunSpecification, StageShape};
use serde::Serialize;

use crate::progress::StepPlan;
use crate::run_settings::accuracy;
use crate::section::{nearest, read_section, wrong_value};
use crate::sizes::{data_error, recorded_metrics, sizes};
use crate::task::{check_examples, check_measured, check_network, dense_kind};
use crate::{
    DataRequest, DataSettings, DataStore, MeasurableMetric, Preset, StartRequest, StartSettings,
    TaskSettings, TrainRequest, TrainSettings,
};

/// Revision of what this crate contributes to a run's numbers (order of summation, schedules, update rule); raised with them.
pub const NUMERICS_REVISION: u32 = 2;

/// Resolves requests against the registries and the available data.
#[derive(Debug)]
pub struct Resolver {
    data: Arc<DataStore>,
    device_kind: String,
    metrics: BTreeMap<String, MeasurableMetric>,
    methods: Vec<String>,
}

impl Resolver {
    /// Returns a resolver for runs on a kind of device (`cpu`, `cuda`, `vulkan`).
    pub fn new(data: Arc<DataStore>, device_kind: impl Into<String>) -> Resolver {
        Resolver { data, device_kind: device_kind.into(), metrics: BTreeMap::new(), methods: Vec::new() }
    }

    /// Returns the same resolver for runs that may name these metrics in `measure`.
    #[must_use]
    pub fn measuring(mut self, metrics: Vec<MeasurableMetric>) -> Resolver {
        self.metrics = metrics.into_iter().map(|metric| (metric.name.clone(), metric)).collect();
        self
    }

    /// Returns the same resolver for runs that may name these methods in `explain`.
    #[must_use]
    pub fn explaining(mut self, methods: Vec<String>) -> Resolver {
        self.methods = methods;
        self
    }

    /// Refuses unknown methods, and all methods for tasks without classes.
    fn check_explained(&self, names: &[String], task: &TaskSettings) -> Result<(), ResolveError> {
        if !names.is_empty() && *task != (TaskSettings::Classification {}) {
            let message = format!("is of networks that name a class; the task {} has none", task.name());
            return Err(wrong_value("train", "explain", message));
        }
        match names.iter().find(|name| !self.methods.contains(name)) {
            None => Ok(()),
            Some(name) => Err(unknown("explain", "method", name, &self.methods)),
        }
    }

    /// Returns the revision of each metric that is to be measured. One that networks of this task do not have is refused, before any is
    /// trained.
    fn measured(&self, names: &[String], task: &TaskSettings) -> Result<BTreeMap<String, u32>, ResolveError> {
        let fitting = || self.metrics.values().filter(|metric| metric.of.fits(task));
        let revision = |name: &String| match self.metrics.get(name) {
            Some(metric) if metric.of.fits(task) => Ok((format!("measure.{name}"), metric.revision)),
            Some(_) => {
                let fitting: Vec<&str> = fitting().map(|metric| metric.name.as_str()).collect();
                let message = format!(
                    "`{name}` cannot be measured of networks for the task {}; there are {}",
                    task.name(),
                    fitting.join(", ")
                );
                Err(wrong_value("train", "measure", message))
            }
            None => {
                let known: Vec<String> = fitting().map(|metric| metric.name.clone()).collect();
                Err(unknown("measure", "metric", name, &known))
            }
        };
        names.iter().map(revision).collect()
    }
}

/// Returns the error for a name in a list of `[train]` that is in no registry.
fn unknown(field: &str, noun: &str, name: &str, known: &[String]) -> ResolveError {
    let message = format!("no {noun} is called `{name}`; there are {}", known.join(", "));
    ResolveError { suggestion: nearest(name, known), ..wrong_value("train", field, message) }
}

impl Resolve for Resolver {
    fn resolve(&self, request: &Request) -> Result<Resolved, ResolveError> {
        let asked_data: DataRequest = read_section("data", &request.data)?;
        let data_setting = |error: crate::SettingError| wrong_value("data", &error.field.clone(), error);
        asked_data.check_task().map_err(data_setting)?;
        let data = asked_data.resolve(request.seed, self.data.training_images(&asked_data.dataset));
        let requested: TrainRequest = read_section("train", &request.train)?;
        let setting = |error: crate::SettingError| wrong_value("train", &error.field.clone(), error);
        let preset = requested.preset().map_err(setting)?;
        let mut train =
            requested.resolve().and_then(|train| train.for_task(&data.task())).map_err(setting)?;
        let precision = accuracy(&train.precision)?;
        let measured = self.measured(&train.measure, &data.task())?;
        self.check_explained(&train.explain, &data.task())?;
        let net = with_preset(read_section("net", &request.net)?, &request.net, preset);
        let sizes = sizes(&self.data, &data)?;
        asked_data.check_drawing().map_err(data_setting)?;
        let wrong_net = |error| wrong_value("net", description_field(&error), &error);
        check_output(&net, &data.task())?;
        let net = net.matched(sizes.input, sizes.outputs).map_err(wrong_net)?;
        let walk = walk(&net, sizes.input, sizes.outputs).map_err(wrong_net)?;
        self.check_examples(&net, &walk, &data, &train)?;
        train.start = requested.start.as_ref().map(|start| self.start(start, &walk)).transpose()?;
        let images = sizes.samples;
        let presentations = train.presentations(images);
        let plan = StepPlan::new(images, train.batch as u64, presentations);
        Ok(Resolved {
            memory_bytes: memory_bytes(&walk, &train) + sizes.data_bytes,
            metrics: recorded_metrics(sizes.metrics, sizes.has_validation, &train.measure),
            specification: RunSpecification {
                seed: request.seed,
                precision: train.precision.clone(),
                device_kind: self.device_kind.clone(),
                dataset_hash: sizes.content_hash,
                numerics: numerics(&net, &data.task(), precision).into_iter().chain(measured).collect(),
                data: table("data", &data)?,
                net: table("net", &net)?,
                train: table("train", &train)?,
            },
            shapes: shapes(&walk),
            cost: cost(&walk),
            presentations,
            shared_presentations: plan.shown_before(train.shared_steps(&plan)),
            steps: plan.total_steps(),
        })
    }
}

impl Resolver {
    /// Refuses pictures that will be evaluated or measured and that the network cannot take.
    fn check_examples(
        &self,
        net: &NetworkSpec,
        walk: &Walk,
        data: &DataSettings,
        train: &TrainSettings,
    ) -> Result<(), ResolveError> {
        let task = data.task();
        let Some(patches) = task.patches() else { return Ok(()) };
        let pictures = self.data.pictures(data).map_err(data_error)?;
        let Some(kind) = dense_kind(&task, &pictures.classes) else { return Ok(()) };
        check_examples(net, walk, kind.as_ref(), &pictures).map_err(data_error)?;
        if train.measure.is_empty() && train.explain.is_empty() {
            return Ok(());
        }
        check_measured(patches.size, kind.as_ref(), &pictures).map_err(data_error)
    }

    /// What a run from trained weights is; refused where they do not fit the network.
    fn start(&self, request: &StartRequest, walk: &Walk) -> Result<StartSettings, ResolveError> {
        let unread = |error| ResolveError { bad_data: true, ..wrong_value("train", "start.weights", error) };
        let weights = self.data.read_weights(&request.weights).map_err(unread)?;
        let settled = weights.settle_for(request, walk);
        settled.map_err(|error| wrong_value("train", error.field(), error))
    }
}

/// Refuses networks whose output is not that of the task.
fn check_output(net: &NetworkSpec, task: &TaskSettings) -> Result<(), ResolveError> {
    let fits =
        match task.patches() {
            None if net.output() == OutputKind::Logits => Ok(()),
            None => Err("the network returns a map; name a task over maps in [data], or choose a classifier"
                .to_owned()),
            Some(patches) => check_network(net.output(), patches.pairing.factor()),
        };
    fits.map_err(|message| wrong_value("net", "architecture", message))
}

/// Returns the cost of a walked network, as run records hold it.
pub fn cost(walk: &Walk) -> Cost {
    Cost {
        parameters: walk.parameters(),
        macs: walk.macs(),
        activation_bytes: walk.activation_bytes(),
        receptive_field: walk.receptive_field() as u64,
    }
}

/// Returns the stages of a walked network, as run records hold them.
pub fn shapes(walk: &Walk) -> Vec<StageShape> {
    let stage = |stage: &allconv_nets::StageShape| StageShape {
        stage: stage.label(),
        shape: stage.output.map(|size| size as u64),
        parameters: stage.parameters,
        macs: stage.macs,
    };
    walk.stages.iter().map(stage).collect()
}

/// Fills the fields that the network section leaves out from the preset.
fn with_preset(mut net: NetworkSpec, written: &toml::Table, preset: &Preset) -> NetworkSpec {
    net.input_dropout = net.input_dropout.or(Some(preset.input_dropout));
    net.dropout = net.dropout.or(preset.dropout);
    net.last_relu = net.last_relu.or(Some(preset.last_relu));
    if net.output() == OutputKind::Logits {
        net.last_scale = net.last_scale.or(preset.last_scale);
    }
    if !written.contains_key("initialisation") {
        net.initialisation = preset.initialisation;
    }
    net.resolved()
}

/// Returns the revisions of everything whose values a run depends on.
fn numerics(net: &NetworkSpec, task: &TaskSettings, precision: Accuracy) -> BTreeMap<String, u32> {
    let crates = [
        ("data", allconv_data::NUMERICS_REVISION),
        ("kernels", precision.numerics_revision()),
        ("train", NUMERICS_REVISION),
    ];
    let task = task.patches().map(|_| (task.name(), task.revision()));
    crates
        .into_iter()
        .chain(net.numerics_revisions())
        .chain(task)
        .map(|(part, revision)| (part.to_owned(), revision))
        .collect()
}

/// Returns the peak memory of a training step: activations and their gradients for a batch, weights with gradient, velocity and the
/// transforms of one layer.
fn memory_bytes(walk: &Walk, train: &TrainSettings) -> u64 {
    let activations = 2 * walk.activation_bytes() * train.batch as u64;
    let weights = 4 * walk.parameters();
    // A Winograd transform holds (6/4)² values for each of the largest layer's, for a block of images; the whole batch bounds it.
    let largest =
        walk.stages.iter().map(|stage| stage.output.iter().product::<usize>() as u64).max().unwrap_or(0);
    activations + 5 * weights + 9 * largest * train.batch as u64
}

/// Returns the field of the network section that an error is about.
fn description_field(error: &DescriptionError) -> &str {
    match error {
        DescriptionError::OutOfRange(error) => &error.field,
        DescriptionError::Operator(OperatorError::Unpaired { .. }) => "upsample",
        DescriptionError::Operator(_) => "downsample",
        DescriptionError::NoMatch { .. } => "match_cost",
        DescriptionError::UnknownModel { .. }
        | DescriptionError::Shape { .. }
        | DescriptionError::Listed { .. } => "architecture",
    }
}

fn table(section: &str, value: &impl Serialize) -> Result<toml::Table, ResolveError> {
    toml::Table::try_from(value).map_err(|error| wrong_value(section, "", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MeasuredOf;
    use crate::RunSettings;
    use allconv_data::DataDirectory;
    use allconv_record::SplitName;

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
        assert_eq!(settings.net.dropout, Preset::named("fast").unwrap().dropout);
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
    fn fields_of_the_study_override_the_preset() {
        let folder = tempfile::tempdir().unwrap();
        let mut request = request();
        request.net.insert("dropout".into(), 0.4.into());
        request.net.insert("last_relu".into(), true.into());
        let resolved = resolver(folder.path()).resolve(&request).unwrap();
        let settings = RunSettings::read(&resolved.specification).unwrap();
        assert_eq!((settings.net.dropout, settings.net.last_relu), (Some(0.4), Some(true)));
    }

    #[test]
    fn a_network_matched_in_cost_resolves_to_a_width_without_the_request() {
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
    fn the_metrics_of_a_run_are_known_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let metric = |name: &str, of| MeasurableMetric { name: name.to_owned(), revision: 1, of };
        let resolver = resolver(folder.path()).measuring(vec![
            metric("sharpness", MeasuredOf::Classifiers),
            metric("map_shift_error", MeasuredOf::Maps),
            metric("map_shift_agreement", MeasuredOf::Regions),
        ]);
        let mut request = request();
        request.train.insert("measure".into(), vec!["sharpness"].into());
        let names = |request: &Request, split: SplitName| -> Vec<String> {
            let metrics = resolver.resolve(request).unwrap().metrics;
            metrics.into_iter().filter(|(of, _)| *of == split).map(|(_, name)| name).collect()
        };
        assert_eq!(names(&request, SplitName::Train), ["loss", "error", "clean_loss", "clean_error"]);
        assert_eq!(names(&request, SplitName::Valid), ["loss", "error"]);
        assert_eq!(names(&request, SplitName::Test), ["loss", "error", "sharpness"]);
        request.data.insert("validation".into(), 0.into());
        assert_eq!(names(&request, SplitName::Valid), [""; 0]);
        for name in ["map_shift_error", "map_shift_agreement"] {
            request.train.insert("measure".into(), vec![name].into());
            let error = resolver.resolve(&request).unwrap_err();
            assert_eq!(error.path.join("."), "train.measure");
            assert!(error.message.contains("classification; there are sharpness"), "{error}");
        }
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
