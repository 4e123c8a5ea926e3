//! Resolution of the paths in a module to the files that define their names, through imports and re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Item, UseTree};

use super::module::{Module, ModulePath};

/// The names of one module.
#[derive(Default)]
struct Names {
    defined: BTreeSet<String>,
    imported: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// The names of every module of a crate.
pub(crate) struct NameTable<'a> {
    modules: &'a BTreeMap<ModulePath, Module>,
    names: BTreeMap<&'a ModulePath, Names>,
}

impl<'a> NameTable<'a> {
    /// Collects what every module defines and imports.
    pub(crate) fn of(modules: &'a BTreeMap<ModulePath, Module>) -> Self {
        let names = modules.iter().map(|(path, module)| (path, names(&module.items))).collect();
        NameTable { modules, names }
    }

    /// The files that the product code of a module needs: what it imports, what its paths name, and what it re-exports and uses too.
    pub(crate) fn needed_by(&self, path: &ModulePath) -> BTreeSet<PathBuf> {
        let (uses, code): (Vec<&Item>, Vec<&Item>) =
            self.modules[path].items.iter().partition(|item| matches!(item, Item::Use(_)));
        let mut paths = PathsIn::default();
        code.iter().filter(|item| !matches!(item, Item::Mod(_))).for_each(|item| paths.visit_item(item));
        for item in uses {
            let Item::Use(item) = item else { continue };
            let is_private = matches!(item.vis, syn::Visibility::Inherited);
            leaves(&item.tree, Vec::new(), &mut |leaf, name| {
                if is_private || name.is_some_and(|name| paths.first_names.contains(&name)) {
                    paths.longer.push(leaf);
                }
            });
        }
        let files = paths.longer.iter().filter_map(|segments| self.file_of(path, segments, 0));
        files.map(Path::to_owned).collect()
    }

    /// The file that defines what `segments` name, seen from module `from`; none for names of other crates.
    fn file_of(&self, from: &ModulePath, segments: &[String], depth: usize) -> Option<&Path> {
        // Circular imports end here.
        if depth > 16 {
            return None;
        }
        let mut at = from.clone();
        let mut rest = segments;
        if rest.first().is_some_and(|first| first == "crate") {
            (at, rest) = (Vec::new(), &rest[1..]);
        }
        while let Some(first) = rest.first() {
            match first.as_str() {
                "self" => {}
                "super" => drop(at.pop()?),
                name => {
                    let inner: ModulePath = at.iter().cloned().chain([name.to_owned()]).collect();
                    if !self.modules.contains_key(&inner) {
                        return self.definition(&at, rest, depth);
                    }
                    at = inner;
                }
            }
            rest = &rest[1..];
        }
        Some(&self.modules.get(&at)?.file)
    }

    /// The file that defines the first of `segments`, a name of module `at` that is no module itself.
    fn definition(&self, at: &ModulePath, segments: &[String], depth: usize) -> Option<&Path> {
        let names = self.names.get(at)?;
        let (first, rest) = segments.split_first()?;
        if names.defined.contains(first) {
            return Some(&self.modules[at].file);
        }
        if let Some(import) = names.imported.get(first) {
            // `use serde::serde` would otherwise lead to itself.
            let longer: Vec<String> = import.iter().chain(rest).cloned().collect();
            return (longer != segments).then(|| self.file_of(at, &longer, depth + 1)).flatten();
        }
        let through_glob = names.globs.iter().find_map(|glob| {
            let longer: Vec<String> = glob.iter().chain(segments).cloned().collect();
            self.file_of(at, &longer, depth + 1)
        });
        // What is left was defined by a macro of this module, or is a name of another crate, seen from here.
        through_glob.or(Some(&self.modules[at].file))
    }
}

fn names(items: &[Item]) -> Names {
    let mut names = Names::default();
    for item in items {
        let defined = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Use(item) => {
                leaves(&item.tree, Vec::new(), &mut |leaf, name| match name {
                    Some(name) => drop(names.imported.insert(name, leaf)),
                    None => names.globs.push(leaf),
                });
                continue;
            }
            _ => continue,
        };
        names.defined.insert(defined.to_string());
    }
    names
}

/// Calls `found` with the path of every leaf of a `use` and the name it gets; none for a glob, whose path is that of its module.
fn leaves(tree: &UseTree, mut before: Vec<String>, found: &mut impl FnMut(Vec<String>, Option<String>)) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before, found);
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before.clone(), found)),
        UseTree::Glob(_) => found(before, None),
        UseTree::Name(name) if name.ident == "self" => {
            let last = before.last().cloned();
            found(before, last);
        }
        UseTree::Name(name) => {
            before.push(name.ident.to_string());
            found(before, Some(name.ident.to_string()));
        }
        UseTree::Rename(rename) => {
            if rename.ident != "self" {
                before.push(rename.ident.to_string());
            }
            found(before, Some(rename.rename.to_string()));
        }
    }
}

/// The paths in a piece of code.
#[derive(Default)]
struct PathsIn {
    /// Those of two and more segments.
    longer: Vec<Vec<String>>,
    /// The first segments of all.
    first_names: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for PathsIn {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.keep(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }
}

impl PathsIn {
    /// Adds the paths in the arguments of a macro, which have no syntax tree: names joined by `::`.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(point) if point.as_char() == ':' => colons += 1,
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => {
                    path.push(name.to_string());
                    colons = 0;
                }
                token => {
                    self.keep(std::mem::take(&mut path));
                    colons = 0;
                    match token {
                        TokenTree::Ident(name) => path.push(name.to_string()),
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.keep(path);
    }

    fn keep(&mut self, path: Vec<String>) {
        self.first_names.extend(path.first().cloned());
        if path.len() > 1 {
            self.longer.push(path);
        }
    }
}
