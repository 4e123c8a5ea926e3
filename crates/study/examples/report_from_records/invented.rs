//! What both invented studies share: noise that is the same every time, and the records of their runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use allconv_record::{
    Cost, Environment, FORMAT_VERSION, Measured, RunDirectory, RunRecord, RunSpecification, Status, Timings,
};
use allconv_study::PlannedRun;

/// Uniform in −1 to 1 from any number of keys.
pub(crate) fn noise(keys: &[u64]) -> f64 {
    let mut word = 0x9E37_79B9_7F4A_7C15_u64;
    for key in keys {
        word = (word ^ key).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word ^= word >> 29;
        word = word.wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 32;
    }
    (word >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The specification of a run: what it asks for, as if nothing had a default.
pub(crate) fn specification(planned: &PlannedRun) -> RunSpecification {
    RunSpecification {
        seed: planned.seed,
        precision: "f32".into(),
        device_kind: "cpu".into(),
        dataset_hash: "5f1d2c8a".repeat(8),
        numerics: BTreeMap::from([("loop".into(), 1), ("synthetic".into(), 1)]),
        data: planned.request.data.clone(),
        net: planned.request.net.clone(),
        train: planned.request.train.clone(),
    }
}

/// Makes the directory of a run and writes its specification.
pub(crate) fn directory(
    runs: &Path,
    planned: &PlannedRun,
    specification: &RunSpecification,
) -> Result<RunDirectory, Box<dyn Error>> {
    let directory = RunDirectory::for_run(runs, &planned.arm, specification);
    std::fs::create_dir_all(directory.path())?;
    directory.write_specification(specification)?;
    Ok(directory)
}

/// The record of a run that ended with `status` after all or a third of `total_steps`.
pub(crate) fn record(
    planned: &PlannedRun,
    specification: &RunSpecification,
    (status, total_steps): (Status, u64),
    cost: Cost,
) -> RunRecord {
    let reason = match status {
        Status::Diverged => Some("the gradient of features.4.weight is not finite at step 1437".to_string()),
        Status::Stuck => {
            Some("the training loss stayed at 2.3026, that of guessing 10 classes, for 4 epochs".to_string())
        }
        _ => None,
    };
    let seconds = 40.0 + cost.macs as f64 / 2e6 + 3.0 * noise(&[6, planned.arm_index as u64, planned.seed]);
    RunRecord {
        schema: FORMAT_VERSION,
        status,
        reason,
        study: "invented".into(),
        arm: planned.arm.clone(),
        seed: planned.seed,
        specification_hash: specification.hash(),
        request_hash: planned.request_hash.clone(),
        study_file_sha256: None,
        command: ["allconv", "study", "run", "studies/invented.toml", "--jobs", "2"]
            .map(String::from)
            .to_vec(),
        environment: Environment {
            allconv: "0.1.0".into(),
            commit: "0000000".into(),
            compiler: "rustc 1.95.0".into(),
            platform: "linux x86_64".into(),
            cpu: "invented".into(),
            instruction_set: "avx2".into(),
            device: "cpu".into(),
            threads: 2,
        },
        cost: cost.clone(),
        created_unix_seconds: 1_700_000_000 + planned.seed,
        changed_unix_seconds: 1_700_000_500 + planned.seed,
        step: if status == Status::Finished { total_steps } else { total_steps / 3 },
        total_steps,
        timings: Timings {
            training_seconds: seconds,
            evaluation_seconds: 4.0,
            images_per_second: (total_steps * 128) as f64 / seconds,
        },
        parent: None,
        measured: Some(Measured {
            peak_memory_bytes: Some(200_000_000 + cost.activation_bytes * 64),
            latency_1_seconds: Some(0.002 + cost.macs as f64 / 4e10),
            latency_128_seconds: Some(cost.macs as f64 / 1e9),
        }),
        resumptions: Vec::new(),
        results: BTreeMap::new(),
    }
}
