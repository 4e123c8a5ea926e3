//! The resolved specification of a run: every default written out, and the hash that names it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The field of the training section that holds its length.
const LENGTH: &str = "length";

/// Everything that determines the numbers of a run. The same specification is the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpecification {
    /// Seed of every random stream of the run.
    pub seed: u64,
    /// Accuracy class of the arithmetic, e.g. `f32`.
    pub precision: String,
    /// Kind of device, e.g. `cpu`; not which one.
    pub device_kind: String,
    /// Hash of the content of the data set.
    pub dataset_hash: String,
    /// Revision of each part whose values the run depends on; raised whenever these values change.
    pub numerics: BTreeMap<String, u32>,
    /// The data section, resolved.
    pub data: toml::Table,
    /// The network section, resolved.
    pub net: toml::Table,
    /// The training section, resolved.
    pub train: toml::Table,
}

impl RunSpecification {
    /// Hash over the whole specification: 64 lower-case hexadecimal digits (BLAKE3 of the canonical JSON).
    pub fn hash(&self) -> String {
        // Serialising tables, strings and numbers into a JSON value cannot fail: there are no maps with non-string keys.
        let value = serde_json::to_value(self).unwrap_or_default();
        blake3::hash(canonical_json(&value).as_bytes()).to_hex().to_string()
    }

    /// [`Self::hash`] without the length of the training: equal for runs that differ in nothing else.
    pub fn hash_without_length(&self) -> String {
        let mut specification = self.clone();
        specification.train.remove(LENGTH);
        specification.hash()
    }

    /// The first eight digits of [`hash`](Self::hash), which run directories carry in their names.
    pub fn short_hash(&self) -> String {
        self.hash()[..8].to_string()
    }
}

/// Writes a JSON value with sorted keys and no spaces: equal values give equal text.
///
/// ```
/// let value = serde_json::json!({ "b": [1, 2.5], "a": null });
/// assert_eq!(allconv_record::canonical_json(&value), r#"{"a":null,"b":[1,2.5]}"#);
/// ```
pub fn canonical_json(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let fields: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), canonical_json(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(values) => {
            let parts: Vec<String> = values.iter().map(canonical_json).collect();
            format!("[{}]", parts.join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> RunSpecification {
        RunSpecification {
            seed: 3,
            precision: "f32".into(),
            device_kind: "cpu".into(),
            dataset_hash: "abc".into(),
            numerics: BTreeMap::from([("loop".to_string(), 1)]),
            data: toml::toml! { dataset = "synthetic" },
            net: toml::toml! { width = 0.25 },
            train: toml::toml! { epochs = 2 },
        }
    }

    #[test]
    fn every_part_of_the_specification_changes_the_hash() {
        let original = example();
        let mut variants = vec![original.clone(); 8];
        variants[0].seed = 4;
        variants[1].precision = "exact".into();
        variants[2].device_kind = "cuda".into();
        variants[3].dataset_hash = "abd".into();
        variants[4].numerics.insert("loop".into(), 2);
        variants[5].data = toml::toml! { dataset = "cifar10" };
        variants[6].net = toml::toml! { width = 0.5 };
        variants[7].train = toml::toml! { epochs = 3 };
        let mut hashes: Vec<String> = variants.iter().map(RunSpecification::hash).collect();
        hashes.push(original.hash());
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 9);
    }

    #[test]
    fn runs_that_differ_in_length_alone_have_one_hash_without_it() {
        let of_length = |epochs: i64, batch: i64| {
            let train = toml::toml! { length = { epochs = epochs }
            batch = batch };
            RunSpecification { train, ..example() }.hash_without_length()
        };
        assert_eq!(of_length(2, 8), of_length(6, 8));
        assert_ne!(of_length(2, 8), of_length(2, 9));
    }

    #[test]
    fn the_hash_survives_a_round_trip_through_toml() {
        let original = example();
        let text = toml::to_string(&original).unwrap();
        let read: RunSpecification = toml::from_str(&text).unwrap();
        assert_eq!(read.hash(), original.hash());
    }
}
