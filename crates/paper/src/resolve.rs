//! Keys → values: finds the study and the subject of a key.

use crate::key::{Key, Subject, suggestion};
use crate::library::{Library, Study};
use crate::resolve_arm::{arm_value, metric_value, pair_value};
use crate::resolve_study::{claim_value, contrast_value, paper_value, study_value, trend_value};
use crate::value::Value;

/// Computes the value of a key.
///
/// # Errors
/// A sentence with the nearest name when the key names something that does not exist.
pub(crate) fn resolve(library: &Library, text: &str) -> Result<Value, String> {
    let key = Key::parse(text)?;
    if key.subject == Subject::Paper {
        return paper_value(library, &key.quantity);
    }
    let study = find_study(library, &key.study)?;
    match &key.subject {
        Subject::Paper | Subject::Study => study_value(study, &key.quantity),
        Subject::Arm(arm) => arm_value(study, find_arm(study, arm)?, &key.quantity),
        Subject::Metric { arm, metric } => {
            metric_value(study, find_arm(study, arm)?, (metric, &key.quantity))
        }
        Subject::Pair { arm, other } => {
            pair_value(study, (find_arm(study, arm)?, find_arm(study, other)?), &key.quantity)
        }
        Subject::Claim(claim) => claim_value(study, claim, &key.quantity),
        Subject::Contrast { claim, number } => contrast_value(study, (claim, *number), &key.quantity),
        Subject::Trend(name) => trend_value(study, name, &key.quantity),
    }
}

/// The study of a name.
///
/// # Errors
/// A sentence with the nearest name.
pub(crate) fn find_study<'a>(library: &'a Library, name: &str) -> Result<&'a Study, String> {
    library.studies.get(name).ok_or_else(|| {
        let names = library.studies.keys().map(String::as_str);
        format!("paper.toml names no study `{name}`{}", suggestion(name, names))
    })
}

fn find_arm(study: &Study, name: &str) -> Result<usize, String> {
    study.arm(name).ok_or_else(|| {
        let arms = study.file.arms.iter().map(|arm| arm.name.as_str());
        format!("study `{}` has no arm `{name}`{}", study.name(), suggestion(name, arms))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macros::Macro;
    use crate::resolve_arm::{COMPARED, METRIC, OWN, PAIR};
    use crate::resolve_study::{CLAIM, CONTRAST, PAPER, STUDY, TREND};
    use crate::testing::small_paper;

    #[test]
    fn keys_give_values_with_the_runs_they_rest_on() {
        let paper = small_paper();
        let library = paper.library();
        let of = |key: &str| resolve(&library, key).unwrap();
        assert_eq!(of("small/max_pool.mean").text.unwrap(), "20.00\\,\\%");
        assert_eq!(of("small/max_pool.mean").of, ["small/max_pool"]);
        assert_eq!(of("small/all_conv.difference").text.unwrap(), "$+3.00$\\,pp");
        assert_eq!(of("small/all_conv.difference").of, ["small/all_conv", "small/max_pool"]);
        assert_eq!(of("small/all_conv.verdict").text.unwrap(), "shown worse");
        assert_eq!(of("small/all_conv.verdict").of, ["small"]);
        assert_eq!(of("small/max_pool:all_conv.difference").text.unwrap(), "$-3.00$\\,pp");
        assert_eq!(of("small/all_conv:max_pool.difference").text.unwrap(), "$+3.00$\\,pp");
        assert_eq!(of("small/all_conv.parameters").text.unwrap(), "1,000");
        assert_eq!(of("small/claims/costs.verdict").text.unwrap(), "holds here");
        assert_eq!(of("small/claims/costs/1.difference").text.unwrap(), "$+3.00$\\,pp");
        assert_eq!(of("small.seeds").text.unwrap(), "6");
        assert_eq!(of("small/all_conv@loss.mean").text.unwrap(), "1.5000\\,nats");
        assert_eq!(of("paper.runs_made").text.unwrap(), "18");
    }

    #[test]
    fn the_page_about_papers_lists_every_quantity_and_command() {
        let page = include_str!("../../../docs/paper.md");
        let arm: Vec<&str> = OWN.iter().chain(&COMPARED).copied().collect();
        let rows: [(&str, &[&str]); 8] = [
            ("paper.Q", &PAPER),
            ("STUDY.Q", &STUDY),
            ("STUDY/ARM.Q", &arm),
            ("STUDY/ARM@METRIC.Q", &METRIC),
            ("STUDY/ARM:OTHER.Q", &PAIR),
            ("STUDY/claims/CLAIM.Q", &CLAIM),
            ("STUDY/claims/CLAIM/N.Q", &CONTRAST),
            ("STUDY/trends/NAME.Q", &TREND),
        ];
        for (key, quantities) in rows {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
            let listed: Vec<&str> = row.expect(key).split('`').skip(3).step_by(2).collect();
            assert_eq!(listed, quantities, "{key}");
        }
        for command in Macro::ALL {
            assert!(page.contains(&format!("`\\{}{{", command.name())), "{}", command.name());
        }
    }

    #[test]
    fn unknown_names_come_with_the_nearest_one() {
        let paper = small_paper();
        let library = paper.library();
        let wrong = |key: &str| resolve(&library, key).unwrap_err();
        assert!(wrong("smal.runs").contains("did you mean `small`"));
        assert!(wrong("small/max_pol.mean").contains("did you mean `max_pool`"));
        assert!(wrong("small/max_pool.mena").contains("did you mean `mean`"));
        assert!(wrong("small/max_pool@los.mean").contains("did you mean `loss`"));
        assert!(wrong("small/claims/cost.verdict").contains("did you mean `costs`"));
        assert!(wrong("small/claims/costs/2.n").contains("1 contrast"));
        assert!(wrong("small/max_pool.difference").contains("baseline"));
        assert!(wrong("small/trends/all_conv.slope").contains("length"));
        assert!(wrong("paper.rnus").contains("did you mean `runs`"));
        assert!(wrong("small.sedes").contains("did you mean `seeds`"));
    }
}
