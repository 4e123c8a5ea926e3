//! The steps of preprocessing by name, with their parameters.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::global_contrast::GlobalContrast;
use super::zca::Zca;
use crate::error::DataError;
use crate::registry::nearest;

/// One step. In a study it is a name (`"global_contrast"`) or a table with parameters (`{ global_contrast = { scale = 1.0 } }`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preprocess {
    /// Per-channel mean 0 and deviation 1 over the training split.
    Standardize,
    /// Mean 0 and a fixed norm for every image.
    GlobalContrast(GlobalContrast),
    /// Decorrelation of all pixels.
    Zca(Zca),
}

/// The table form; a step may also be written as a bare name.
#[derive(DeriveDeserialize)]
#[serde(rename_all = "snake_case", rename = "Preprocess")]
enum Table {
    Standardize {},
    GlobalContrast(GlobalContrast),
    Zca(Zca),
}

impl Preprocess {
    /// Returns every step with its default parameters.
    pub fn all() -> [Preprocess; 3] {
        [
            Preprocess::Standardize,
            Preprocess::GlobalContrast(GlobalContrast::default()),
            Preprocess::Zca(Zca::default()),
        ]
    }

    /// Returns the name in studies and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Preprocess::Standardize => "standardize",
            Preprocess::GlobalContrast(_) => "global_contrast",
            Preprocess::Zca(_) => "zca",
        }
    }

    /// Refuses parameters that would make every image useless.
    pub fn check(&self) -> Result<(), DataError> {
        let (field, value, possible, limit) = match self {
            Preprocess::Standardize => return Ok(()),
            Preprocess::GlobalContrast(GlobalContrast { scale, min_divisor })
                if *scale > 0.0 && scale.is_finite() =>
            {
                (
                    "preprocess.global_contrast.min_divisor",
                    *min_divisor,
                    *min_divisor >= 0.0 && min_divisor.is_finite(),
                    "a finite number from 0 is needed",
                )
            }
            Preprocess::GlobalContrast(GlobalContrast { scale, .. }) => {
                ("preprocess.global_contrast.scale", *scale, false, "a finite number above 0 is needed")
            }
            Preprocess::Zca(Zca { bias }) => (
                "preprocess.zca.bias",
                *bias,
                *bias >= 0.0 && bias.is_finite(),
                "a finite number from 0 is needed",
            ),
        };
        if possible {
            return Ok(());
        }
        Err(DataError::BadOption {
            field,
            value: value.to_string(),
            limit: limit.to_string(),
            fix: "leave it out for the usual value".to_string(),
        })
    }

    /// Finds a step with its default parameters.
    pub fn from_name(name: &str) -> Result<Preprocess, DataError> {
        Preprocess::all().into_iter().find(|step| step.name() == name).ok_or_else(|| DataError::BadOption {
            field: "preprocess",
            value: format!("\"{name}\""),
            limit: "there is no such step".to_string(),
            fix: nearest(name, &Preprocess::all().map(|step| step.name())),
        })
    }
}

impl<'de> Deserialize<'de> for Preprocess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Preprocess, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = Preprocess;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                let names = Preprocess::all().map(|step| step.name()).join(", ");
                write!(formatter, "the name of a step ({names}) or a table of its parameters")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Preprocess, E> {
                Preprocess::from_name(name).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Preprocess, A::Error> {
                Ok(match Table::deserialize(MapAccessDeserializer::new(map))? {
                    Table::Standardize {} => Preprocess::Standardize,
                    Table::GlobalContrast(parameters) => Preprocess::GlobalContrast(parameters),
                    Table::Zca(parameters) => Preprocess::Zca(parameters),
                })
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_name_and_read_as_written() {
        for step in Preprocess::all() {
            assert_eq!(Preprocess::from_name(step.name()).expect("a known name"), step);
            let text = serde_json::to_string(&step).expect("plain values");
            assert_eq!(serde_json::from_str::<Preprocess>(&text).expect("what was written"), step, "{text}");
        }
    }

    #[test]
    fn parameters_may_be_given_and_unknown_ones_are_refused() {
        let step: Preprocess =
            serde_json::from_str(r#"{"global_contrast": {"scale": 1.0}}"#).expect("a table");
        assert_eq!(step, Preprocess::GlobalContrast(GlobalContrast { scale: 1.0, min_divisor: 1e-8 }));
        assert!(serde_json::from_str::<Preprocess>(r#"{"global_contrast": {"skale": 1.0}}"#).is_err());
        let message = serde_json::from_str::<Preprocess>("\"standardise\"").expect_err("unknown").to_string();
        assert!(message.contains("did you mean \"standardize\"?"), "{message}");
    }

    #[test]
    fn impossible_parameters_are_named() {
        for step in Preprocess::all() {
            step.check().expect("usual values");
        }
        for (step, name) in [
            (Preprocess::Zca(Zca { bias: -1.0 }), "zca.bias = -1"),
            (Preprocess::Zca(Zca { bias: f64::NAN }), "zca.bias = NaN"),
            (Preprocess::GlobalContrast(GlobalContrast { scale: 0.0, min_divisor: 0.0 }), "scale = 0"),
            (
                Preprocess::GlobalContrast(GlobalContrast { scale: 1.0, min_divisor: -1.0 }),
                "min_divisor = -1",
            ),
        ] {
            let message = step.check().expect_err(name).to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
