//! The generated files of the repository: how to write them, and whether they are up to date.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::shell;

/// The folder with the results of real studies, one folder a study.
const RESULTS: &str = "docs/results";

/// The draft of this project's paper.
const PAPER: &str = "paper";

/// The figure in the README of a study along the length of training.
const FIGURE: &str = "figures/training-length.svg";

/// A generated file and its content.
struct Generated {
    path: PathBuf,
    content: Vec<u8>,
}

/// Writes every generated file.
pub(crate) fn write(workspace: &Path) -> anyhow::Result<()> {
    for file in generate(workspace)? {
        std::fs::write(&file.path, &file.content)
            .with_context(|| format!("cannot write {}", file.path.display()))?;
        println!("wrote {}", file.path.display());
    }
    shell::run(workspace, &[program(workspace)?.as_str(), "paper", "build", PAPER], &[])
}

/// Fails, naming the file, when a generated file in the repository is not what its command writes now.
pub(crate) fn check(workspace: &Path) -> anyhow::Result<()> {
    for file in generate(workspace)? {
        let found =
            std::fs::read(&file.path).with_context(|| format!("cannot read {}", file.path.display()))?;
        ensure!(
            found == file.content,
            "{} is not what its command writes now; run `cargo xtask generate` and commit the result",
            file.path.display()
        );
        println!("up to date: {}", file.path.display());
    }
    // Its lock file follows from published runs, study files and its text; `verify` names what does not.
    shell::run(workspace, &[program(workspace)?.as_str(), "paper", "verify", PAPER], &[])
}

/// The path of the program that [`generate`] builds.
fn program(workspace: &Path) -> anyhow::Result<String> {
    let program = shell::target_folder(workspace).join("debug").join("allconv");
    Ok(program.to_str().context("the path of the target folder is not UTF-8")?.to_owned())
}

fn generate(workspace: &Path) -> anyhow::Result<Vec<Generated>> {
    // The tests' own build of the program: another selection of packages or another profile would compile Burn again.
    shell::run(workspace, &["cargo", "test", "--workspace", "--no-run", "--locked"], &[])?;
    let program = &program(workspace)?;
    let mut files = Vec::new();
    let models = shell::output(workspace, &[program, "models", "list", "--format", "md"])?;
    let operators = shell::output(workspace, &[program, "operators", "list", "--format", "md"])?;
    let cards = shell::output(workspace, &[program, "operators", "show", "--markdown"])?;
    let pairs = shell::output(workspace, &[program, "operators", "pairs", "--format", "md"])?;
    let keys = shell::output(workspace, &[program, "schema", "--format", "md"])?;
    let pages = [
        (
            "study-file",
            "# Every key of a study file\n\nWritten by `allconv schema --format md` from the types that read the file; do not edit. [Studies](studies.md) explains what a study is, `allconv study new` writes an annotated file to begin from, and `allconv schema` prints this page as a JSON Schema: save it as `study.schema.json`, and editors with Taplo (Even Better TOML) complete and check a file whose first line is `#:schema ./study.schema.json`. A path such as `compare.alpha` may be written as a table, `compare = { alpha = 0.05 }`, or below `[compare]`; `NAME` is a name of your own. All keys are there since version 0.1.0.",
            keys,
        ),
        (
            "pairs",
            "# Pairs\n\nWritten by `allconv operators pairs --format md`; do not edit. [What the columns mean](dense-tasks.md#pairs-by-themselves).",
            pairs,
        ),
        ("models", "# Models\n\nWritten by `allconv models list --format md`; do not edit.", models),
        (
            "operators",
            "# Operators\n\nWritten by `allconv operators list --format md` and `allconv operators show --markdown`; do not edit.",
            format!("{operators}\n{}\n", cards.trim_end()),
        ),
    ];
    let guide = shell::output(workspace, &[program, "study", "guide", "--results", RESULTS])?;
    files.push(Generated { path: workspace.join("docs/which-operator.md"), content: guide.into_bytes() });
    for (page, head, body) in pages {
        let path = workspace.join(format!("docs/{page}.md"));
        files.push(Generated { path, content: format!("{head}\n\n{body}").into_bytes() });
    }
    files.extend(augmentation_pictures(workspace, program)?);
    files.extend(operator_pictures(workspace, program)?);
    files.extend(study_results(workspace, program)?);
    Ok(files)
}

/// The augmentations with a picture in `docs/augmentation.md`: the name of its file, and the settings.
const AUGMENTATIONS: [(&str, &str); 9] = [
    ("random_resized_crop", "{ random_resized_crop = {} }"),
    ("padded_crop", "{ padded_crop = { pixels = 4 } }"),
    ("canvas", "{ canvas = {} }"),
    ("affine", "{ affine = { rotate = 15, scale = [0.8, 1.25], shear = 10 } }"),
    ("rand_augment", "{ rand_augment = {} }"),
    (
        "colour_jitter",
        "{ colour_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 } }",
    ),
    ("grey", "{ grey = { probability = 0.5 } }"),
    ("mixup", "{ mixup = { alpha = 1.0 } }"),
    ("cutmix", "{ cutmix = {} }"),
];

/// The example images of augmentation, applied to a few drawn images.
fn augmentation_pictures(workspace: &Path, program: &str) -> anyhow::Result<Vec<Generated>> {
    let scratch = workspace.join("target/generated/augmentation.png");
    std::fs::create_dir_all(workspace.join("target/generated"))?;
    let draw = |file: String, settings: &[&str]| -> anyhow::Result<Generated> {
        let command = [&[program, "data", "augment", "synthetic", path_text(&scratch)?], settings].concat();
        shell::run(workspace, &command, &[])?;
        Ok(Generated { path: workspace.join("docs/images").join(file), content: std::fs::read(&scratch)? })
    };
    let mut pictures = vec![draw("augmentation.png".to_owned(), &[])?];
    for (name, settings) in AUGMENTATIONS {
        pictures.push(draw(format!("augmentation/{name}.png"), &["--augment", settings, "--images", "3"])?);
    }
    Ok(pictures)
}

/// The images of what each operator does to a test image and to a zone plate.
fn operator_pictures(workspace: &Path, program: &str) -> anyhow::Result<Vec<Generated>> {
    let scratch = workspace.join("target/generated/operators");
    let _ = std::fs::remove_dir_all(&scratch);
    shell::run(workspace, &[program, "operators", "pictures", path_text(&scratch)?], &[])?;
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(&scratch)? {
        let entry = entry?;
        let path = workspace.join("docs/images/operators").join(entry.file_name());
        pictures.push(Generated { path, content: std::fs::read(entry.path())? });
    }
    Ok(pictures)
}

/// The generated files of every committed study, written from its committed runs alone.
fn study_results(workspace: &Path, program: &str) -> anyhow::Result<Vec<Generated>> {
    let mut files = Vec::new();
    let results = workspace.join(RESULTS);
    if !results.exists() {
        return Ok(files);
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&results)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    folders.sort();
    for folder in folders.iter().filter(|folder| study_file(folder).is_file()) {
        let scratch = workspace.join("target/generated").join(folder.file_name().unwrap_or_default());
        let _ = std::fs::remove_dir_all(&scratch);
        let study = study_file(folder);
        let argv = [
            program,
            "study",
            "publish",
            path_text(&study)?,
            "--partial",
            "--runs",
            path_text(folder)?,
            "--to",
            path_text(&scratch)?,
        ];
        shell::run(workspace, &argv, &[])?;
        for name in ["README.md", "results.json", FIGURE] {
            // Only a study along the length of training has the figure.
            if name != FIGURE || scratch.join(name).is_file() {
                files
                    .push(Generated { path: folder.join(name), content: std::fs::read(scratch.join(name))? });
            }
        }
    }
    Ok(files)
}

fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The study file in a folder of results: named after the study, as the folder is.
fn study_file(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(".toml");
    folder.join(name)
}
