//! Weights of other programs: what PyTorch wrote is read to the bit, and what is no dict of plain tensors is refused without being executed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use allconv_inspect::read_weights;
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name)
}

/// Names of the parameters of a network that the fixtures fit.
fn names() -> Vec<String> {
    ["0.weight", "0.bias", "1.weight", "1.bias"].map(|name| format!("features.{name}")).to_vec()
}

#[test]
fn tensors_of_pytorch_come_to_the_bit_under_the_names_of_the_network() {
    let text = std::fs::read_to_string(fixture("values.json")).unwrap();
    let wanted: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    for file in ["state.pth", "nested.pth", "half.safetensors"] {
        let read = read_weights(&fixture(file), &names()).unwrap();
        assert_eq!(read.tensors.len(), wanted.len(), "{file}");
        for (name, wanted) in &wanted {
            let tensor = &read.tensors[name];
            assert_eq!(serde_json::json!(tensor.shape), wanted["shape"], "{file}: {name}");
            let values = wanted["values"].as_array().unwrap();
            assert_eq!(tensor.values.len(), values.len());
            for (found, wanted) in tensor.values.iter().zip(values) {
                assert_eq!(*found, wanted.as_f64().unwrap() as f32, "{file}: {name}");
            }
        }
        let notes = read.notes.join("; ");
        assert!(notes.contains("4 of 4 parameters") && notes.contains("from F16"), "{file}: {notes}");
        assert_eq!(notes.contains("`module.`"), file != "half.safetensors", "{file}: {notes}");
    }
}

/// A zip file of these entries, without compression.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let sizes = [(data.len() as u32).to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        let name_length = (name.len() as u16).to_le_bytes();
        let start = (bytes.len() as u32).to_le_bytes();
        bytes.extend(
            [b"PK\x03\x04".as_slice(), &[0; 14], &sizes, &name_length, &[0; 2], name.as_bytes(), data]
                .concat(),
        );
        list.extend(
            [b"PK\x01\x02".as_slice(), &[0; 16], &sizes, &name_length, &[0; 12], &start, name.as_bytes()]
                .concat(),
        );
    }
    let (count, length, start) =
        ((entries.len() as u16).to_le_bytes(), list.len() as u32, bytes.len() as u32);
    bytes.extend(list);
    bytes.extend(
        [
            b"PK\x05\x06".as_slice(),
            &[0; 4],
            &count,
            &count,
            &length.to_le_bytes(),
            &start.to_le_bytes(),
            &[0; 2],
        ]
        .concat(),
    );
    bytes
}

/// The message with which the file is refused.
fn told(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.pth");
    std::fs::write(&file, bytes).unwrap();
    let told = read_weights(&file, &names()).expect_err("it was accepted").to_string();
    assert!(told.contains("weights.pth"), "{told}");
    told
}

/// A file of `torch.save` with this pickle and eight numbers in its only storage.
fn saved(pickle: &[u8]) -> Vec<u8> {
    zip(&[("a/data.pkl", pickle), ("a/data/0", &[0; 32])])
}

/// A tensor of eight numbers in 32 bits, with sizes and strides as further opcodes.
fn tensor(sizes: &[u8], strides: &[u8]) -> Vec<u8> {
    let storage =
        b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x08tQ";
    [b"ctorch._utils\n_rebuild_tensor_v2\n".as_slice(), storage, b"K\x00", sizes, strides, b"\x89}tR"]
        .concat()
}

/// A pickle of a dict with one tensor called `w`.
fn dict_of(tensor: &[u8]) -> Vec<u8> {
    [b"\x80\x02}X\x01\x00\x00\x00w".as_slice(), tensor, b"s."].concat()
}

#[test]
fn a_tensor_by_hand_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.pth");
    std::fs::write(&file, saved(&dict_of(&tensor(b"K\x02K\x04\x86", b"K\x04K\x01\x86")))).unwrap();
    assert_eq!(read_weights(&file, &["w".to_owned()]).unwrap().tensors["w"].shape, [2, 4]);
}

#[test]
fn hostile_pickles_are_refused_and_nothing_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("executed");
    let command = format!("touch {}", witness.display());
    let text = [b"X".as_slice(), &(command.len() as u32).to_le_bytes(), command.as_bytes()].concat();
    let call = |module: &str, name: &str| {
        [b"\x80\x02c".as_slice(), module.as_bytes(), b"\n", name.as_bytes(), b"\n", &text, b"\x85R."].concat()
    };
    let mut pickles: Vec<(Vec<u8>, &str)> = [
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "call"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("runpy", "run_path"),
        ("webbrowser", "open"),
        ("socket", "create_connection"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.jit", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("collections", "OrderedDict.__class__"),
        ("_pickle", "loads"),
    ]
    .map(|(module, name)| (call(module, name), "nothing is executed"))
    .to_vec();
    let stacked = [b"\x80\x04\x8c\x02os\x8c\x06system\x93".as_slice(), &text, b"\x85R."].concat();
    pickles.push((stacked, "os.system"));
    for (pickle, reason) in [
        (b"\x80\x02(S'touch'\nios\nsystem\n.".to_vec(), "opcode 0x53"),
        (b"\x80\x02(ios\nsystem\n.".to_vec(), "opcode 0x69"),
        (b"\x80\x02(cos\nsystem\no.".to_vec(), "os.system"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.".to_vec(), "opcode 0x81"),
        (b"\x80\x04}}}\x92.".to_vec(), "opcode 0x92"),
        (b"\x80\x02\x82\x01.".to_vec(), "opcode 0x82"),
        (b"\x80\x02P0\n.".to_vec(), "opcode 0x50"),
        (b"\x80\x05\x97.".to_vec(), "opcode 0x97"),
        (b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.".to_vec(), "OrderedDict"),
        (b"\x80\x02K\x01K\x02\x85R.".to_vec(), "may not be called"),
        (b"\x80\x02h\x05.".to_vec(), "nothing is remembered at 5"),
        (b"\x80\x02t.".to_vec(), "no mark"),
        (b"\x80\x02u.".to_vec(), "no mark"),
        (b"\x80\x02R.".to_vec(), "too short"),
        (b"\x80\x02.".to_vec(), "empty"),
        (b"\x80\x02}".to_vec(), "ends within"),
        (b"".to_vec(), "ends within"),
        (b"\x80\x02X\xff\xff\xff\x7f".to_vec(), "ends within"),
        (b"\x80\x02\x8a\xff".to_vec(), "255 bytes"),
        (b"\x80\x02K\x01Q.".to_vec(), "without description"),
        (b"\x80\x02K\x01.".to_vec(), "no dict"),
        (b"\x80\x02}K\x01K\x02s.".to_vec(), "no text"),
        (b"\x80\x02}X\x01\x00\x00\x00wK\x02s.".to_vec(), "`w` is no tensor"),
        ([vec![0x80, 2, b')'], vec![0x85; 100_000], vec![b'.']].concat(), "nested deeper"),
    ] {
        pickles.push((pickle, reason));
    }
    assert!(pickles.len() >= 30, "{} pickles", pickles.len());
    for (pickle, reason) in pickles {
        let told = told(&saved(&pickle));
        assert!(
            told.contains(reason),
            "{:?}: {told}",
            String::from_utf8_lossy(&pickle[..pickle.len().min(60)])
        );
    }
    assert!(!witness.exists(), "a pickle was executed");
}

#[test]
fn tensors_that_reach_beyond_their_numbers_are_refused() {
    for (sizes, strides) in [
        (b"K\x03K\x04\x86".as_slice(), b"K\x04K\x01\x86".as_slice()),
        (b"K\x02K\x04\x86", b"K\x05K\x01\x86"),
        (b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", b"K\x00K\x00\x86"),
        (b"K\x02K\x04\x86", b"K\x01\x85"),
        (b"J\xff\xff\xff\xff\x85", b"K\x01\x85"),
        (b"K\x09\x85", b"K\x00\x85"),
    ] {
        let told = told(&saved(&dict_of(&tensor(sizes, strides))));
        assert!(told.contains("reach beyond") || told.contains("a size of"), "{told}");
    }
}

#[test]
fn damaged_archives_are_refused() {
    let pickle = dict_of(&tensor(b"K\x08\x85", b"K\x01\x85"));
    let whole = saved(&pickle);
    for length in (4..whole.len()).step_by(7) {
        told(&whole[..length]);
    }
    assert!(told(&zip(&[("a/other", b"x")])).contains("no `data.pkl`"));
    assert!(told(&zip(&[("a/data.pkl", &pickle)])).contains("is missing"));
    assert!(told(&zip(&[("a/data.pkl", &pickle), ("a/data/0", &[0; 31])])).contains("31 bytes"));
    assert!(
        told(&zip(&[("a/data.pkl", &pickle), ("a/data/0", &[0; 32]), ("a/byteorder", b"big")]))
            .contains("big endian")
    );
    let nan = [&f32::NAN.to_le_bytes()[..], &[0; 28]].concat();
    assert!(told(&zip(&[("a/data.pkl", &pickle), ("a/data/0", &nan)])).contains("NaN"));
    assert!(told(b"\x80\x02}q\x00.").contains("before PyTorch 1.6"));
    let mut compressed = whole;
    let place = compressed.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    compressed[place + 10] = 8;
    assert!(told(&compressed).contains("compressed"));
}
