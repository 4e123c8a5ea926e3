//! `strace`: traces of the program, and faults injected into its system calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::campaign::{Campaign, found};

/// Calls that open, read, make, change, rename, remove, synchronise or describe files.
pub(super) const CALLS: &str = "openat,read,pread64,write,lseek,fsync,fdatasync,fchmod,ftruncate,rename,renameat,renameat2,link,linkat,symlink,\
symlinkat,mkdir,mkdirat,unlink,unlinkat,rmdir,statx,newfstatat,getdents64,readlink,statfs,flock,copy_file_range,sendfile";

/// The program under strace, which writes its trace to `trace`; `options` come before the program.
pub(super) fn traced(campaign: &Campaign, folder: &Path, trace: &Path, options: &[&str]) -> Command {
    let (strace, trace) = (found("strace"), trace.to_string_lossy());
    let before = [&*strace.to_string_lossy(), "-f", "-qq", "-o", &trace];
    campaign.after(folder, &[&before[..], options].concat())
}

/// Fails where there is no strace.
///
/// # Errors
/// It cannot be started.
pub(super) fn require() -> anyhow::Result<()> {
    let ended = Command::new("strace").arg("--version").output();
    let ended = ended.context("this part needs strace, a package of that name in most distributions")?;
    ensure!(ended.status.success(), "strace --version ended with {}", ended.status);
    Ok(())
}

/// A call by its name, and how many of that name its thread had made, itself included: what strace counts for an injection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) number: u64,
}

/// Returns all calls of a trace, each once however many threads made it.
pub(super) fn calls(trace: &str) -> Vec<Call> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut calls = std::collections::BTreeSet::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if name.contains(' ') {
            continue;
        }
        let number = counts.entry((thread, name)).or_default();
        *number += 1;
        calls.insert(Call { name: name.to_owned(), number: *number });
    }
    calls.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_for_each_thread() {
        let trace = "7 openat(AT_FDCWD, \"a\") = 3\n8 openat(AT_FDCWD, \"b\" <unfinished ...>\n7 fsync(3) = 0\n\
                     8 <... openat resumed>) = 4\n7 openat(AT_FDCWD, \"c\") = 5\n7 +++ exited with 0 +++\n";
        let found: Vec<_> = calls(trace).into_iter().map(|call| (call.name, call.number)).collect();
        let wanted = [("fsync", 1), ("openat", 1), ("openat", 2)];
        assert_eq!(found, wanted.map(|(name, number)| (name.to_owned(), number)));
    }
}
