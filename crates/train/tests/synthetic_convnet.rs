//! A small convolutional net passes 85 % on the synthetic data, where a linear classifier stays below 40 % (tested in `allconv-data`).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_data::DataDirectory;
use allconv_kernels::Isa;
use allconv_record::{Leases, Request, Resolve, RunDirectory, SplitName, Status};
use allconv_train::{DataStore, Execution, Identity, Job, Resolver, train};
use burn::tensor::Device;

#[test]
fn a_small_convolutional_net_passes_85_percent() {
    let folder = tempfile::tempdir().unwrap();
    let data = Arc::new(DataStore::new(DataDirectory::new(folder.path().join("data"))));
    let request = Request {
        seed: 1,
        data: toml::toml! {
            dataset = "synthetic"
            validation = 200
            synthetic = { seed = 0, size = 32, train = 6200, test = 1000 }
        },
        net: toml::toml! {
            architecture = { springenberg = { base = "c", width = 0.125 } }
            downsample = { strided_conv = { kernel = 3, stride = 2 } }
            dropout = 0.0
        },
        train: toml::toml! {
            preset = "fast"
            epochs = 7
        },
    };
    let resolved = Resolver::new(Arc::clone(&data), "cpu").resolve(&request).unwrap();
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
    assert_eq!(train(&job, &mut ()).unwrap(), Status::Finished);
    let metrics = directory.read_metrics().unwrap();
    let test = metrics.iter().find(|point| point.split == SplitName::Test && point.name == "error").unwrap();
    println!("test error {:.1} %", 100.0 * test.value);
    assert!(test.value < 0.15, "test error {:.1} %", 100.0 * test.value);
    let measured = directory.read_record().unwrap().measured.unwrap();
    let (one, many) = (measured.latency_1_seconds.unwrap(), measured.latency_128_seconds.unwrap());
    assert!(one > 0.0 && one < many && many < 128.0 * one, "1 image {one} s, 128 images {many} s");
    assert_eq!(directory.read_outcomes().unwrap().0.len(), 1000);
}
