//! Model folders that do not hold what they must: each is refused by the file and the field, and no network comes of it.

use std::path::{Path, PathBuf};

use allconv_inspect::{ModelFolder, RunWeights, TrainedNetwork};
use allconv_kernels::Isa;
use burn::tensor::Device;
use serde_json::{Value, json};

/// A folder of a classifier, and one of a classifier whose run whitens.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../allconv/tests/fixtures/models/format-1").join(name)
}

/// A copy of a fixture in a folder of its own.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn open(folder: &Path) -> Result<TrainedNetwork, String> {
    let weights = RunWeights::Checkpoint(Default::default());
    TrainedNetwork::of_folder(&ModelFolder::at(folder), &weights, Isa::detect(), &Device::flex())
        .map_err(|error| error.to_string())
}

/// Asserts that the folder is refused with a message that names `file` and holds `reason`.
fn refused(folder: &Path, file: &str, reason: &str, what: &str) {
    match open(folder) {
        Ok(_) => panic!("{what}: accepted"),
        Err(told) => assert!(told.contains(file) && told.contains(reason), "{what}: {told}"),
    }
}

/// Changes of `config.json` by JSON pointer, and a part of the message.
fn changes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/schema", json!("allconv.model/2"), "allconv.model/2"),
        ("/schema", json!(1), "no field `schema`"),
        ("/model_type", json!("bert"), "model_type is `bert`"),
        ("/architecture", json!("u_net"), "architecture is `u_net`"),
        ("/architecture", json!(["springenberg"]), "invalid type"),
        ("/downsample", json!("average_pool"), "downsample is `average_pool`"),
        ("/downsample", Value::Null, "downsample is `none`"),
        ("/task", json!("segmentation"), "task is `segmentation`"),
        ("/pixels", json!("centred"), "pixels"),
        ("/pixels", json!("inverted"), "inverted"),
        ("/preprocess", json!([]), "preprocess has the steps []"),
        ("/preprocess", json!([{ "global_contrast": { "scale": 55.0 } }]), "global_contrast"),
        ("/preprocess", json!([{ "sharpen": {} }]), "sharpen"),
        ("/preprocess/0/standardize/mean", json!([1.0, 2.0]), "mean = 2 values"),
        ("/preprocess/0/standardize/mean", json!([1.0, 2.0, 1e39]), "out of range"),
        ("/preprocess/0/standardize/mean", json!("grey"), "invalid type"),
        ("/preprocess/0/standardize/deviation", json!([1.0, 0.0, 1.0]), "deviation = 0"),
        ("/preprocess/0/standardize/deviation", json!([1.0, -2.0, 1.0]), "deviation = -2"),
        ("/data/schema", json!("allconv.run_data/9"), "data.schema"),
        ("/data/input", json!([3, 0, 12]), "data.input has 0 rows"),
        ("/data/input", json!([3, 12, 1u64 << 60]), "columns; 1 to 16384"),
        ("/data/input", json!([1000, 12, 12]), "1000 channels; 1 to 64"),
        ("/data/input", json!([3, -1, 12]), "-1"),
        ("/data/input", json!([3, 12]), "invalid length"),
        ("/data/classes", json!([]), "data.classes is empty"),
        ("/data/classes", json!([1, 2]), "invalid type"),
        ("/data/content_hash", json!("00"), "data.content_hash is `00`"),
        ("/provenance/specification_hash", json!("00"), "provenance.specification_hash is `00`"),
        ("/provenance/results", json!([{ "metric": "error" }]), "split"),
        ("/provenance/step", json!(-1), "-1"),
        ("/specification/seed", json!(77), "provenance.specification_hash"),
        ("/specification/seed", json!("x"), "invalid type"),
        ("/specification/net/dropout", json!(0.25), "provenance.specification_hash"),
        ("/specification/net", json!([]), "invalid type"),
    ]
}

#[test]
fn changed_configurations_are_refused_by_field() {
    let original: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("classifier").join("config.json")).unwrap())
            .unwrap();
    let folder = copy("classifier");
    let file = folder.path().join("config.json");
    open(folder.path()).unwrap();
    for (pointer, value, reason) in changes() {
        let mut changed = original.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there")) = value.clone();
        std::fs::write(&file, changed.to_string()).unwrap();
        refused(folder.path(), "config.json", reason, &format!("{pointer} = {value}"));
    }
    let names: Vec<String> = original.as_object().unwrap().keys().cloned().collect();
    for name in names {
        let mut changed = original.clone();
        changed.as_object_mut().unwrap().remove(&name);
        std::fs::write(&file, changed.to_string()).unwrap();
        refused(folder.path(), "config.json", &name, &format!("without {name}"));
    }
    let mut changed = original.clone();
    changed["surprise"] = json!(1);
    std::fs::write(&file, changed.to_string()).unwrap();
    refused(folder.path(), "config.json", "surprise", "an unknown field");
    for text in ["", "nonsense", "[]", "{}", "{\"schema\":", "\"allconv.model/1\"", "null"] {
        std::fs::write(&file, text).unwrap();
        refused(folder.path(), "config.json", "", text);
    }
    std::fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    refused(folder.path(), "config.json", "utf-8", "no text");
}

/// A hash that fits does not make a network fit its weights, nor take memory for one that cannot be.
#[test]
fn a_specification_of_another_network_is_refused_with_the_weights() {
    let folder = copy("classifier");
    let handle = ModelFolder::at(folder.path());
    for (width, reason) in [(64.0, "the parameters need"), (0.08, "model.safetensors"), (1e9, "width")] {
        let mut config = ModelFolder::at(fixture("classifier")).read_config().unwrap();
        let net = config.specification.net.get_mut("architecture").unwrap();
        net["springenberg"]["width"] = toml::Value::Float(width);
        config.provenance.specification_hash = config.specification.hash();
        std::fs::write(handle.config_path(), config.to_text().unwrap()).unwrap();
        refused(folder.path(), "", reason, &format!("width = {width}"));
    }
}

/// A safetensors file of this header and this much data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0u8; data]);
    bytes
}

/// Files that are no safetensors files, or hold other tensors than the network has.
fn damaged(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let text = String::from_utf8(whole[8..8 + header].to_vec()).unwrap();
    let data = &whole[8 + header..];
    let with_header = |text: String| [file(&text, 0), data.to_vec()].concat();
    let replaced = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from} is not in {text}");
        with_header(changed)
    };
    let with_value = |value: f32| {
        let mut bytes = whole.to_vec();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let with_length = |length: u64| [&length.to_le_bytes()[..], &whole[8..]].concat();
    let mut files: Vec<(String, Vec<u8>)> =
        [0, 1, 7, 8, 9, 100, 8 + header, whole.len() / 2, whole.len() - 4, whole.len() - 1]
            .map(|length| (format!("cut to {length} bytes"), whole[..length].to_vec()))
            .to_vec();
    let mut add = |what: &str, bytes: Vec<u8>| files.push((what.to_owned(), bytes));
    for length in [0, 1, header as u64 - 1, header as u64 + 1, u64::MAX, i64::MAX as u64, 200_000_000] {
        add(&format!("a header of {length} bytes"), with_length(length));
    }
    for dtype in ["F64", "F16", "BF16", "I32", "U8", "BOOL", "COMPLEX"] {
        add(dtype, replaced("F32", dtype));
    }
    add("another name", replaced("features.1.weight", "features.1.wieght"));
    add("a module of another wrapper", replaced("features.1.weight", "net.features.1.weight"));
    add("a huge shape", replaced("\"shape\":[", "\"shape\":[4294967295,4294967295,4294967295,"));
    add("a negative shape", replaced("\"shape\":[", "\"shape\":[-1,"));
    add("a shape of words", replaced("\"shape\":[", "\"shape\":[\"a\","));
    add("offsets from behind", replaced("\"data_offsets\":[", "\"data_offsets\":[9999999,"));
    add("negative offsets", replaced("\"data_offsets\":[", "\"data_offsets\":[-8,"));
    for header in ["", "{}", "[]", "null", "{\"a\":1}", "nonsense", "{\"__metadata__\":{\"a\":\"b\"}}"] {
        add(&format!("the header {header:?}"), file(header, 64));
    }
    add("nesting", file(&"[".repeat(5000), 0));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        add(&value.to_string(), with_value(value));
    }
    add("trailing bytes", [whole, &[0; 4]].concat());
    add("a pickle", b"\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.".to_vec());
    files
}

#[test]
fn damaged_weights_are_refused_by_the_file() {
    let folder = copy("classifier");
    let path = folder.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    let files = damaged(&whole);
    assert!(files.len() >= 30, "{} files", files.len());
    for (what, bytes) in files {
        std::fs::write(&path, bytes).unwrap();
        refused(folder.path(), "model.safetensors", "", &what);
    }
    std::fs::remove_file(&path).unwrap();
    refused(folder.path(), "model.safetensors", "", "no file");
}

#[test]
fn damaged_whitening_is_refused_by_the_file() {
    let folder = copy("whitened");
    let path = folder.path().join("preprocess.safetensors");
    let whole = std::fs::read(&path).unwrap();
    open(folder.path()).unwrap();
    for length in [0, 8, whole.len() / 2, whole.len() - 4] {
        std::fs::write(&path, &whole[..length]).unwrap();
        refused(folder.path(), "preprocess.safetensors", "", &format!("{length} bytes"));
    }
    let text = String::from_utf8_lossy(&whole[8..200]).into_owned();
    assert!(text.contains("1.zca.mean"), "{text}");
    for (from, to, reason) in
        [("1.zca.mean", "1.zca.maen", "1.zca.mean"), ("1.zca.matrix", "2.zca.matrix", "1.zca.matrix")]
    {
        let mut bytes = whole.clone();
        let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&path, bytes).unwrap();
        refused(folder.path(), "preprocess.safetensors", reason, to);
    }
    std::fs::remove_file(&path).unwrap();
    refused(folder.path(), "preprocess.safetensors", "", "no file");
}
