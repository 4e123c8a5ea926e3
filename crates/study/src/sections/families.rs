//! The families of tests of a page, and the chance of a false statement over each of them.

use allconv_document::number::chance;
use serde::Serialize;

use crate::file::Correction;
use crate::results::StudyResults;
use crate::text::counted;

/// Families of tests of one kind. The tests of a family are corrected together.
#[derive(Serialize)]
pub(crate) struct Families {
    /// The subject of the tests, in the plural.
    pub(crate) name: &'static str,
    /// Families of this kind.
    pub(crate) families: usize,
    /// Tests in all of them.
    pub(crate) tests: usize,
}

/// The exploratory families of a page, in its order; the claims are not among them.
pub(crate) fn exploratory(results: &StudyResults) -> Vec<Families> {
    let study = &results.study;
    let comparisons = results.comparisons.len();
    let has_margin = study.compare.equivalence_margin.is_some();
    let main = results.factorial.as_ref().map_or(0, |factorial| factorial.main.len());
    let interactions = results.factorial.as_ref().map_or(0, |factorial| factorial.interactions.len());
    let within_margin = |count: usize| if has_margin { count } else { 0 };
    let classes = || results.classes.iter().map(|class| class.differences.iter().flatten().count());
    let one = |name: &'static str, tests: usize| Families { name, families: 1, tests };
    let all = [
        one("differences from the baseline", comparisons),
        one("equivalences with it", within_margin(comparisons)),
        one("main effects of factors", main),
        one("equivalences of levels", within_margin(main)),
        one("interactions of factors", interactions),
        one("slopes along a numeric factor", results.trend.as_ref().map_or(0, |trend| trend.rows.len())),
        one("planned other metrics", study.secondary.len() * comparisons),
        Families {
            name: "differences by class",
            families: classes().filter(|tests| *tests > 0).count(),
            tests: classes().sum(),
        },
        one("all pairs of arms", if results.arms.len() > 2 { results.pairs.len() } else { 0 }),
    ];
    let has_verdicts = results.statistics.verdict_possible;
    all.into_iter().filter(|family| has_verdicts && family.tests > 0).collect()
}

/// How many families there are, which of them is confirmatory, and what that means for the chance of a false statement. Empty where the page
/// tests nothing.
pub(crate) fn sentence(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let exploratory = exploratory(results);
    let claims = results.claims.len();
    let beside: usize = exploratory.iter().map(|kind| kind.families).sum();
    let count = beside + usize::from(claims > 0);
    if count == 0 {
        return None;
    }
    let alpha = study.compare.alpha;
    let mut text = match claims {
        0 => "The study makes no claims, so that nothing here is confirmatory: findings need confirmation by another study.".to_owned(),
        1 => format!(
            "The one claim is the confirmatory family: the chance of a wrong verdict on it is at most α = {alpha}. Everything else is exploratory."
        ),
        _ => format!(
            "The {} are the one confirmatory family: the chance of any wrong verdict among them is at most α = {alpha}. Everything else is exploratory.",
            counted(claims, "claim")
        ),
    };
    let name = |kind: &Families| match kind.families {
        1 => format!("{} ({})", kind.name, kind.tests),
        families => format!("{} ({families} families of {} in all)", kind.name, kind.tests),
    };
    let names: Vec<String> = exploratory.iter().map(name).collect();
    if names.is_empty() {
        return Some(text);
    }
    text.push_str(&format!(" This page holds {}", families(beside)));
    if claims > 0 {
        text.push_str(if claims == 1 { " beside it" } else { " beside them" });
    }
    text.push_str(&format!(": {}. ", names.join(", ")));
    text.push_str(&match study.compare.correction {
        Correction::Holm => format!("Each keeps the chance of any false statement at α = {alpha} by itself, not together"),
        Correction::BenjaminiHochberg => format!(
            "Those of the primary metric keep the expected proportion of false statements at α = {alpha}, each by itself, not together"
        ),
        Correction::None => format!("The p of the primary metric are not corrected: each single one is false with a chance of α = {alpha}"),
    });
    if study.compare.equivalence_margin.is_some() && study.compare.correction == Correction::Holm {
        text.push_str(&format!(
            "; for differences and equivalences, which are two families, it is at most 2α = {}",
            2.0 * alpha
        ));
    }
    text.push_str(&format!(
        ". Over all {} the chance of something false is larger than that, at most {}.",
        families(count),
        chance((count as f64 * alpha).min(1.0))
    ));
    if study.compare.correction != Correction::Holm {
        // The sum of levels does not bound other corrections.
        text.truncate(text.rfind(" Over all ").unwrap_or(text.len()));
    }
    Some(text)
}

fn families(count: usize) -> String {
    if count == 1 { "1 family of tests".to_owned() } else { format!("{count} families of tests") }
}
