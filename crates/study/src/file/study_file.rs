//! What a study file says, typed.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use allconv_record::{Request, ResolveError};

use crate::error::StudyError;

use super::arms::{Arm, read_arms};
use super::claims::{Claim, Setting, read_claims};
use super::disclosures::read_disclosures;
use super::document::{Document, StudyFileError};
use super::factors::{Factor, read_factors};
use super::fields::Fields;
use super::limits;
use super::matching::{self, CostQuantity, match_arms};
use super::node::Node;
use super::reference::{Reference, read_reference};
use super::search::{Search, read_search};
use super::secondary::read_secondary;
use super::sections::Sections;
use super::sequential::{Sequential, read_sequential};
use super::settings::{Baseline, Comparison, Primary, Seeds, read_comparison, read_primary, read_seeds};

const KEYS: [&str; 14] = [
    "question",
    "caveat",
    "disclosures",
    "primary",
    "compare",
    "seeds",
    "secondary",
    "claims",
    "search",
    "sequential",
    "reference",
    "base",
    "arms",
    "factors",
];

/// A study file that is right as far as this crate can tell; its sections are judged by the resolver.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyFile {
    /// Name of the study: the file's name without `.toml`.
    pub name: String,
    /// What the study asks.
    pub question: String,
    /// What a reader must know before believing the numbers; shown in every report.
    pub caveat: Option<String>,
    /// Departures from the plan that somebody owns up to, as sentences; shown in every report.
    pub disclosures: Vec<String>,
    /// The metric that claims are about.
    pub primary: Primary,
    /// What is compared, and how.
    pub compare: Comparison,
    /// The seeds of every arm.
    pub seeds: Seeds,
    /// The arms in the order of the file; in a factorial study, the first factor varies fastest.
    pub arms: Vec<Arm>,
    /// The factors whose levels were crossed into the arms; empty when the file lists arms.
    pub factors: Vec<Factor>,
    /// Metrics beside the primary one whose comparisons are claims too, as a family of their own.
    pub secondary: Vec<String>,
    /// What somebody said beforehand and the study tests, in the order of the file.
    pub claims: Vec<Claim>,
    /// The search for a learning rate per arm, if there is one.
    pub search: Option<Search>,
    /// Looks at the results before all seeds are done, if there are any.
    pub sequential: Option<Sequential>,
    /// Values from elsewhere to set beside the results, if there are any.
    pub reference: Option<Reference>,
    base: Sections,
    document: Document,
    root: Node,
}

impl StudyFile {
    /// Reads a study file from disk.
    ///
    /// # Errors
    /// [`StudyError`], with line and column if the content is to blame.
    pub fn read(path: &Path) -> Result<StudyFile, StudyError> {
        let shown = path.display().to_string();
        let unreadable = |source| StudyError::Unreadable { path: shown.clone(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        // One byte more than is possible, whatever the file's size is said to be.
        let mut limited = file.take(limits::MOST_BYTES + 1);
        limited.read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limits::MOST_BYTES {
            let length = limited.into_inner().metadata().map_or(0, |metadata| metadata.len());
            let message = limits::too_large(length.max(bytes.len() as u64));
            return Err(Document { name: shown, text: String::new() }.error(&(0..0), message).into());
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[valid];
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let message =
                format!("the file is not UTF-8: here stands the byte 0x{byte:02x}; save it as UTF-8");
            Document { name: shown.clone(), text }.error(&(valid..valid), message)
        })?;
        Ok(StudyFile::parse(&shown, text)?)
    }

    /// Parses the text of a study file; `file` is how errors name it, and its stem names the study.
    ///
    /// # Errors
    /// [`StudyFileError`] with line and column.
    pub fn parse(file: &str, text: String) -> Result<StudyFile, StudyFileError> {
        let document = Document { name: file.to_string(), text };
        let bytes = document.text.len() as u64;
        if bytes > limits::MOST_BYTES {
            let empty = Document { name: file.to_string(), text: String::new() };
            return Err(empty.error(&(0..0), limits::too_large(bytes)));
        }
        let root = Node::parse(&document)?;
        let fields = Fields::of(&document, &root, "", &KEYS)?;
        let question = fields.prose("question", fields.required("question")?)?;
        let caveat = fields.optional("caveat").map(|node| fields.prose("caveat", node)).transpose()?;
        let disclosures = match fields.optional("disclosures") {
            Some(node) => read_disclosures(&document, &fields, node)?,
            None => Vec::new(),
        };
        let primary = read_primary(&document, fields.required("primary")?)?;
        let seeds_node = fields.required("seeds")?;
        let seeds = read_seeds(&document, seeds_node)?;
        let base = match fields.optional("base") {
            Some(node) => Sections::read(&document, node, "base")?,
            None => Sections::default(),
        };
        let (factors, arms) = match (fields.optional("arms"), fields.optional("factors")) {
            (Some(_), Some(factors)) => {
                let message = "a study lists `arms` or crosses `factors`, not both; remove one of them";
                return Err(document.error(&factors.key, message));
            }
            (None, Some(factors)) => read_factors(&document, factors)?,
            (_, None) => (Vec::new(), read_arms(&document, fields.required("arms")?)?),
        };
        let compare_node = fields.required("compare")?;
        let compare = read_comparison(&document, compare_node, &arms, &factors)?;
        let secondary = match fields.optional("secondary") {
            Some(node) => read_secondary(&document, &fields, node, &primary)?,
            None => Vec::new(),
        };
        let setting = Setting {
            document: &document,
            arms: &arms,
            factors: &factors,
            primary: &primary,
            compare: &compare,
        };
        let claims = match fields.optional("claims") {
            Some(node) => read_claims(setting, node)?,
            None => Vec::new(),
        };
        let search = fields.optional("search").map(|node| read_search(&document, node, seeds)).transpose()?;
        let sequential =
            fields.optional("sequential").map(|node| read_sequential(&document, node, seeds)).transpose()?;
        for key in ["claims", "secondary"] {
            if let (Some(node), true) = (fields.optional(key), sequential.is_some()) {
                let message = format!(
                    "`{key}` is judged once, over all seeds; a study with `sequential` may stop before: remove one of them"
                );
                return Err(document.error(&node.key, message));
            }
        }
        let reference =
            fields.optional("reference").map(|node| read_reference(&document, node, &arms)).transpose()?;
        let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !super::arms::is_name(&name) {
            let message = format!(
                "the file's name `{name}` names a folder: only letters, digits, `_` and `-` (not first)"
            );
            return Err(document.error(&(0..0), message));
        }
        let mut study = StudyFile {
            name,
            question,
            caveat,
            disclosures,
            primary,
            compare,
            seeds,
            arms,
            factors,
            secondary,
            claims,
            search,
            sequential,
            reference,
            base,
            root: root.clone(),
            document: document.clone(),
        };
        let arms_node = fields.optional("arms").or(fields.optional("factors")).unwrap_or(&root);
        study.refuse_too_many_runs()?;
        match_arms(&mut study, &document)?;
        study.refuse_equal_arms(&document, arms_node)?;
        study.refuse_unsearchable_arms(&document, fields.optional("search"))?;
        Ok(study)
    }

    /// The file as it was read, for embedding in reports.
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// The file's name as errors show it.
    pub fn file(&self) -> &str {
        &self.document.name
    }

    /// SHA-256 of the file's text, 64 hexadecimal digits: what runs record of the file that asked for them.
    pub fn sha256(&self) -> String {
        allconv_files::sha256(self.text().as_bytes())
    }

    /// Number of folds that the seeds walk through, seed `s` testing on fold `s mod folds`; `None` where the arms do not all name the same
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

    /// Comparisons with a baseline: one per arm that is none.
    pub fn comparison_count(&self) -> usize {
        (0..self.arms.len()).filter(|arm| self.baseline_of(*arm).is_some()).count()
    }

    /// The cost that an arm has in common with its baseline, and the baseline's position; `None` where its width is as written.
    pub fn matched(&self, arm_index: usize) -> Option<(CostQuantity, usize)> {
        let quantity = self.arms[arm_index].matched.as_ref()?.quantity;
        self.baseline_of(arm_index).map(|baseline| (quantity, baseline))
    }

    /// What the file asks of one run: the base's sections with the arm's keys in place of the base's, and for a matched arm the
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

    /// A search needs to be the one that sets the rate, and to know how long the runs are that it shortens.
    fn refuse_unsearchable_arms(
        &self,
        document: &Document,
        node: Option<&Node>,
    ) -> Result<(), StudyFileError> {
        let (Some(search), Some(node)) = (&self.search, node) else { return Ok(()) };
        for arm in &self.arms {
            let train = self.request(arm, self.seeds.from).train;
            if train.contains_key("learning_rate") {
                let message = format!(
                    "`search.lr` chooses the learning rate of every arm, but arm `{}` sets `train.learning_rate`; remove one of them",
                    arm.name
                );
                return Err(document.error(&node.key, message));
            }
            if search.shortens() && !train.contains_key("epochs") && !train.contains_key("presentations") {
                let message = format!(
                    "`search` shortens the training, so arm `{}` must say how long it is: `train.epochs` or `train.presentations`",
                    arm.name
                );
                return Err(document.error(&node.key, message));
            }
        }
        Ok(())
    }

    /// Every planned run is held in memory.
    fn refuse_too_many_runs(&self) -> Result<(), StudyFileError> {
        let arms = self.arms.len() as u64;
        let most = limits::MOST_RUNS;
        let runs = arms * u64::from(self.seeds.count);
        if runs > most {
            let message = format!(
                "`seeds.count` is {}: with {arms} arms the study has {runs} runs; at most {most} are possible",
                self.seeds.count
            );
            return Err(self.error_at(&["seeds", "count"], message));
        }
        let Some(search) = &self.search else { return Ok(()) };
        let searched = arms * search.lr.len() as u64 * u64::from(search.seeds.count);
        if searched > most {
            let message = format!(
                "`search` tries {} rates with {} seeds for {arms} arms, in {searched} runs; at most {most} are possible",
                search.lr.len(),
                search.seeds.count
            );
            return Err(self.error_at(&["search"], message));
        }
        Ok(())
    }

    /// Two arms with equal requests would be one set of runs under two names, and their comparison a sham.
    fn refuse_equal_arms(&self, document: &Document, node: &Node) -> Result<(), StudyFileError> {
        let mut seen: HashMap<String, &str> = HashMap::with_capacity(self.arms.len());
        for arm in &self.arms {
            let second = &arm.name;
            if let Some(first) = seen.insert(self.request(arm, self.seeds.from).hash(), second) {
                let message =
                    format!("arm `{second}` asks for exactly the runs of arm `{first}`; remove one of them");
                let span = node.child(second).map_or(&node.key, |child| &child.key);
                return Err(document.error(span, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Correction, TestKind};

    const TEXT: &str = r#"question = "Does a strided convolution replace max pooling without loss?"
primary  = { metric = "error", split = "test", better = "lower" }
compare  = { baseline = "max_pool", equivalence_margin = 0.005 }
seeds    = { from = 0, count = 9 }

[base.data]
dataset = "cifar10"
[base.net]
architecture = { springenberg = { base = "c", width = 0.25 } }
[base.train]
preset = "fast"

[arms.max_pool.net.downsample]
max_pool = { kernel = 3, stride = 2 }
[arms.all_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
[arms.all_conv.train]
epochs = 3
"#;

    fn parse(text: &str) -> Result<StudyFile, StudyFileError> {
        StudyFile::parse("studies/pilot.toml", text.to_string())
    }

    /// Replaces `from` by `to` in the good file and returns the error.
    fn error(from: &str, to: &str) -> StudyFileError {
        assert!(TEXT.contains(from), "{from} is not in the file");
        parse(&TEXT.replace(from, to)).unwrap_err()
    }

    #[test]
    fn a_good_file_is_read_in_full() {
        let study = parse(TEXT).unwrap();
        assert_eq!(study.name, "pilot");
        assert_eq!(
            study.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(),
            ["max_pool", "all_conv"]
        );
        assert_eq!(study.compare.test, TestKind::PairedT);
        assert_eq!(study.compare.correction, Correction::Holm);
        assert_eq!(study.compare.alpha, 0.05);
        assert_eq!(study.compare.equivalence_margin, Some(0.005));
        assert_eq!(study.seeds.values().collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
        let request = study.request(&study.arms[1], 4);
        assert_eq!((request.seed, request.train["epochs"].as_integer()), (4, Some(3)));
        assert_eq!(request.train["preset"].as_str(), Some("fast"));
    }

    #[test]
    fn what_is_disclosed_is_read_and_changes_no_request() {
        let study =
            parse(&TEXT.replace("primary  =", "disclosures = [\"Seven seeds were planned.\"]\nprimary ="))
                .unwrap();
        assert_eq!(study.disclosures, ["Seven seeds were planned."]);
        let plain = parse(TEXT).unwrap();
        assert_eq!(study.request(&study.arms[1], 3).hash(), plain.request(&plain.arms[1], 3).hash());
        assert_ne!(study.sha256(), plain.sha256());
        assert_eq!(plain.sha256().len(), 64);
        let wrong = error("primary  =", "disclosures = \"x\"\nprimary =");
        assert!(wrong.message.contains("must be an array of sentences"), "{wrong}");
        assert!(error("primary  =", "disclosures = [\" \"]\nprimary =").message.contains("is empty"));
    }

    #[test]
    fn folds_are_those_that_the_seeds_walk_through() {
        let folds = |data: &str| {
            let text = TEXT.replace("dataset = \"cifar10\"", &format!("dataset = \"cells\"\n{data}"));
            parse(&text).unwrap().folds()
        };
        assert_eq!(folds("fold = { of = 5 }"), Some(5));
        assert_eq!(folds("fold = { of = 5, index = 1 }"), None);
        assert_eq!(folds(""), None);
    }

    #[test]
    fn an_unknown_key_names_place_and_neighbour() {
        let wrong = error("equivalence_margin", "equivalence_margn");
        assert_eq!((wrong.line, wrong.column, wrong.width), (3, 37, 17));
        assert_eq!(wrong.suggestion.as_deref(), Some("equivalence_margin"));
        let wrong = error("question =", "qestion =");
        assert_eq!((wrong.line, wrong.column), (1, 1));
        assert_eq!(wrong.suggestion.as_deref(), Some("question"));
        assert_eq!(error("[base.data]", "[base.dat]").suggestion.as_deref(), Some("data"));
    }

    #[test]
    fn wrong_values_name_value_and_limit() {
        let wrong = error("count = 9", "count = 0");
        assert!(wrong.message.contains("from 1 to 10000, is 0"), "{}", wrong.message);
        assert_eq!((wrong.line, wrong.column), (4, 32));
        assert!(error("from = 0", "from = -1").message.contains("is -1"));
        assert!(error("count = 9", "count = 9.5").message.contains("must be an integer"));
        assert!(error("0.005", "-0.1").message.contains("above 0, is -0.1"));
        assert!(error("0.005", "nan").message.contains("is NaN"));
        assert!(error("0.005", "inf").message.contains("is inf"));
        assert!(error("split = \"test\"", "split = \"tst\"").message.contains("`valid`"));
        assert_eq!(error("split = \"test\"", "split = \"tst\"").suggestion.as_deref(), Some("test"));
        assert!(error("primary  =", "primary  = 3 #").message.contains("must be a table"));
    }

    #[test]
    fn a_direction_that_contradicts_the_metric_is_refused() {
        let wrong = error("better = \"lower\"", "better = \"higher\"");
        assert!(wrong.message.contains("`error` is better when it is lower"), "{wrong}");
        assert_eq!((wrong.line, wrong.column), (2, 57));
        assert!(error("\"error\"", "\"er\\u0001ror\"").message.contains("control characters"));
        // Of an unknown metric, only the study's author knows.
        assert!(
            parse(&TEXT.replace("metric = \"error\"", "metric = \"joy\"").replace("lower", "higher")).is_ok()
        );
    }

    #[test]
    fn a_baseline_that_is_no_arm_is_refused_with_the_nearest_arm() {
        let wrong = error("baseline = \"max_pool\"", "baseline = \"maxpool\"");
        assert_eq!(wrong.suggestion.as_deref(), Some("max_pool"));
        assert_eq!((wrong.line, wrong.column), (3, 25));
    }

    #[test]
    fn missing_parts_are_named() {
        assert!(error("seeds    =", "#").message.contains("no `seeds`"));
        assert!(error("better = \"lower\"", "").message.contains("`primary` has no `better`"));
        assert!(parse("").unwrap_err().message.contains("no `question`"));
    }

    #[test]
    fn arms_that_ask_for_the_same_runs_are_refused() {
        let wrong =
            parse(&format!("{TEXT}[arms.twin.net.downsample]\nmax_pool = {{ stride = 2, kernel = 3 }}\n"));
        assert!(
            wrong.unwrap_err().message.contains("arm `twin` asks for exactly the runs of arm `max_pool`")
        );
    }

    #[test]
    fn names_that_are_no_folder_are_refused() {
        assert!(error("[arms.all_conv.train]", "[arms.\"../x\".train]").message.contains("../x"));
        assert!(StudyFile::parse("a b.toml", TEXT.into()).is_err());
    }

    #[test]
    fn arms_that_look_like_options_and_names_with_hidden_marks_are_refused() {
        assert!(error("[arms.all_conv.train]", "[arms.-rf.train]").message.contains("`-rf`"));
        assert!(StudyFile::parse("-rf.toml", TEXT.into()).unwrap_err().message.contains("not first"));
        assert!(error("\"error\"", "\"er\u{202e}ror\"").message.contains("marks of direction"));
        let claim = "[claims.\"a\u{202e}b\"]\ntext = \"x\"\ncontrasts = []\n[base.data]";
        assert!(error("[base.data]", claim).message.contains("mark of direction"));
        let study = parse(&TEXT.replace("without loss?", "without\u{202e} loss?\u{85}")).unwrap();
        assert!(study.question.ends_with("without⟨U+202E⟩ loss?⟨U+0085⟩"), "{}", study.question);
    }

    #[test]
    fn a_file_that_is_too_large_or_no_text_is_refused_where_it_goes_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pilot.toml");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match StudyFile::read(&path) {
                Err(StudyError::File(error)) => error,
                other => panic!("not refused: {other:?}"),
            }
        };
        let mut bytes = TEXT.as_bytes().to_vec();
        bytes.extend(b"x = \"\xff\xfe\"\n");
        let broken = read(&bytes);
        assert!(broken.message.contains("not UTF-8") && broken.message.contains("0xff"), "{broken}");
        assert_eq!((broken.line as usize, broken.column), (TEXT.lines().count() + 1, 6));
        let began = std::time::Instant::now();
        let mut large = TEXT.to_owned();
        for key in 0..3_500_000 {
            large.push_str(&format!("k{key} = {key}\n"));
        }
        let message = read(large.as_bytes()).message;
        assert!(
            message.contains("at most 1048576") && message.contains(&large.len().to_string()),
            "{message}"
        );
        assert!(StudyFile::parse("pilot.toml", large).unwrap_err().message.contains("at most 1048576"));
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
        assert!(matches!(
            StudyFile::read(&folder.path().join("absent.toml")),
            Err(StudyError::Unreadable { .. })
        ));
    }

    #[test]
    fn numbers_of_arms_runs_and_rates_have_limits_that_are_named() {
        let mut many = TEXT.to_owned();
        for arm in 0..20_000 {
            many.push_str(&format!("[arms.x{arm}]\ntrain.epochs = 1\n"));
        }
        let wrong = parse(&many).unwrap_err();
        assert!(wrong.message.contains("`arms` has 20002 entries; at most 1000"), "{wrong}");
        let mut runs = TEXT.replace("count = 9", "count = 9999");
        for arm in 0..10 {
            runs.push_str(&format!("[arms.x{arm}]\ntrain.epochs = {}\n", arm + 10));
        }
        let wrong = parse(&runs).unwrap_err();
        assert!(
            wrong.message.contains("`seeds.count` is 9999: with 12 arms the study has 119988 runs"),
            "{wrong}"
        );
        assert_eq!((wrong.line, wrong.column), (4, 32));
        let rates: Vec<String> = (1..=101).map(|rate| format!("0.{rate:03}")).collect();
        let search = format!("search = {{ lr = [{}] }}\n[base.data]", rates.join(", "));
        assert!(error("[base.data]", &search).message.contains("`search.lr` has 101 entries; at most 100"));
        let names: Vec<String> = (0..101).map(|name| format!("\"m{name}\"")).collect();
        let secondary = format!("secondary = [{}]\n[base.data]", names.join(", "));
        assert!(error("[base.data]", &secondary).message.contains("`secondary` has 101 entries"));
    }

    #[test]
    fn an_empty_arm_is_the_base() {
        let study = parse(&format!("{TEXT}[arms.plain]\n")).unwrap();
        assert!(!study.request(&study.arms[2], 0).net.contains_key("downsample"));
    }

    #[test]
    fn no_slip_of_the_pen_panics_and_every_error_points_into_the_text() {
        let lines = TEXT.lines().count() as u32;
        for (index, character) in TEXT.char_indices() {
            let (before, after) = (&TEXT[..index], &TEXT[index + character.len_utf8()..]);
            for inserted in ["", "x", "\"", "[", "]", "=", "\n", "−", "{", ".", "9"] {
                if let Err(error) = parse(&format!("{before}{inserted}{after}")) {
                    assert!(error.line >= 1 && error.line <= lines + 2, "{error}");
                    assert!(error.to_string().contains('^') && !error.message.is_empty());
                }
            }
        }
    }
}
