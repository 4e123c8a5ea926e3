//! The dependencies that import functions of the platform's mathematical library, and why these cannot affect a run's numbers.
//!
//! The results of these functions depend on the version of the library and on the processor. Clippy refuses them in the crates whose
//! numbers reach weights, data, metrics and outcomes (`clippy.toml`); this test looks at what was compiled.
#![forbid(unsafe_code)]
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};

/// The functions whose results the standard does not define to the last bit, without the `f` of their single-precision forms.
const FUNCTIONS: [&str; 27] = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp",
    "exp2", "expm1", "hypot", "lgamma", "log", "log10", "log1p", "log2", "pow", "sin", "sincos", "sinh",
    "tan", "tanh",
];

/// Crates whose numbers affect runs: they import none.
const SCOPE: [&str; 8] = [
    "allconv_random",
    "allconv_kernels",
    "allconv_data",
    "allconv_record",
    "allconv_operators",
    "allconv_nets",
    "allconv_train",
    "allconv_inspect",
];

/// Why the functions that a dependency imports cannot reach a run's numbers.
const OTHERS: [(&str, &str); 18] = [
    ("allconv_document", "axes of figures and digits of numbers in reports, which read runs"),
    ("allconv_paper", "statistics of studies, compiled into it; papers read published runs"),
    ("allconv_study", "statistics and figures, which read runs; their numbers are given to ten digits"),
    (
        "burn_flex",
        "operations that only the compositions in `operators/src/operations` call, which run where there is no CPU kernel; see the second test",
    ),
    ("cubecl_common", "number types and constants of GPU kernels"),
    ("image", "blur and resizing by its own filters: contact sheets of explanations; decoding calls none"),
    ("indicatif", "progress bars"),
    ("kurbo", "curves of figures"),
    (
        "qd",
        "faer's double-double constants: a logarithm of the number type's precision, for thresholds of generic code",
    ),
    ("rand_distr", "Burn's random tensors, which nothing here draws"),
    ("read_fonts", "texts in figures"),
    ("resvg", "figures"),
    ("skrifa", "texts in figures"),
    ("statrs", "distributions of the statistics"),
    ("svgtypes", "figures"),
    ("tiny_skia", "figures"),
    ("tiny_skia_path", "figures"),
    ("usvg", "figures"),
];

/// Where Burn's functions of this kind may be called: bodies that run where there is no CPU kernel.
const COMPOSITIONS: &str = "crates/operators/src/operations/";

/// Burn's functions whose bits depend on the machine on the CPU: by the mathematical library, or by fused multiply-adds. Those of
/// `activation`, sigmoid and softmax among them, have to be imported; [`EXACT_IMPORTS`] are free of both.
const BURNS: [&str; 14] = [
    ".exp()",
    ".log()",
    ".log1p()",
    ".tanh()",
    ".sin()",
    ".cos()",
    ".tan()",
    ".erf()",
    ".powf(",
    ".powf_scalar(",
    "activation::",
    "float_exp(",
    "float_log(",
    "matmul(",
];

/// Imports of `activation` that compare and multiply alone.
const EXACT_IMPORTS: [&str; 2] = ["activation::relu;", "activation::{leaky_relu, relu};"];

/// The functions of [`FUNCTIONS`] that a compiled library calls and does not define.
fn imported(path: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(path).unwrap();
    let archive = ArchiveFile::parse(&*bytes).unwrap();
    let mut found = BTreeSet::new();
    for member in archive.members() {
        let member = member.unwrap();
        // A member that is not an object file is the compiler's metadata.
        if let Ok(file) = object::File::parse(member.data(&*bytes).unwrap()) {
            found.extend(undefined(file.symbols()));
        }
    }
    found
}

fn undefined<'data>(symbols: impl Iterator<Item = impl ObjectSymbol<'data>>) -> BTreeSet<String> {
    let names = symbols
        .filter(|symbol| symbol.is_undefined())
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned));
    names.filter(|name| is_platform_function(name)).collect()
}

fn is_platform_function(name: &str) -> bool {
    FUNCTIONS.contains(&name) || name.strip_suffix('f').is_some_and(|double| FUNCTIONS.contains(&double))
}

/// Returns the crates of the build, with the names that the compiler uses.
fn locked() -> BTreeSet<String> {
    let text = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    names.map(|name| name.replace('-', "_")).collect()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The compiled libraries beside this test, by the name of their crate: those of the workspace as built last, of others all versions.
fn libraries() -> BTreeMap<String, BTreeSet<String>> {
    let (program, locked) = (std::env::current_exe().unwrap(), locked());
    let mut newest: BTreeMap<String, (SystemTime, BTreeSet<String>)> = BTreeMap::new();
    for entry in std::fs::read_dir(program.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let Some((name, _)) =
            file.strip_prefix("lib").and_then(|file| file.strip_suffix(".rlib")?.rsplit_once('-'))
        else {
            continue;
        };
        // Libraries of earlier builds may be there too.
        if !locked.contains(name) {
            continue;
        }
        let built = path.metadata().unwrap().modified().unwrap();
        let (last, functions) = newest.entry(name.to_owned()).or_insert((built, BTreeSet::new()));
        let is_ours = name.starts_with("allconv_");
        if is_ours && built < *last {
            continue;
        }
        if is_ours {
            functions.clear();
        }
        functions.extend(imported(&path));
        *last = built.max(*last);
    }
    newest.into_iter().map(|(name, (_, functions))| (name, functions)).collect()
}

#[test]
fn functions_of_the_platform_cannot_affect_the_numbers_of_runs() {
    let libraries = libraries();
    for name in SCOPE {
        let functions = libraries.get(name).unwrap_or_else(|| panic!("no compiled library {name}"));
        assert!(functions.is_empty(), "{name} imports {functions:?}");
    }
    let others: BTreeMap<&String, &BTreeSet<String>> =
        libraries.iter().filter(|(_, functions)| !functions.is_empty()).collect();
    let unknown: Vec<_> =
        others.iter().filter(|(name, _)| OTHERS.iter().all(|(other, _)| other != **name)).collect();
    assert!(unknown.is_empty(), "not listed with a reason: {unknown:#?}");
    let gone: Vec<_> = OTHERS.iter().filter(|(other, _)| others.keys().all(|name| *name != other)).collect();
    assert!(gone.is_empty(), "listed, but they import none: {gone:?}");
    // What the program itself imports comes from these.
    let program = std::fs::read(env!("CARGO_BIN_EXE_allconv")).unwrap();
    let program = undefined(object::File::parse(&*program).unwrap().dynamic_symbols());
    let listed: BTreeSet<&String> = others.values().flat_map(|functions| functions.iter()).collect();
    let unlisted: Vec<&String> = program.iter().filter(|name| !listed.contains(name)).collect();
    assert!(unlisted.is_empty(), "no listed crate imports {unlisted:?}");
}

/// The Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn functions_of_burn_that_depend_on_the_machine_are_called_in_compositions_alone() {
    let mut files = Vec::new();
    for name in ["operators", "nets", "train", "inspect"] {
        sources(&workspace().join("crates").join(name).join("src"), &mut files);
    }
    let (mut inside, mut outside) = (0, Vec::new());
    for file in files {
        let path = file.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let is_exact = code.starts_with("//") || EXACT_IMPORTS.iter().any(|exact| code.ends_with(exact));
            if is_exact || BURNS.iter().all(|function| !code.contains(function)) {
                continue;
            }
            match path.contains(COMPOSITIONS) || path.contains("/tests/") {
                true => inside += 1,
                false => outside.push(format!("{path}:{}: {code}", number + 1)),
            }
        }
    }
    assert!(outside.is_empty(), "{outside:#?}");
    assert!(inside > 5, "the search found nothing where there is something");
}
