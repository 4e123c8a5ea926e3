//! `cargo xtask lines`: the lines of product code of every crate, test code left out, and what exceeds the style's limits.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::module::{Module, modules};
use crate::arrows;

/// The lines a file may have, and a function.
const LIMITS: (usize, usize) = (400, 60);

/// Prints the lines of each crate, the files above 400 lines and the functions above 60.
pub(crate) fn print(workspace: &Path) -> anyhow::Result<()> {
    let mut total = 0;
    let mut long = Vec::new();
    for folder in arrows::crates() {
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
    let mut functions = LongFunctions(Vec::new());
    module
        .items
        .iter()
        .filter(|item| !matches!(item, syn::Item::Mod(_)))
        .for_each(|item| functions.visit_item(item));
    let functions = functions.0.into_iter().map(|(name, lines)| format!("function {place}: {name} {lines}"));
    let file = (module.lines > LIMITS.0).then(|| format!("file {place} {}", module.lines));
    file.into_iter().chain(functions).collect()
}

/// Functions above the limit, with their lines from the signature to the closing brace.
struct LongFunctions(Vec<(String, usize)>);

impl LongFunctions {
    fn note(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.span().end().line + 1 - signature.span().start().line;
        if lines > LIMITS.1 {
            self.0.push((signature.ident.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }
}
