//! A panic in a run fails that run: its caller gets an error, and the next attempt continues from the last checkpoint.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_data::DataDirectory;
use allconv_kernels::Isa;
use allconv_record::{Event, Leases, Observer, Request, Resolve, RunDirectory, Status};
use allconv_train::{DataStore, Execution, Identity, Job, Resolver, TrainError, train};
use burn::tensor::Device;

/// Panics at the step after this number of steps.
struct PanicsAfter(u64);

impl Observer for PanicsAfter {
    fn observe(&mut self, event: &Event) {
        if let Event::Stepped { step, .. } = event {
            assert!(*step <= self.0, "told of step {step}");
        }
    }
}

/// Calls `check` with a small run that was specified for a kind of device; its tensors are on the CPU.
fn with_job(device_kind: &str, check: impl FnOnce(&Job<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let data = Arc::new(DataStore::new(DataDirectory::new(folder.path().join("data"))));
    let request = Request {
        seed: 1,
        data: toml::toml! {
            dataset = "synthetic"
            validation = 10
            synthetic = { seed = 0, size = 16, train = 40, test = 10 }
        },
        net: toml::toml! {
            architecture = { springenberg = { base = "c", width = 0.05 } }
            downsample = { strided_conv = { kernel = 3, stride = 2 } }
        },
        train: toml::toml! {
            preset = "fast"
            batch = 10
            epochs = 3
        },
    };
    let resolved = Resolver::new(Arc::clone(&data), device_kind).resolve(&request).unwrap();
    let directory = RunDirectory::at(folder.path().join("run"));
    let job = Job {
        specification: &resolved.specification,
        directory: &directory,
        identity: &Identity::default(),
        leases: &Leases::default(),
        data: &data,
        device: &Device::flex(),
        execution: Execution {
            isa: Isa::detect(),
            loader_workers: 1,
            checkpoint_every: Duration::from_secs(60),
            memory: None,
        },
        relatives: &[],
        measurer: &(),
        interrupted: &AtomicBool::new(false),
    };
    check(&job);
}

// Three steps an epoch: after four, the first epoch has left its checkpoint.

#[test]
fn a_panic_fails_the_run_and_the_next_attempt_continues_it() {
    with_job("cpu", |job| {
        let failed = train(job, &mut PanicsAfter(4)).unwrap_err();
        assert!(matches!(&failed, TrainError::Panicked(told) if told.contains("told of step 5")), "{failed}");
        let record = job.directory.read_record().unwrap();
        assert_eq!(record.status, Status::Failed);
        assert!(record.reason.unwrap().contains("told of step 5"));
        assert_eq!(train(job, &mut ()).unwrap(), Status::Finished);
        let record = job.directory.read_record().unwrap();
        assert_eq!(record.resumptions.iter().map(|resumption| resumption.step).collect::<Vec<_>>(), [3]);
        assert_eq!(record.reason, None);
    });
}

#[test]
fn a_panic_on_another_device_names_it_and_says_what_to_do() {
    with_job("vulkan", |job| {
        let failed = train(job, &mut PanicsAfter(4)).unwrap_err();
        assert!(
            matches!(&failed, TrainError::Device { device, step: 5, .. } if device == "vulkan"),
            "{failed}"
        );
        let reason = job.directory.read_record().unwrap().reason.unwrap();
        for part in ["vulkan", "told of step 5", "--device cpu", "allconv doctor"] {
            assert!(reason.contains(part), "{reason}");
        }
    });
}
