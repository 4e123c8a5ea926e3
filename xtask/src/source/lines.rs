//! `cargo xtask lines`: the lines of product code of every crate, without test code, and what exceeds the limits of the style.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Block, FnArg, Item, Signature, Type, Visibility};

use super::module::{Module, modules};
use crate::dependencies;

/// The lines that a file may have.
const FILE_LINES: usize = 400;

/// The lines that a function may have.
const FUNCTION_LINES: usize = 60;

/// The parameters that a function may have.
const PARAMETERS: usize = 6;

/// Prints the lines of each crate, and what is above the limits: files, functions, parameters, booleans in public functions.
pub(crate) fn print(workspace: &Path) -> anyhow::Result<()> {
    let mut total = 0;
    let mut long = Vec::new();
    for folder in dependencies::crates() {
        let modules = modules(&workspace.join("crates").join(folder).join("src"))?;
        let lines: usize = modules.values().map(|module| module.lines).sum();
        println!("{folder:10} {lines:6}");
        total += lines;
        for module in modules.values() {
            long.extend(excess(folder, module));
        }
    }
    println!("{:10} {total:6}", "together");
    long.sort();
    long.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// What a module holds above the limits.
fn excess(folder: &str, module: &Module) -> Vec<String> {
    let place = format!("{folder}/src/{}", module.file.display());
    let mut functions = Functions(Vec::new());
    module
        .items
        .iter()
        .filter(|item| !matches!(item, Item::Mod(_)))
        .for_each(|item| functions.visit_item(item));
    let functions = functions.0.into_iter().map(|text| format!("function {place}: {text}"));
    let file = (module.lines > FILE_LINES).then(|| format!("file {place} {}", module.lines));
    file.into_iter().chain(functions).collect()
}

/// What functions have above the limits.
struct Functions(Vec<String>);

impl Functions {
    fn note(&mut self, visibility: &Visibility, signature: &Signature, block: &Block) {
        let name = &signature.ident;
        // From the signature to the closing brace.
        let lines = block.span().end().line + 1 - signature.span().start().line;
        if lines > FUNCTION_LINES {
            self.0.push(format!("{name} has {lines} lines"));
        }
        if signature.inputs.len() > PARAMETERS {
            self.0.push(format!("{name} has {} parameters", signature.inputs.len()));
        }
        if matches!(visibility, Visibility::Public(_)) && signature.inputs.iter().any(is_boolean) {
            self.0.push(format!("{name} is public and takes a boolean"));
        }
    }
}

fn is_boolean(argument: &FnArg) -> bool {
    let FnArg::Typed(argument) = argument else { return false };
    matches!(&*argument.ty, Type::Path(path) if path.path.is_ident("bool"))
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.vis, &function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.vis, &function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }
}
