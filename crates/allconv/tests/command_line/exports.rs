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

#[test]
fn a_module_is_the_same_bytes_each_time_and_names_its_parameters() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["classifier", "whitened"] {
        let model = model(name);
        let export = |out: &str| {
            let arguments = ["export", &model, "--to", "pytorch", "--with-preprocessing", "--out", out];
            succeed(folder.path(), &arguments);
            ["model.py", "model.safetensors"]
                .map(|file| std::fs::read(folder.path().join(out).join(file)).unwrap())
        };
        let [module, weights] = export("first");
        assert_eq!([module.clone(), weights], export("second"), "{name}");
        let text = String::from_utf8(module).unwrap();
        assert!(
            text.contains("\"features.1.weight\": (") && text.contains("# features.1 conv 3×3: n × "),
            "{text}"
        );
    }
}

#[test]
fn an_operator_by_itself_is_a_class_or_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let written = succeed(folder.path(), &["operators", "export", "gated_pool", "--shape", "8,6,6"]);
    assert!(written.contains("class GatedPool(nn.Module):") && written.contains("import torch"), "{written}");
    let settings = "{ blur_pool = { taps = 5 } }";
    succeed(folder.path(), &["operators", "export", settings, "--out", "blur.py"]);
    assert!(std::fs::read_to_string(folder.path().join("blur.py")).unwrap().contains("class BlurPool"));
    for (arguments, reason) in [
        (&["max_unpool"][..], "export a network that holds both"),
        (&["folded_stride"], "strided_conv"),
        (&["max_pol"], "max_pool"),
        (&["{ blur_pool = { tap = 5 } }"], "unknown field `tap`"),
        (&["blur_pool", "--shape", "8,6"], "channels,height,width"),
        (&["blur_pool", "--shape", "8,0,6"], "at least 1"),
    ] {
        let told = refused(folder.path(), &[&["operators", "export"], arguments].concat(), 2);
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
}
