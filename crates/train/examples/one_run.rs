//! One run from a request to its metrics, in a few seconds: `cargo run --release -p allconv-train --example one_run`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_data::DataDirectory;
use allconv_kernels::Isa;
use allconv_record::{Environment, Event, Leases, Observer, Request, Resolve, RunDirectory};
use allconv_train::{DataStore, Execution, Identity, Job, Resolver, train};
use burn::tensor::Device;

/// Prints every value that the run records.
struct Printer;

impl Observer for Printer {
    fn observe(&mut self, event: &Event) {
        if let Event::Measured(point) = event {
            println!("epoch {:.1}  {} {} = {:.3}", point.epoch, point.split.name(), point.name, point.value);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join("allconv-one-run");
    let data = Arc::new(DataStore::new(DataDirectory::new(folder.join("data"))));
    let request = Request {
        seed: 0,
        data: toml::toml! {
            dataset = "synthetic"
            validation = 200
            synthetic = { seed = 0, size = 24, train = 1200, test = 300 }
        },
        net: toml::toml! {
            architecture = { springenberg = { base = "c", width = 0.125 } }
            downsample = { average_pool = { kernel = 2, stride = 2 } }
        },
        train: toml::toml! {
            preset = "fast"
            epochs = 3
        },
    };
    let resolved = Resolver::new(Arc::clone(&data), "cpu").resolve(&request)?;
    println!("{} parameters, {} steps", resolved.cost.parameters, resolved.steps);
    let directory = RunDirectory::for_run(&folder, "example", &resolved.specification);
    let identity = Identity {
        study: "example".to_owned(),
        arm: "example".to_owned(),
        request_hash: request.hash(),
        study_file_sha256: None,
        command: std::env::args().collect(),
        environment: Environment::default(),
    };
    let job = Job {
        specification: &resolved.specification,
        directory: &directory,
        identity: &identity,
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
    let status = train(&job, &mut Printer)?;
    println!("{status}: {}", directory.path().display());
    Ok(())
}
