//! The product modules of a crate: its root file and every module reached from it without `#[cfg(test)]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Item};

/// One module: a file, or a block `mod name { … }` within one.
pub(crate) struct Module {
    /// The file that contains it, relative to the crate's `src`.
    pub(crate) file: PathBuf,
    /// Its items without test code.
    pub(crate) items: Vec<Item>,
    /// The lines of its file that are not test code; 0 for a module within a file.
    pub(crate) lines: usize,
}

/// A module's path below the crate's root, such as `["convolution", "plan"]`; the root's is empty.
pub(crate) type ModulePath = Vec<String>;

/// Reads the product modules of the crate whose sources are in `src`.
///
/// # Errors
/// A file that cannot be read or parsed, or a module without a file.
pub(crate) fn modules(src: &Path) -> anyhow::Result<BTreeMap<ModulePath, Module>> {
    let root = ["lib.rs", "main.rs"].iter().map(|name| src.join(name)).find(|path| path.exists());
    let root = root.with_context(|| format!("{} has neither lib.rs nor main.rs", src.display()))?;
    let mut modules = BTreeMap::new();
    read_file(src, &root, Vec::new(), &mut modules)?;
    Ok(modules)
}

fn read_file(
    src: &Path,
    file: &Path,
    path: ModulePath,
    modules: &mut BTreeMap<ModulePath, Module>,
) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let tree = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
    let (tests, items): (Vec<Item>, Vec<Item>) = tree.items.into_iter().partition(is_test);
    let lines = text.lines().count() - tests.iter().map(|item| height(item.span())).sum::<usize>();
    let is_folder = path.is_empty() || file.file_name().is_some_and(|name| name == "mod.rs");
    let folder = if is_folder { file.parent().unwrap_or(src).to_owned() } else { file.with_extension("") };
    add(src, file, &folder, path, Found { items, lines }, modules)
}

struct Found {
    items: Vec<Item>,
    lines: usize,
}

/// Adds a module and the modules that it declares; `folder` is where their files lie.
fn add(
    src: &Path,
    file: &Path,
    folder: &Path,
    path: ModulePath,
    found: Found,
    modules: &mut BTreeMap<ModulePath, Module>,
) -> anyhow::Result<()> {
    for item in &found.items {
        let Item::Mod(module) = item else { continue };
        let name = module.ident.to_string();
        let inner: ModulePath = path.iter().cloned().chain([name.clone()]).collect();
        if let Some((_, items)) = &module.content {
            let items = items.iter().filter(|item| !is_test(item)).cloned().collect();
            add(src, file, &folder.join(&name), inner, Found { items, lines: 0 }, modules)?;
        } else {
            let beside = folder.join(format!("{name}.rs"));
            let below = folder.join(&name).join("mod.rs");
            read_file(src, if beside.exists() { &beside } else { &below }, inner, modules)?;
        }
    }
    let file = file.strip_prefix(src).unwrap_or(file).to_owned();
    modules.insert(path, Module { file, items: found.items, lines: found.lines });
    Ok(())
}

/// Whether an item is compiled for tests only.
fn is_test(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn height(span: Span) -> usize {
    span.end().line + 1 - span.start().line
}
