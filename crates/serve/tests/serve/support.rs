//! Studies and run directories as a training program writes them, and a client that speaks HTTP.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use allconv_record::{
    Cost, Environment, FORMAT_VERSION, MetricPoint, RunDirectory, RunRecord, RunSpecification, SplitName,
    Status, Timings,
};
use allconv_serve::{ServeOptions, Server, Token};
use allconv_study::{PlannedRun, StudyFile, plan, take_folder};

/// Steps of every run.
pub(crate) const STEPS: u64 = 40;

/// A folder with `runs/` and study files.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("runs")).unwrap();
        Place { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.path().join("runs")
    }

    /// Writes a study file with three arms, takes its folder, and returns the planned runs.
    pub(crate) fn study(&self, name: &str, seeds: u32) -> Vec<PlannedRun> {
        let text = format!(
            r#"question = "Does <b>pooling</b> matter in {name}?"
primary = {{ metric = "error", split = "test", better = "lower" }}
compare = {{ baseline = "max_pool", equivalence_margin = 0.01 }}
seeds = {{ from = 0, count = {seeds} }}
[base.data]
dataset = "synthetic"
[arms.max_pool.net.downsample]
max_pool = {{ kernel = 3 }}
[arms.strided.net.downsample]
folded_stride = {{ kernel = 3 }}
[arms.all_conv.net.downsample]
strided_conv = {{ kernel = 3 }}
"#
        );
        let path = self.path().join(format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        let study = StudyFile::read(&path).unwrap();
        take_folder(&study, &path, &self.runs().join(name)).unwrap();
        plan(&study)
    }

    /// Writes the directory of a planned run with the curves of `epochs` of its ten epochs.
    pub(crate) fn run(&self, study: &str, planned: &PlannedRun, status: Status, epochs: u64) -> RunDirectory {
        write_run(&self.runs().join(study), study, planned, (status, epochs))
    }

    /// Starts a server of the folder of runs in a thread, and returns its client.
    pub(crate) fn serve(&self) -> Client {
        serve(vec![self.runs()], "127.0.0.1")
    }
}

/// Starts a server in a thread.
pub(crate) fn serve(folders: Vec<PathBuf>, host: &str) -> Client {
    let token = Token::random().unwrap();
    let options = ServeOptions { folders, host: host.to_owned(), port: 0, token };
    let server = Server::bind(&options).unwrap();
    let (authority, path) = server.address().strip_prefix("http://").unwrap().split_once('/').unwrap();
    let client = Client { authority: authority.to_owned(), base: format!("/{}", path.trim_end_matches('/')) };
    std::thread::spawn(move || server.run());
    client
}

fn write_run(
    folder: &Path,
    study: &str,
    planned: &PlannedRun,
    (status, epochs): (Status, u64),
) -> RunDirectory {
    let specification = RunSpecification {
        seed: planned.seed,
        precision: "f32".into(),
        device_kind: "cpu".into(),
        dataset_hash: "d5".into(),
        numerics: BTreeMap::from([("train".into(), 2)]),
        data: planned.request.data.clone(),
        net: planned.request.net.clone(),
        train: planned.request.train.clone(),
    };
    let directory = RunDirectory::for_run(folder, &planned.arm, &specification);
    std::fs::create_dir_all(directory.path()).unwrap();
    directory.write_specification(&specification).unwrap();
    append(&directory, planned, 1..=epochs);
    if status == Status::Finished {
        let noise = 0.0005 * ((planned.seed * 7 + planned.arm_index as u64 * 3) % 5) as f64;
        let error = 0.2 + 0.001 * (planned.seed % 7) as f64 + 0.02 * planned.arm_index as f64 + noise;
        append_point(&directory, (SplitName::Test, "error"), (STEPS, error));
    }
    let mut record = record(study, planned, &specification, (status, epochs * STEPS / 10));
    if status.is_final() {
        record.results = directory.hash_results().unwrap();
    }
    directory.write_record(&record).unwrap();
    directory
}

/// Appends the values of some epochs.
pub(crate) fn append(directory: &RunDirectory, planned: &PlannedRun, epochs: impl Iterator<Item = u64>) {
    let mut lines = String::new();
    for epoch in epochs {
        for (split, name, scale) in [
            (SplitName::Train, "loss", 2.3),
            (SplitName::Train, "error", 0.9),
            (SplitName::Valid, "loss", 2.4),
            (SplitName::Valid, "error", 0.8),
        ] {
            let value = scale / (epoch as f64).sqrt() + 0.01 * (planned.seed % 5) as f64;
            lines += &line((split, name), (epoch * STEPS / 10, value));
        }
    }
    append_text(directory, &lines);
}

/// Appends one value.
pub(crate) fn append_point(directory: &RunDirectory, of: (SplitName, &str), at: (u64, f64)) {
    append_text(directory, &line(of, at));
}

fn line((split, name): (SplitName, &str), (step, value): (u64, f64)) -> String {
    let point =
        MetricPoint { step, epoch: step as f64 * 10.0 / STEPS as f64, split, name: name.into(), value };
    serde_json::to_string(&point).unwrap() + "\n"
}

fn append_text(directory: &RunDirectory, text: &str) {
    let mut file =
        std::fs::OpenOptions::new().create(true).append(true).open(directory.journal_path()).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn record(
    study: &str,
    planned: &PlannedRun,
    specification: &RunSpecification,
    (status, step): (Status, u64),
) -> RunRecord {
    let is_lost = matches!(status, Status::Failed | Status::Diverged | Status::Stuck);
    RunRecord {
        schema: FORMAT_VERSION,
        status,
        reason: is_lost.then(|| format!("was {status} on purpose")),
        study: study.to_owned(),
        arm: planned.arm.clone(),
        seed: planned.seed,
        specification_hash: specification.hash(),
        request_hash: planned.request_hash.clone(),
        study_file_sha256: None,
        command: ["allconv", "study", "run", "pilot.toml"].map(str::to_owned).to_vec(),
        environment: Environment { cpu: "a <i>processor</i>".into(), ..Environment::default() },
        cost: Cost { parameters: 1_234_567, macs: 50_000, activation_bytes: 4096, receptive_field: 9 },
        created_unix_seconds: 1_700_000_000 + planned.seed,
        changed_unix_seconds: 1_700_000_100 + planned.seed,
        step,
        total_steps: STEPS,
        timings: Timings { training_seconds: step as f64, evaluation_seconds: 1.0, images_per_second: 160.0 },
        parent: None,
        measured: None,
        resumptions: Vec::new(),
        results: BTreeMap::new(),
    }
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    /// Address and port.
    pub(crate) authority: String,
    /// The path of the token.
    pub(crate) base: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends a request for a path below the token.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {}{path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.base, self.authority))
    }

    /// The body of a page that must be there.
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Waits until a page holds a text.
    pub(crate) fn wait_for(&self, path: &str, text: &str) -> String {
        for _ in 0..150 {
            let page = self.page(path);
            if page.contains(text) {
                return page;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("`{text}` is not in {path}: {}", self.page(path));
    }

    /// Sends a whole request.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Asks for the first page of a server that may close the connection at any time; returns whether it answered with the page.
    pub(crate) fn is_answered(&self) -> bool {
        let mut stream = self.connect();
        let request = format!("GET {}/ HTTP/1.1\r\nHost: {}\r\n\r\n", self.base, self.authority);
        let mut answer = Vec::new();
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
        answer.starts_with(b"HTTP/1.1 200 ")
    }

    /// Begins to follow a page.
    pub(crate) fn follow(&self, path: &str) -> Events {
        let mut stream = self.connect();
        let request = format!("GET {}/events{path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.base, self.authority);
        stream.write_all(request.as_bytes()).unwrap();
        Events { reader: BufReader::new(stream) }
    }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
}

impl Events {
    /// Returns the sections of the next event.
    pub(crate) fn next(&mut self) -> serde_json::Value {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(data) = line.strip_prefix("data: {") {
                return serde_json::from_str(&format!("{{{data}")).unwrap();
            }
        }
    }
}
