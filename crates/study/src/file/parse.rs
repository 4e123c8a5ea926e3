//! Parsing of a study file: its keys and sections, and checks over the whole file.

use std::path::Path;

use super::arms::{Arm, is_name, read_arms};
use super::claim_groups::Setting;
use super::claims::read_claims;
use super::disclosures::read_disclosures;
use super::document::{Document, StudyFileError};
use super::factors::{Factor, read_factors};
use super::fields::Fields;
use super::keys::{STUDY, names};
use super::limits;
use super::matched_arms::match_arms;
use super::node::Node;
use super::reference::read_reference;
use super::search::read_search;
use super::secondary::read_secondary;
use super::sections::Sections;
use super::sequential::read_sequential;
use super::settings::{read_comparison, read_primary, read_seeds};
use super::study_file::StudyFile;

impl StudyFile {
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
        let fields = Fields::of(&document, &root, "", &names(&STUDY))?;
        let mut study = read_fields(&document, &root, &fields)?;
        let arms_node = fields.optional("arms").or(fields.optional("factors")).unwrap_or(&root);
        study.refuse_too_many_runs()?;
        match_arms(&mut study, &document)?;
        study.refuse_equal_arms(&document, arms_node)?;
        study.refuse_unsearchable_arms(&document, fields.optional("search"))?;
        Ok(study)
    }
}

/// Reads the keys of a file, each checked against those that it refers to.
fn read_fields(document: &Document, root: &Node, fields: &Fields<'_>) -> Result<StudyFile, StudyFileError> {
    let question = fields.prose("question", fields.required("question")?)?;
    let caveat = fields.optional("caveat").map(|node| fields.prose("caveat", node)).transpose()?;
    let disclosures = fields.optional("disclosures");
    let disclosures = disclosures.map(|node| read_disclosures(document, fields, node)).transpose()?;
    let primary = read_primary(document, fields.required("primary")?)?;
    let seeds = read_seeds(document, fields.required("seeds")?)?;
    let base = fields.optional("base").map(|node| Sections::read(document, node, "base")).transpose()?;
    let (factors, arms) = read_arms_or_factors(document, fields)?;
    let compare = read_comparison(document, fields.required("compare")?, &arms, &factors)?;
    let secondary = fields.optional("secondary");
    let secondary = secondary.map(|node| read_secondary(document, fields, node, &primary)).transpose()?;
    let setting = Setting { document, arms: &arms, factors: &factors, primary: &primary, compare: &compare };
    let claims = fields.optional("claims").map(|node| read_claims(setting, node)).transpose()?;
    let search = fields.optional("search").map(|node| read_search(document, node, seeds)).transpose()?;
    let sequential = fields.optional("sequential");
    let sequential = sequential.map(|node| read_sequential(document, node, seeds)).transpose()?;
    refuse_early_stop(document, fields)?;
    let reference = fields.optional("reference");
    let reference = reference.map(|node| read_reference(document, node, &arms)).transpose()?;
    Ok(StudyFile {
        name: name(document)?,
        question,
        caveat,
        disclosures: disclosures.unwrap_or_default(),
        primary,
        compare,
        seeds,
        arms,
        factors,
        secondary: secondary.unwrap_or_default(),
        claims: claims.unwrap_or_default(),
        search,
        sequential,
        reference,
        base: base.unwrap_or_default(),
        root: root.clone(),
        document: document.clone(),
    })
}

fn read_arms_or_factors(
    document: &Document,
    fields: &Fields<'_>,
) -> Result<(Vec<Factor>, Vec<Arm>), StudyFileError> {
    match (fields.optional("arms"), fields.optional("factors")) {
        (Some(_), Some(factors)) => {
            let message = "a study lists `arms` or crosses `factors`, not both; remove one of them";
            Err(document.error(&factors.key, message))
        }
        (None, Some(factors)) => read_factors(document, factors),
        (_, None) => Ok((Vec::new(), read_arms(document, fields.required("arms")?)?)),
    }
}

/// Refuses tests over all seeds in a study with looks that may end it earlier.
fn refuse_early_stop(document: &Document, fields: &Fields<'_>) -> Result<(), StudyFileError> {
    let over_all_seeds =
        ["claims", "secondary"].into_iter().find_map(|key| Some((key, fields.optional(key)?)));
    let (Some((key, node)), Some(_)) = (over_all_seeds, fields.optional("sequential")) else { return Ok(()) };
    let message = format!(
        "`{key}` is tested once, over all seeds; a study with `sequential` may stop before: remove one of them"
    );
    Err(document.error(&node.key, message))
}

/// The name of the study: that of its file, which names folders.
fn name(document: &Document) -> Result<String, StudyFileError> {
    let name = Path::new(&document.name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if is_name(&name) {
        return Ok(name);
    }
    let message =
        format!("the file's name `{name}` names a folder: only letters, digits, `_` and `-` (not first)");
    Err(document.error(&(0..0), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StudyError;
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
    fn disclosures_are_read_and_change_no_request() {
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
    fn folds_are_those_that_the_seeds_select() {
        let folds = |data: &str| {
            let text = TEXT.replace("dataset = \"cifar10\"", &format!("dataset = \"cells\"\n{data}"));
            parse(&text).unwrap().folds()
        };
        assert_eq!(folds("fold = { of = 5 }"), Some(5));
        assert_eq!(folds("fold = { of = 5, index = 1 }"), None);
        assert_eq!(folds(""), None);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_position_and_the_nearest_name() {
        let wrong = error("equivalence_margin", "equivalence_margn");
        assert_eq!((wrong.line, wrong.column, wrong.width), (3, 37, 17));
        assert_eq!(wrong.suggestion.as_deref(), Some("equivalence_margin"));
        let wrong = error("question =", "qestion =");
        assert_eq!((wrong.line, wrong.column), (1, 1));
        assert_eq!(wrong.suggestion.as_deref(), Some("question"));
        assert_eq!(error("[base.data]", "[base.dat]").suggestion.as_deref(), Some("data"));
    }

    #[test]
    fn wrong_values_are_refused_with_value_and_limit() {
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
        // The direction of an unknown metric is the author's choice.
        assert!(
            parse(&TEXT.replace("metric = \"error\"", "metric = \"joy\"").replace("lower", "higher")).is_ok()
        );
    }

    #[test]
    fn a_baseline_that_is_not_an_arm_is_refused_with_the_nearest_arm() {
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
            wrong.unwrap_err().message.contains("arm `twin` requests exactly the runs of arm `max_pool`")
        );
    }

    #[test]
    fn names_that_cannot_be_folders_are_refused() {
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
    fn a_file_that_is_too_large_or_not_text_is_refused_with_the_position() {
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
    fn no_misspelling_panics_and_every_error_has_a_position_in_the_text() {
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
