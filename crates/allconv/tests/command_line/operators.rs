//! Every downsampling operator trains, and the smoke study contains them all.

use crate::tiny_study::{TinyStudy, allconv, output};

const STUDY: &str = include_str!("../../../../studies/operators-smoke.toml");

#[test]
fn every_operator_trains_a_few_steps_in_the_smoke_study() {
    let study = TinyStudy::with(STUDY);
    study.finish(&[]);
    let status = output(study.path(), &["study", "status", "tiny.toml"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    for name in names() {
        let line = status.lines().find(|line| line.split_whitespace().next() == Some(&name));
        assert!(line.is_some_and(|line| line.contains("done")), "{name}:\n{status}");
    }
}

/// The names of the downsampling operators, as the program lists them.
fn names() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let listed = allconv(folder.path()).args(["operators", "list", "--format", "json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let rows = listed["rows"].as_array().unwrap();
    assert!(rows.len() > 30, "{listed}");
    let down = rows.iter().filter(|row| row["way"] == "down");
    down.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_misspelt_operator_is_refused_with_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let answer = output(folder.path(), &["operators", "show", "blurpool"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("`blur_pool`"));
}

#[test]
fn upsampling_operators_have_pages_that_name_what_they_undo() {
    let folder = tempfile::tempdir().unwrap();
    let page = output(folder.path(), &["operators", "show", "max_unpool"]);
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    for part in ["y[c, index[c,i,j]] = x[c,i,j]", "max_pool; also conv_pool", "1511.00561"] {
        assert!(page.contains(part), "{part} is missing in:\n{page}");
    }
    let answer = output(folder.path(), &["operators", "show", "maxunpool"]);
    assert!(String::from_utf8_lossy(&answer.stderr).contains("`max_unpool`"));
}

#[test]
fn the_page_of_an_operator_shows_its_definition_and_properties() {
    let folder = tempfile::tempdir().unwrap();
    let page = output(folder.path(), &["operators", "show", "haar_low_pass"]);
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    for part in ["(a + b + c + d)/2", "gain 2", "linear", "2005.03337"] {
        assert!(page.contains(part), "{part} is missing in:\n{page}");
    }
}

#[test]
fn pairs_have_a_line_each_and_exact_ones_lose_nothing() {
    let printed = output(std::path::Path::new("."), &["operators", "pairs", "--format", "json"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let table: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let rows = table["rows"].as_array().unwrap();
    let exact = rows.iter().filter(|row| row["reconstruction_error"] == "0");
    let exact: Vec<_> = exact.map(|row| row["up"].as_str().unwrap()).collect();
    assert_eq!(exact, ["inverse_haar", "pixel_shuffle"]);
    assert!(rows.iter().any(|row| row["up"] == "max_unpool" && row["down"] == "max_pool"));
}
