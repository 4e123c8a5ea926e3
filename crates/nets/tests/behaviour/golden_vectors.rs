//! The golden vectors of the operators, which `peers/torch/operators_golden.py` writes from implementations of others.

use safetensors::SafeTensors;
use serde_json::Value;
use std::path::Path;

/// `torch.testing.assert_close` for f32.
const RELATIVE: f64 = 1.3e-6;
const ABSOLUTE: f64 = 1e-5;

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/operators").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns `formula.uniform` of the peers: element i a hash of (name, i), in [−1, 1).
pub(crate) fn uniform(name: &str, count: usize) -> Vec<f64> {
    let seed =
        name.bytes().fold(0x811c_9dc5_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let value = |index: u32| {
        let mut hash = seed.wrapping_add(index.wrapping_mul(2_654_435_761));
        hash = (hash ^ (hash >> 15)).wrapping_mul(2_246_822_519);
        hash ^= hash >> 13;
        f64::from(hash >> 8) / 8_388_608.0 - 1.0
    };
    (0..count as u32).map(value).collect()
}

pub(crate) fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect()
}

/// Checks `found` against the stored tensor `name`.
pub(crate) fn assert_agrees(stored: &SafeTensors<'_>, name: &str, found: &[f32], exact: bool) {
    let expected = stored.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected: Vec<f32> =
        expected.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(&expected) {
        let (found, expected) = (f64::from(*found), f64::from(*expected));
        let allowed = if exact { 0.0 } else { ABSOLUTE + RELATIVE * expected.abs() };
        assert!((found - expected).abs() <= allowed, "{name}: {found}, expected {expected}");
    }
}

/// Calls `check` on every case of the operators that `key` names, more than `least`, and reports together which of them panicked.
///
/// `ALLCONV_GOLDEN_CASES` names some of them instead, with spaces between: where a driver ends the whole process, each can have a process
/// of its own.
pub(crate) fn check_all(key: &str, least: usize, check: fn(&Value, &SafeTensors<'_>)) {
    let (index, bytes) = (fixture("golden.json"), fixture("golden.safetensors"));
    let index: Value = serde_json::from_slice(&index).unwrap();
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    let mut cases: Vec<&Value> =
        index["cases"].as_array().unwrap().iter().filter(|case| case.get(key).is_some()).collect();
    assert!(cases.len() > least, "{} cases", cases.len());
    if let Ok(only) = std::env::var("ALLCONV_GOLDEN_CASES") {
        let only: Vec<&str> = only.split(' ').collect();
        cases.retain(|case| only.iter().any(|id| case["id"] == *id));
        assert_eq!(
            cases.len(),
            only.len(),
            "cases under `{key}` of those that ALLCONV_GOLDEN_CASES names: {only:?}"
        );
    }
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(panic) = std::panic::catch_unwind(|| check(case, &stored)) {
            let reason = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            failures.push(format!("{} ({}): {reason}", case["id"], case[key]));
        }
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}
