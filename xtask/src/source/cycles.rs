//! The largest cycle of files that depend on each other, per crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::module::modules;
use super::names::NameTable;
use crate::dependencies;

/// The largest allowed number of files in a cycle.
const LARGEST_CYCLE: usize = 3;

/// Checks that no crate has a cycle of more than three files.
///
/// # Errors
/// Names the crate and the files of the first such cycle.
pub(crate) fn check(workspace: &Path) -> anyhow::Result<()> {
    for folder in dependencies::crates() {
        for cycle in cycles(&workspace.join("crates").join(folder).join("src"))? {
            ensure!(
                cycle.len() <= LARGEST_CYCLE,
                "crates/{folder}: {} files need each other, at most {LARGEST_CYCLE} may: {}",
                cycle.len(),
                list(&cycle)
            );
        }
    }
    Ok(())
}

/// Prints the largest cycle of every crate.
pub(crate) fn print(workspace: &Path) -> anyhow::Result<()> {
    for folder in dependencies::crates() {
        let cycles = cycles(&workspace.join("crates").join(folder).join("src"))?;
        match cycles.iter().max_by_key(|cycle| cycle.len()) {
            Some(cycle) => println!("{folder:10} {:3} files: {}", cycle.len(), list(cycle)),
            None => println!("{folder:10}  no cycle"),
        }
    }
    Ok(())
}

fn list(cycle: &[PathBuf]) -> String {
    cycle.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

type Graph = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// The cycles of two files and more.
fn cycles(src: &Path) -> anyhow::Result<Vec<Vec<PathBuf>>> {
    let modules = modules(src)?;
    let table = NameTable::of(&modules);
    let mut graph = Graph::new();
    for (path, module) in &modules {
        graph.entry(module.file.clone()).or_default().extend(table.needed_by(path));
    }
    Ok(components(&graph).into_iter().filter(|component| component.len() > 1).collect())
}

/// Returns the strongly connected components. The graphs have a few hundred files, so the set of files that each one reaches is computed directly.
fn components(graph: &Graph) -> Vec<Vec<PathBuf>> {
    let reach: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        graph.keys().map(|file| (file, reach(graph, file))).collect();
    let mut seen = BTreeSet::new();
    let mut components = Vec::new();
    for file in graph.keys() {
        if seen.contains(file) {
            continue;
        }
        let mutual =
            reach[file].iter().filter(|other| reach.get(**other).is_some_and(|back| back.contains(file)));
        let mut component: Vec<PathBuf> =
            mutual.map(|other| (*other).clone()).filter(|other| other != file).collect();
        component.insert(0, file.clone());
        seen.extend(component.iter().cloned());
        components.push(component);
    }
    components
}

fn reach<'a>(graph: &'a Graph, from: &PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&PathBuf> = graph[from].iter().collect();
    while let Some(file) = waiting.pop() {
        if reached.insert(file) {
            waiting.extend(graph.get(file).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_every_crate_are_layered() {
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_cycle_through_a_re_export_and_a_path_is_found_and_test_code_is_not_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let src = folder.path();
        write(src, "lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\npub use b::B;\n#[cfg(test)]\nmod absent;\n");
        write(src, "a.rs", "use crate::B;\npub struct A(B);\n");
        write(src, "b.rs", "pub struct B;\nfn f() { assert_eq!((), crate::c::g()) }\n");
        write(src, "c/mod.rs", "mod inner;\npub use inner::g;\n");
        write(src, "c/inner.rs", "use super::super::a::A;\npub fn g() {}\n");
        write(src, "d.rs", "use crate::a::A;\n#[cfg(test)]\nmod tests { use crate::b::B; }\n");
        let expected: Vec<PathBuf> = ["a.rs", "b.rs", "c/inner.rs"].iter().map(PathBuf::from).collect();
        assert_eq!(cycles(src).unwrap(), [expected]);
    }
}
