//! Downloads from a local server that truncates, stalls and sends wrong content.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use allconv_data::dataset::cifar::{CIFAR10, CifarLayout};
use allconv_data::download::catalogue::OfficialArchive;
use allconv_data::download::fetch::fetch_archive;
use allconv_data::download::manifest::MANIFEST_NAME;
use allconv_data::download::transfer::Transfer;
use allconv_data::download::{Digests, RetryLimits};
use allconv_data::{DataDirectory, DataError, fetch};

/// The server's response to one request. By default it honours `Range` and `If-Range`.
#[derive(Clone, Debug)]
enum Answer {
    Honest,
    /// Closes the connection after so many bytes of the body.
    CutAfter(usize),
    /// Falls silent after so many bytes of the body.
    StallAfter(usize),
    /// Sends the whole file whatever range was requested.
    IgnoreRange,
    /// Says that the body starts one byte later than requested.
    WrongContentRange,
    /// Changes the last byte.
    Lie,
    /// Sends the whole file twice, without announcing a length.
    Overlong,
    /// Another version of the file, with another ETag.
    NewVersion(Vec<u8>),
    Status(u16),
    Redirect(&'static str),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Request {
    range: Option<String>,
    if_range: Option<String>,
}

struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers one request after the other; the last answer repeats.
    fn start(content: Vec<u8>, answers: impl Into<VecDeque<Answer>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut answers = answers.into();
        let (log, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
                let connection = connection.expect("a connection");
                // A client that has heard enough closes the connection: no reason to stop serving.
                let _ = serve(connection, &content, &answer.expect("an answer"), &log, &stopped);
            }
        });
        Server { address, requests, stop, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}/file.tar.gz", self.address)
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.requests().into_iter().map(|request| request.range).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.thread.take().map(JoinHandle::join);
    }
}

fn serve(
    mut connection: TcpStream,
    content: &[u8],
    answer: &Answer,
    log: &Mutex<Vec<Request>>,
    stopped: &AtomicBool,
) -> std::io::Result<()> {
    let mut request = Request::default();
    for line in BufReader::new(connection.try_clone()?).lines() {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.trim().to_string()),
            "if-range" => request.if_range = Some(value.trim().to_string()),
            _ => {}
        }
    }
    log.lock().expect("no panic").push(request.clone());

    let (content, etag) = match answer {
        Answer::NewVersion(new) => (new.as_slice(), "\"version-2\""),
        _ => (content, "\"version-1\""),
    };
    match answer {
        Answer::Status(status) => {
            return write!(
                connection,
                "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Answer::Redirect(to) => {
            return write!(
                connection,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Answer::Overlong => {
            write!(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            connection.write_all(content)?;
            return connection.write_all(content);
        }
        _ => {}
    }
    let range = request
        .range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let same_version = request.if_range.as_deref().is_none_or(|validator| validator == etag);
    let start: usize = match (answer, range) {
        (Answer::IgnoreRange, _) | (_, None) => 0,
        (_, Some(start)) if same_version => start,
        _ => 0,
    };
    if start > 0 && start >= content.len() {
        return write!(connection, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let mut body = content[start..].to_vec();
    if matches!(answer, Answer::Lie) {
        *body.last_mut().expect("a body") ^= 1;
    }
    let head = if start == 0 {
        "HTTP/1.1 200 OK".to_string()
    } else {
        let said = start + usize::from(matches!(answer, Answer::WrongContentRange));
        let total = content.len();
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {said}-{}/{total}", total - 1)
    };
    write!(
        connection,
        "{head}\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    match *answer {
        Answer::CutAfter(bytes) => connection.write_all(&body[..bytes.min(body.len())]),
        Answer::StallAfter(bytes) => {
            connection.write_all(&body[..bytes.min(body.len())])?;
            for _ in 0..1000 {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
                // The accept loop waits here: it must go on once the client has given up.
                let mut nothing = [0u8; 1];
                connection.set_nonblocking(true)?;
                if matches!(connection.peek(&mut nothing), Ok(0)) {
                    break;
                }
            }
            Ok(())
        }
        _ => connection.write_all(&body),
    }
}

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

const SMALL: CifarLayout = CifarLayout { train_records: 20, test_records: 10, ..CIFAR10 };

/// Returns a gzipped tar of the small layout, with labels `record % classes + offset` and extra entries.
fn small_archive(label_offset: u8, left_out: Option<&str>, extra: &[&str]) -> Vec<u8> {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    let mut append = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).expect("an entry");
    };
    for file in SMALL.files().filter(|file| Some(*file) != left_out) {
        let records = if file == SMALL.test_file { 10 } else { 20 };
        let bytes: Vec<u8> = (0..records)
            .flat_map(|record| [&[record % 10 + label_offset][..], &[record; 3072][..]].concat())
            .collect();
        append(&format!("cifar-10-batches-bin/{file}"), &bytes);
    }
    for path in extra {
        append(path, b"canary");
    }
    builder.into_inner().expect("a tar").finish().expect("a gzip stream")
}

fn fetch_small(server: &Server, bytes: &[u8], root: &Path) -> Result<bool, DataError> {
    let archive = OfficialArchive { layout: SMALL, url: server.url(), digests: digests_of(bytes) };
    fetch_archive(&archive, &DataDirectory::new(root), SHORT_LIMITS, &mut |_| {})
        .map(|report| report.already_present)
}

#[test]
fn a_fetched_dataset_is_checked_hashed_and_fetched_once() {
    let bytes = small_archive(0, None, &["cifar-10-batches-bin/readme.html"]);
    let server = Server::start(bytes.clone(), [Answer::CutAfter(bytes.len() / 2), Answer::Honest]);
    let root = tempfile::tempdir().expect("a temporary folder");
    let directory = DataDirectory::new(root.path());
    assert!(!fetch_small(&server, &bytes, root.path()).expect("fetched"));
    assert_eq!(SMALL.read(&directory).expect("whole files").train.len(), 100);
    let folder = SMALL.path(&directory);
    assert!(folder.join(MANIFEST_NAME).exists() && !folder.join("readme.html").exists());
    assert_eq!(fs::read_dir(directory.downloads()).expect("a folder").count(), 0, "the archive is not kept");
    assert!(fetch_small(&server, &bytes, root.path()).expect("present"));
    assert_eq!(server.requests().len(), 2, "what is present is not downloaded");

    let file = folder.join("data_batch_4.bin");
    let mut broken = fs::read(&file).expect("a file");
    broken[77] ^= 4;
    fs::write(&file, broken).expect("a flipped bit");
    let message = fetch_small(&server, &bytes, root.path()).expect_err("a flipped bit").to_string();
    assert!(message.contains("data_batch_4.bin") && message.contains("delete the folder"), "{message}");
}

#[test]
fn an_archive_with_wrong_content_never_becomes_a_dataset() {
    let cases = [
        (small_archive(1, None, &[]), "label 10"),
        (small_archive(0, Some("data_batch_2.bin"), &[]), "data_batch_2.bin"),
        (small_archive(0, None, &["../canary"]), "..\""),
        (small_archive(0, None, &["/canary"]), "absolute"),
        (small_archive(0, None, &["cifar-10-batches-bin/test_batch.bin"]), "a second time"),
    ];
    for (bytes, expected) in cases {
        let server = Server::start(bytes.clone(), [Answer::Honest]);
        let outer = tempfile::tempdir().expect("a temporary folder");
        let root = outer.path().join("root");
        let message = fetch_small(&server, &bytes, &root).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}");
        let mut left: Vec<_> =
            fs::read_dir(&root).expect("a folder").map(|item| item.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["downloads"], "{expected}");
        assert_eq!(fs::read_dir(outer.path()).expect("a folder").count(), 1, "nothing outside the root");
    }
}

#[test]
fn two_fetches_at_once_download_once() {
    let bytes = small_archive(0, None, &[]);
    let server = Server::start(bytes.clone(), [Answer::Honest]);
    let root = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        let fetches: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| fetch_small(&server, &bytes, root.path()).expect("fetched")))
            .collect();
        let present: Vec<bool> = fetches.into_iter().map(|fetch| fetch.join().expect("no panic")).collect();
        assert_eq!(present.iter().filter(|present| !**present).count(), 1, "{present:?}");
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn names_without_an_archive_are_refused() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let error = fetch("cifar01", &DataDirectory::new(root.path()), &mut |_| {}).expect_err("unknown");
    assert!(error.to_string().contains("did you mean"), "{error}");
}
