//! The sets that are tested on, where they are others than the one that is trained on.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Registry names of sets to test on: `"set5"`, or `["set5", "bsd100"]`. The first is the test split; of each further one, every metric is recorded under its
/// name with the set's behind it, as in `psnr_y_bsd100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSets {
    first: String,
    further: Vec<String>,
}

impl TestSets {
    /// The sets with these names.
    ///
    /// # Errors
    /// What is wrong with the list: it is empty, or names a set twice.
    pub fn new(names: Vec<String>) -> Result<TestSets, String> {
        if let Some(twice) = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
            return Err(format!("test_dataset names {:?} twice", twice.1));
        }
        let mut names = names.into_iter();
        let first = names.next().ok_or("test_dataset names no data set; leave it out, or name one")?;
        Ok(TestSets { first, further: names.collect() })
    }

    /// The set that the test split is taken from.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// The sets that are evaluated in addition.
    pub fn further(&self) -> &[String] {
        &self.further
    }
}

impl Serialize for TestSets {
    /// One name stays a string, as it was before there were lists, so that the hashes of runs last.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.further.as_slice() {
            [] => serializer.serialize_str(&self.first),
            further => serializer.collect_seq(std::iter::once(&self.first).chain(further)),
        }
    }
}

impl<'de> Deserialize<'de> for TestSets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TestSets, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

impl JsonSchema for TestSets {
    fn schema_name() -> Cow<'static, str> {
        "TestSets".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true },
            ]
        })
    }
}

/// Reads a string or an array of strings.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = TestSets;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the name of a data set, or an array of names")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<TestSets, E> {
        TestSets::new(vec![name.to_string()]).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<TestSets, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = sequence.next_element()? {
            names.push(name);
        }
        TestSets::new(names).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        sets: TestSets,
    }

    #[test]
    fn one_name_is_a_string_and_several_are_an_array_both_ways() {
        for text in ["sets = \"set5\"\n", "sets = [\"set5\", \"bsd100\"]\n"] {
            let table: Table = toml::from_str(text).unwrap();
            assert_eq!(table.sets.first(), "set5");
            assert_eq!(toml::to_string(&table).unwrap(), text);
        }
    }

    #[test]
    fn an_empty_list_a_repetition_and_a_number_are_refused() {
        let error = |text: &str| toml::from_str::<Table>(text).unwrap_err().to_string();
        assert!(error("sets = []").contains("names no data set"));
        assert!(error("sets = ['a', 'b', 'a']").contains("names \"a\" twice"));
        assert!(error("sets = 5").contains("an array of names"));
    }
}
