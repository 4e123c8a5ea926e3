//! Keys: what a number in the text of a paper is.
//!
//! ```text
//! paper.QUANTITY                          all studies together
//! STUDY.QUANTITY                          a study
//! STUDY/ARM.QUANTITY                      an arm: its primary metric, its cost, its difference to its baseline
//! STUDY/ARM@METRIC.QUANTITY               the same for another metric
//! STUDY/ARM:OTHER.QUANTITY                one arm minus another
//! STUDY/claims/CLAIM.QUANTITY             a claim
//! STUDY/claims/CLAIM/N.QUANTITY           its contrast number N, from 1
//! STUDY/trends/NAME.QUANTITY              an arm along the length of training, without the level of the length in its name
//! ```
//!
//! Which quantities each has stands in `resolve_arm` and `resolve_study`.

/// What a key is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// All studies together.
    Paper,
    /// A study.
    Study,
    /// An arm.
    Arm(String),
    /// Another metric of an arm.
    Metric {
        /// The arm.
        arm: String,
        /// The metric.
        metric: String,
    },
    /// One arm minus another.
    Pair {
        /// The arm.
        arm: String,
        /// The other arm.
        other: String,
    },
    /// A claim.
    Claim(String),
    /// A contrast of a claim.
    Contrast {
        /// The claim.
        claim: String,
        /// Number of the contrast, from 1.
        number: usize,
    },
    /// A line along the length of training.
    Trend(String),
}

/// A key in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The study; empty for all together.
    pub(crate) study: String,
    /// What of it.
    pub(crate) subject: Subject,
    /// Which quantity.
    pub(crate) quantity: String,
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    /// A sentence when it is not of a form above.
    pub(crate) fn parse(text: &str) -> Result<Key, String> {
        let wrong = || {
            format!(
                "`{text}` is no key; keys are STUDY.QUANTITY, STUDY/ARM.QUANTITY, STUDY/ARM@METRIC.QUANTITY, STUDY/ARM:OTHER.QUANTITY, \
                 STUDY/claims/CLAIM.QUANTITY, STUDY/claims/CLAIM/N.QUANTITY, STUDY/trends/NAME.QUANTITY and paper.QUANTITY"
            )
        };
        let (path, quantity) = text.rsplit_once('.').ok_or_else(wrong)?;
        let is_name = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        };
        let parts: Vec<&str> = path.split('/').collect();
        let subject = match parts[..] {
            ["paper"] => Subject::Paper,
            [_] => Subject::Study,
            [_, arm] => match (arm.split_once('@'), arm.split_once(':')) {
                (Some((arm, metric)), None) => Subject::Metric { arm: arm.into(), metric: metric.into() },
                (None, Some((arm, other))) => Subject::Pair { arm: arm.into(), other: other.into() },
                (None, None) => Subject::Arm(arm.into()),
                _ => return Err(wrong()),
            },
            [_, "claims", claim] => Subject::Claim(claim.into()),
            [_, "claims", claim, number] => {
                let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
                Subject::Contrast { claim: claim.into(), number }
            }
            [_, "trends", name] => Subject::Trend(name.into()),
            _ => return Err(wrong()),
        };
        let names: Vec<&str> =
            parts.iter().flat_map(|part| part.split(['@', ':'])).chain([quantity]).collect();
        if !names.into_iter().all(is_name) {
            return Err(wrong());
        }
        let study = if subject == Subject::Paper { String::new() } else { parts[0].to_owned() };
        Ok(Key { study, subject, quantity: quantity.to_owned() })
    }
}

/// The name among those that exist which is most like an unknown one, as the end of a sentence; all of them where none is like it.
pub(crate) fn suggestion<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known.iter().map(|name| (strsim::osa_distance(unknown, name), *name)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + unknown.chars().count() / 3 => {
            format!("; did you mean `{name}`?")
        }
        Some(_) if known.len() <= 40 => format!("; there are {}", known.join(", ")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_key_is_read_and_nothing_else() {
        let subject = |text: &str| Key::parse(text).map(|key| key.subject);
        assert_eq!(subject("paper.runs"), Ok(Subject::Paper));
        assert_eq!(subject("a-b.runs"), Ok(Subject::Study));
        assert_eq!(subject("s/max_pool.mean"), Ok(Subject::Arm("max_pool".into())));
        assert_eq!(subject("s/a@loss.mean"), Ok(Subject::Metric { arm: "a".into(), metric: "loss".into() }));
        assert_eq!(subject("s/a:b.difference"), Ok(Subject::Pair { arm: "a".into(), other: "b".into() }));
        assert_eq!(subject("s/claims/c.verdict"), Ok(Subject::Claim("c".into())));
        assert_eq!(subject("s/claims/c/2.n"), Ok(Subject::Contrast { claim: "c".into(), number: 2 }));
        assert_eq!(subject("s/trends/a.slope"), Ok(Subject::Trend("a".into())));
        for wrong in [
            "",
            "s",
            "s/a",
            "s/.mean",
            "s/a.",
            "s/a b.mean",
            "s/claims/c/0.n",
            "s/x/y.z",
            "s/a@.mean",
            "s/a@b:c.n",
        ] {
            assert!(Key::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(suggestion("meen", ["mean", "n"]), "; did you mean `mean`?");
        assert_eq!(suggestion("xyz", ["alpha", "n"]), "; there are alpha, n");
    }
}
