//! Networks in the formats of other programs: the same bytes each time, and what a format cannot hold is refused.

use std::path::Path;

use crate::tiny_study::{refused, succeed};

fn model(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/format-1").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_model_is_the_same_bytes_each_time_with_and_without_preprocessing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["classifier", "u-net", "super-resolution", "whitened"] {
        let model = model(name);
        let export = |out: &str, further: &[&str]| {
            let arguments = ["export", &model, "--to", "onnx", "--data-dir", "nowhere", "--out", out];
            succeed(folder.path(), &[&arguments[..], further].concat());
            std::fs::read(folder.path().join(out)).unwrap()
        };
        let plain = export("first.onnx", &[]);
        assert_eq!(plain, export("second.onnx", &[]), "{name}");
        let levels = export("levels.onnx", &["--with-preprocessing"]);
        assert_eq!(levels, export("levels-again.onnx", &["--with-preprocessing"]), "{name}");
        assert!(levels.len() > plain.len(), "{name}");
        let text = String::from_utf8_lossy(&levels);
        assert!(text.contains("grey levels from 0 to 255"), "{name}");
        assert_eq!(text.contains("allconv.classes"), name != "super-resolution", "{name}");
    }
}

#[test]
fn preprocessing_goes_with_formats_that_compute() {
    let folder = tempfile::tempdir().unwrap();
    let model = model("classifier");
    for format in ["safetensors", "folder"] {
        let told = refused(
            folder.path(),
            &["export", &model, "--to", format, "--with-preprocessing", "--out", "out"],
            2,
        );
        assert!(told.contains(&format!("--to {format}")) && told.contains("onnx"), "{told}");
    }
}
