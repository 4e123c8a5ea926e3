//! Downloads from a local server that truncates, stalls and sends wrong content.

mod datasets;
mod server;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use allconv_data::DataError;
use allconv_data::download::transfer::Transfer;
use allconv_data::download::{Digests, RetryLimits};

use server::{Answer, Server};

const SHORT_LIMITS: RetryLimits =
    RetryLimits { stall: Duration::from_millis(300), fruitless_attempts: 3, pause: Duration::from_millis(1) };

fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn digests_of(bytes: &[u8]) -> Digests {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bytes");
    fs::write(&path, bytes).expect("a file");
    Digests::of_file(&path).expect("readable")
}

struct Outcome {
    _folder: tempfile::TempDir,
    target: PathBuf,
    result: Result<(), DataError>,
}

impl Outcome {
    fn files(&self) -> Vec<PathBuf> {
        let folder = self.target.parent().expect("a folder");
        let mut files: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|item| item.expect("an entry").path()).collect();
        files.sort();
        files
    }
}

/// Downloads into a new folder; the file must be `expected`.
fn download(server: &Server, expected: &[u8]) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = folder.path().join("file.tar.gz");
    let result = run_transfer(&server.url(), &target, expected);
    Outcome { _folder: folder, target, result }
}

fn run_transfer(url: &str, target: &Path, expected: &[u8]) -> Result<(), DataError> {
    let digests = digests_of(expected);
    let transfer =
        Transfer { url, target, byte_limit: 100_000, digests: Some(&digests), retry_limits: SHORT_LIMITS };
    transfer.run(&mut |_| {})
}

/// The download must end with exactly the expected file under its name.
fn assert_arrives(server: &Server, expected: &[u8]) {
    let outcome = download(server, expected);
    outcome.result.as_ref().expect("a finished download");
    assert_eq!(fs::read(&outcome.target).expect("the file"), expected);
    assert_eq!(outcome.files(), std::slice::from_ref(&outcome.target), "nothing else is left");
}

fn range(start: usize) -> Option<String> {
    Some(format!("bytes={start}-"))
}

#[test]
fn a_whole_file_arrives_with_progress() {
    let file = content(90_000);
    let server = Server::start(file.clone(), [Answer::Honest]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (target, digests) = (folder.path().join("file"), digests_of(&file));
    let transfer = Transfer {
        url: &server.url(),
        target: &target,
        byte_limit: 90_000,
        digests: Some(&digests),
        retry_limits: SHORT_LIMITS,
    };
    let mut seen = Vec::new();
    transfer.run(&mut |progress| seen.push((progress.bytes, progress.total))).expect("a finished download");
    assert_eq!(fs::read(&target).expect("the file"), file);
    assert!(seen.is_sorted() && seen.last() == Some(&(90_000, Some(90_000))), "{seen:?}");
}

#[test]
fn a_connection_that_breaks_is_continued_where_it_broke() {
    let file = content(50_000);
    let server =
        Server::start(file.clone(), [Answer::CutAfter(10_000), Answer::CutAfter(20_000), Answer::Honest]);
    assert_arrives(&server, &file);
    assert_eq!(server.ranges(), [None, range(10_000), range(30_000)]);
    assert!(
        server.requests()[1..].iter().all(|request| request.if_range.as_deref() == Some("\"version-1\""))
    );
}

#[test]
fn a_silent_connection_is_given_up_and_continued() {
    let file = content(50_000);
    let server = Server::start(file.clone(), [Answer::StallAfter(15_000), Answer::Honest]);
    assert_arrives(&server, &file);
    assert_eq!(server.ranges(), [None, range(15_000)]);
}

#[test]
fn a_later_call_continues_the_part_of_an_earlier_one() {
    let file = content(50_000);
    let busy = [Answer::CutAfter(10_000), Answer::Status(503), Answer::Status(503), Answer::Status(503)];
    let mut answers = VecDeque::from(busy);
    answers.push_back(Answer::Honest);
    let server = Server::start(file.clone(), answers);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = folder.path().join("file");
    let error = run_transfer(&server.url(), &target, &file).expect_err("a busy server");
    assert!(error.is_io() && error.to_string().contains("503"), "{error}");
    assert!(!target.exists(), "a part must not have the file's name");
    run_transfer(&server.url(), &target, &file).expect("a finished download");
    assert_eq!(fs::read(&target).expect("the file"), file);
    assert_eq!(server.ranges().last(), Some(&range(10_000)));
}

#[test]
fn a_server_that_never_answers_well_is_given_up_after_the_stated_attempts() {
    let server = Server::start(content(10), [Answer::Status(500)]);
    let outcome = download(&server, &content(10));
    assert!(outcome.result.expect_err("a broken server").is_io());
    assert_eq!(server.requests().len(), 3);
    let server = Server::start(content(10), [Answer::Status(404)]);
    let message = download(&server, &content(10)).result.expect_err("an absent file").to_string();
    assert!(message.contains("404"), "{message}");
    assert_eq!(server.requests().len(), 1, "an absent file is not requested twice");
}

#[test]
fn a_file_that_changed_meanwhile_starts_anew() {
    let new = content(40_001);
    let server = Server::start(content(50_000), [Answer::CutAfter(10_000), Answer::NewVersion(new.clone())]);
    assert_arrives(&server, &new);
}

#[test]
fn a_server_without_ranges_is_served_from_the_beginning() {
    let file = content(50_000);
    let server = Server::start(file.clone(), [Answer::CutAfter(10_000), Answer::IgnoreRange]);
    assert_arrives(&server, &file);
}

#[test]
fn a_wrong_range_is_noticed_and_the_part_thrown_away() {
    let file = content(50_000);
    let server =
        Server::start(file.clone(), [Answer::CutAfter(10_000), Answer::WrongContentRange, Answer::Honest]);
    assert_arrives(&server, &file);
    assert_eq!(server.ranges(), [None, range(10_000), None]);
}

#[test]
fn wrong_content_is_found_by_the_digests_and_nothing_is_kept() {
    let file = content(50_000);
    let server = Server::start(file.clone(), [Answer::Lie]);
    let outcome = download(&server, &file);
    let error = outcome.result.as_ref().expect_err("a lie");
    assert!(!error.is_io() && error.to_string().contains("SHA-256"), "{error}");
    assert_eq!(outcome.files(), Vec::<PathBuf>::new());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wrong_continuation_is_downloaded_once_more_from_its_beginning() {
    let file = content(50_000);
    let server = Server::start(file.clone(), [Answer::CutAfter(10_000), Answer::Lie, Answer::Honest]);
    assert_arrives(&server, &file);
    assert_eq!(server.ranges(), [None, range(10_000), None]);
}

#[test]
fn more_bytes_than_the_limit_are_refused_announced_or_not() {
    for answer in [Answer::Honest, Answer::Overlong] {
        let length = if matches!(answer, Answer::Honest) { 100_001 } else { 60_000 };
        let server = Server::start(content(length), [answer.clone()]);
        let outcome = download(&server, &content(length));
        let message = outcome.result.as_ref().expect_err("too long").to_string();
        assert!(message.contains("at most 100000 bytes"), "{answer:?}: {message}");
        assert_eq!(outcome.files(), Vec::<PathBuf>::new(), "{answer:?}");
    }
}

#[test]
fn redirects_to_an_unencrypted_address_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error =
        run_transfer("http://192.0.2.1/file", &folder.path().join("file"), b"").expect_err("no encryption");
    assert!(error.to_string().contains("only https"), "{error}");
    let server = Server::start(content(10), [Answer::Redirect("http://192.0.2.1/file")]);
    let message = download(&server, &content(10)).result.expect_err("a redirect").to_string();
    assert!(message.contains("302"), "{message}");
}
