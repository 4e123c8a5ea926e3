//! The parsed study file.

use allconv_record::{Request, ResolveError};

use super::arms::Arm;
use super::claims::Claim;
use super::document::{Document, StudyFileError};
use super::factors::Factor;
use super::matching::{self, CostQuantity};
use super::node::Node;
use super::reference::Reference;
use super::search::Search;
use super::sections::Sections;
use super::sequential::Sequential;
use super::settings::{Baseline, Comparison, Primary, Seeds};

/// A study file that passed the checks of this crate; the resolver checks its sections.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyFile {
    /// Name of the study: the file's name without `.toml`.
    pub name: String,
    /// The study's question.
    pub question: String,
    /// A caveat for readers; shown in every report.
    pub caveat: Option<String>,
    /// Disclosed departures from the plan, as sentences; shown in every report.
    pub disclosures: Vec<String>,
    /// The primary metric.
    pub primary: Primary,
    /// The comparison.
    pub compare: Comparison,
    /// The seeds of every arm.
    pub seeds: Seeds,
    /// The arms in the order of the file; in a factorial study, the first factor varies fastest.
    pub arms: Vec<Arm>,
    /// The factors whose levels were crossed into the arms; empty when the file lists arms.
    pub factors: Vec<Factor>,
    /// Further metrics whose comparisons are tested, as a family of their own.
    pub secondary: Vec<String>,
    /// The claims that the study tests, in the order of the file.
    pub claims: Vec<Claim>,
    /// The search for a learning rate per arm, if there is one.
    pub search: Option<Search>,
    /// Looks at the results before all seeds are done, if there are any.
    pub sequential: Option<Sequential>,
    /// Reference values from other sources, if there are any.
    pub reference: Option<Reference>,
    pub(super) base: Sections,
    pub(super) document: Document,
    pub(super) root: Node,
}

impl StudyFile {
    /// The file as it was read, for embedding in reports.
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// The file's name as errors show it.
    pub fn file(&self) -> &str {
        &self.document.name
    }

    /// SHA-256 of the file's text, 64 hexadecimal digits: which runs record.
    pub fn sha256(&self) -> String {
        allconv_files::sha256(self.text().as_bytes())
    }

    /// Number of folds that the seeds select, seed `s` testing on fold `s mod folds`; `None` where the arms do not all name the same
    /// number, or name the fold themselves.
    pub fn folds(&self) -> Option<usize> {
        let of_arm = |arm: &Arm| -> Option<usize> {
            let data = arm.sections.over(&self.base, 0);
            let fold = data.get("fold")?.as_table()?;
            let of = fold.get("of")?.as_integer().filter(|_| !fold.contains_key("index"))?;
            usize::try_from(of).ok().filter(|folds| *folds >= 2)
        };
        let first = of_arm(self.arms.first()?)?;
        self.arms.iter().all(|arm| of_arm(arm) == Some(first)).then_some(first)
    }

    /// Examples held out for validation, as the first arm writes it; 0 where it does not.
    pub(crate) fn held_out(&self) -> u64 {
        let Some(arm) = self.arms.first() else { return 0 };
        let written = arm.sections.over(&self.base, 0).get("validation").and_then(toml::Value::as_integer);
        written.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    }

    /// Position of the arm with which this one is compared; `None` for a baseline itself.
    ///
    /// With a baseline level, that is the arm with the same levels of all other factors.
    pub fn baseline_of(&self, arm_index: usize) -> Option<usize> {
        let position = match &self.compare.baseline {
            Baseline::Arm(name) => self.arms.iter().position(|arm| arm.name == *name),
            Baseline::Level { factor_index, level_index, .. } => {
                let mut levels = self.arms[arm_index].levels.clone();
                levels[*factor_index] = *level_index;
                self.arms.iter().position(|arm| arm.levels == levels)
            }
        };
        position.filter(|baseline| *baseline != arm_index)
    }

    /// Comparisons with a baseline: one per arm that is not a baseline.
    pub fn comparison_count(&self) -> usize {
        (0..self.arms.len()).filter(|arm| self.baseline_of(*arm).is_some()).count()
    }

    /// The cost that an arm has in common with its baseline, and the baseline's position; `None` where its width is as written.
    pub fn matched(&self, arm_index: usize) -> Option<(CostQuantity, usize)> {
        let quantity = self.arms[arm_index].matched.as_ref()?.quantity;
        self.baseline_of(arm_index).map(|baseline| (quantity, baseline))
    }

    /// Returns the request of one run: the base's sections with the arm's keys in place of the base's, and for a matched arm the
    /// cost it is to have.
    pub fn request(&self, arm: &Arm, seed: u64) -> Request {
        let mut net = self.net(arm);
        if let Some((matched, baseline)) = arm.matched.as_ref().zip(self.baseline_arm(arm)) {
            net.insert(matching::REQUEST_KEY.into(), matched.request(self.net(baseline)));
        }
        Request { seed, data: arm.sections.over(&self.base, 0), net, train: arm.sections.over(&self.base, 2) }
    }

    /// The net section of an arm as the file has it.
    pub(super) fn net(&self, arm: &Arm) -> toml::Table {
        arm.sections.over(&self.base, 1)
    }

    fn baseline_arm(&self, arm: &Arm) -> Option<&Arm> {
        let position = self.arms.iter().position(|other| other.name == arm.name)?;
        self.baseline_of(position).map(|baseline| &self.arms[baseline])
    }

    /// Puts a resolver's error at the line and column of the key it is about.
    pub fn locate(&self, arm: &Arm, error: &ResolveError) -> StudyFileError {
        if let Some(matched) = &arm.matched {
            // A matched arm's request repeats its baseline's net section.
            if let (Some(path), Some(baseline)) =
                (matching::path_in_baseline(&error.path), self.baseline_arm(arm))
            {
                return self.locate(baseline, &ResolveError { path, ..error.clone() });
            }
            if matching::is_about_cost(&error.path) {
                let message = format!("arm `{}`: {}", arm.name, error.message);
                return self.document.error(&matched.node.value, message);
            }
        }
        let mut located = arm.sections.locate(&self.base, &self.document, error);
        located.message = format!("arm `{}`: {}", arm.name, located.message);
        located
    }

    /// Whether `compare.KEY` is written in the file.
    pub(crate) fn compare_has(&self, key: &str) -> bool {
        self.root.child("compare").is_some_and(|compare| compare.child(key).is_some())
    }

    /// An error about the value at the end of a path of keys and positions, or about the deepest part of it that is written.
    pub(crate) fn error_at<K: AsRef<str>>(&self, path: &[K], message: String) -> StudyFileError {
        let mut node = &self.root;
        for (depth, key) in path.iter().enumerate() {
            match node.child(key.as_ref()) {
                Some(child) => node = child,
                None if depth == 0 => return self.document.error(&(0..0), message),
                None => return self.document.error(&node.key, message),
            }
        }
        let is_table = node.entries().is_some();
        self.document.error(if is_table { &node.key } else { &node.value }, message)
    }
}
