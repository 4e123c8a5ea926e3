//! Deterministic, exactly resumable training: tensors from batches, loss, optimiser, schedule, the loop, checkpoints.
//!
//! [`Resolver`] turns a request into a specification; [`train`] makes the run that a specification describes and writes its
//! directory. A run is a pure function of its specification: order, augmentation, initialisation and dropout are keyed by
//! (seed, purpose, epoch or step, sample or element), and all sums have a fixed order.
#![forbid(unsafe_code)]

mod again;
mod batch;
mod checkpoint;
mod data_store;
mod dense_loss;
mod error;
mod evaluate;
mod health;
mod latency;
mod loss;
mod measurable;
pub mod metrics;
mod optimizer;
mod progress;
mod resolve;
mod run_settings;
mod schedule;
mod schema;
mod section;
mod session;
mod settings;
mod sizes;
mod start;
mod task;
mod tensors;
mod tiles;
mod trainer;
mod weight_mean;
mod wording;

pub use again::request_again;
pub use batch::to_tensor;
pub use checkpoint::{Best, CHECKPOINT_VERSION, Checkpoint, CheckpointStore, Found, State};
pub use data_store::DataStore;
pub use dense_loss::{DenseLoss, LossValue, class_loss, picture_loss};
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use health::{STUCK_AFTER_EPOCHS, STUCK_AFTER_STEPS, STUCK_TOLERANCE, is_stuck};
pub use loss::{
    CrossEntropy, SampleResult, cross_entropy, mixed_cross_entropy, sample_results, weighted_cross_entropy,
};
pub use measurable::{MeasurableMetric, MeasuredOf};
pub use optimizer::{Adam, Optimizer, Sgd, WeightDecay, load_tensors, network_tensors};
pub use progress::{Position, Progress, StepPlan};
pub use resolve::{NUMERICS_REVISION, Resolver, cost, shapes};
pub use run_settings::RunSettings;
pub use schedule::Schedule;
pub use schema::section_schemas;
pub use session::{Execution, Identity, Job, MemoryGauge, train};
pub use settings::{
    AdamSettings, ClassBalance, DataRequest, DataSettings, DenoisingSettings, FoldRequest, Length,
    OptimizerSettings, PRESETS, PatchesSettings, Preset, SettingError, StartRequest, StartSettings,
    SuperResolutionSettings, TaskSettings, TrainRequest, TrainSettings, WeightAverage,
};
pub use task::{
    ClassObjective, Classification, EpochSums, Evaluated, ExampleInput, ExampleRecord, KeptData,
    MapObjective, Prediction, Predictor, StepError, Task, check_content, open_predictor, open_task,
};
pub use tensors::{NamedTensor, NamedTensors, read_safetensors, write_safetensors};
pub use tiles::{DenseMap, Tiling, TilingError, WHOLE_PIXELS, run_map};
pub use trainer::{BatchLoss, Divergence, Objective, StepResult, Trainer};
