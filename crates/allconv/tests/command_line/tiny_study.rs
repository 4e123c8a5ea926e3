//! A study small enough for tests, and how to run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A study of one run: 40 epochs of 300 drawn images of 16×16 pixels through a narrow All-CNN-C.
pub(crate) const STUDY: &str = r#"
question = "Is the same run always the same?"
primary  = { metric = "error", split = "test", better = "lower" }
compare  = { baseline = "all_conv" }
seeds    = { from = 3, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 16, train = 360, test = 60 }
validation = 60
augment    = { horizontal_flip = true, translate = 2 }

[base.net]
architecture = { springenberg = { base = "c", width = 0.3 } }
dropout      = 0.2

[base.train]
preset = "fast"
batch  = 32
epochs = 12

[arms.all_conv.net.downsample]
strided_conv = { kernel = 3, stride = 2 }
"#;

/// A folder with a study file, in which the program runs.
pub(crate) struct TinyStudy {
    folder: tempfile::TempDir,
}

impl TinyStudy {
    /// A folder with [`STUDY`] in it.
    pub(crate) fn new() -> TinyStudy {
        TinyStudy::with(STUDY)
    }

    /// A folder with a study file of this text.
    pub(crate) fn with(text: &str) -> TinyStudy {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), text).unwrap();
        TinyStudy { folder }
    }

    /// The folder the program runs in.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `allconv study run tiny.toml` with further arguments, not started yet.
    pub(crate) fn command(&self, further: &[&str]) -> Command {
        let mut command = allconv(self.path());
        command.args(["study", "run", "tiny.toml", "--progress", "none"]).args(further);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts the study.
    pub(crate) fn start(&self, further: &[&str]) -> Child {
        self.command(further).spawn().unwrap()
    }

    /// Runs the study to its end, which must be good.
    pub(crate) fn finish(&self, further: &[&str]) {
        let output = self.command(further).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The directory of the study's only run, once it exists.
    pub(crate) fn run_directory(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.path().join("runs/tiny")).ok()?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("all_conv-s3-"))
        })
    }

    /// The files that must not depend on how the run was made: weights, optimiser, state, metrics, outcomes.
    pub(crate) fn results(&self) -> BTreeMap<&'static str, Vec<u8>> {
        let run = self.run_directory().expect("the run exists");
        let files = [
            "checkpoints/last/model.safetensors",
            "checkpoints/last/optimizer.safetensors",
            "checkpoints/last/state.json",
            "checkpoints/best/model.safetensors",
            "metrics.jsonl",
            "outcomes.bin",
            "spec.toml",
        ];
        files.into_iter().map(|name| (name, std::fs::read(run.join(name)).unwrap())).collect()
    }
}

/// Asserts that two runs left the same bytes, naming the file that differs.
pub(crate) fn assert_same_results(left: &TinyStudy, right: &TinyStudy) {
    for ((name, left), right) in left.results().iter().zip(right.results().values()) {
        assert!(left == right, "{name} differs");
    }
}

/// The built program, to be run in `folder`.
pub(crate) fn allconv(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allconv"));
    command.current_dir(folder).env_remove("ALLCONV_DATA");
    command
}

/// Runs the program in `folder`.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> Output {
    allconv(folder).args(arguments).output().unwrap()
}

/// Runs the program, which must succeed, and returns what it printed.
pub(crate) fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program, which must fail with `code`, and returns its message.
pub(crate) fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = output(folder, arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    told
}
