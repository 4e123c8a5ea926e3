//! The operations on files in a trace, with the bytes that were written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};

/// Options of strace under which [`operations`] can read its trace.
pub(super) const OPTIONS: [&str; 5] = ["-xx", "-s", "100000000", "-e", TRACED];

const TRACED: &str = "trace=openat,creat,close,dup,dup2,dup3,read,write,pwrite64,writev,pwritev,lseek,ftruncate,fsync,fdatasync,\
rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,unlink,unlinkat,rmdir,copy_file_range,sendfile,sync_file_range,\
fallocate,clone,clone3,fork,vfork";

/// An operation that succeeded. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A file or folder was opened, and made where it was not there.
    Open { path: String, descriptor: i32, truncates: bool, appends: bool },
    /// A descriptor was closed.
    Close { descriptor: i32 },
    /// The position in a file was set.
    Move { descriptor: i32, to: u64 },
    /// Bytes were read.
    Skip { descriptor: i32, count: u64 },
    /// Bytes were written, at a position of their own or the file's.
    Write { descriptor: i32, at: Option<u64>, bytes: Vec<u8> },
    /// A file was cut or lengthened.
    Truncate { descriptor: i32, length: u64 },
    /// A file or folder was synchronised.
    Sync { descriptor: i32 },
    /// A folder was made.
    Folder { path: String },
    /// A symbolic link was made.
    Symlink { target: String, path: String },
    /// A file got another name.
    Link { from: String, to: String },
    /// A file or folder was renamed.
    Rename { from: String, to: String },
    /// A name was removed.
    Remove { path: String },
}

/// Returns the operations of a trace of a process that ran in `folder`, without those of the programs that it started.
///
/// # Errors
/// A line cannot be read, or is a call that would have to be replayed and cannot be.
pub(super) fn operations(trace: &str, folder: &Path) -> anyhow::Result<Vec<Operation>> {
    let calls = calls(trace);
    let others: BTreeSet<&str> = calls.iter().filter_map(|(_, call)| started(call)).collect();
    let mut found = Vec::new();
    for (thread, call) in calls.iter().filter(|(thread, _)| !others.contains(thread)) {
        let shown = || format!("thread {thread}: {}", call.chars().take(200).collect::<String>());
        if let Some(operation) = operation(call, folder).with_context(shown)? {
            found.push(operation);
        }
    }
    Ok(found)
}

/// Returns the calls with their threads, those that were interrupted by others as one.
fn calls(trace: &str) -> Vec<(&str, String)> {
    let mut begun: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, start.to_owned());
        } else if let Some((_, end)) =
            rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"))
        {
            calls.push((thread, begun.remove(thread).unwrap_or_default() + end));
        } else {
            calls.push((thread, rest.to_owned()));
        }
    }
    calls
}

/// Returns the number of the process that a call started, none for threads and other calls.
fn started(call: &str) -> Option<&str> {
    let (name, rest) = call.split_once('(')?;
    let starts = ["clone", "clone3", "fork", "vfork"].contains(&name) && !rest.contains("CLONE_THREAD");
    starts.then(|| rest.rsplit_once(" = ").map(|(_, process)| process.trim()))?
}

/// Reads one call; none where it failed or changes nothing.
fn operation(call: &str, folder: &Path) -> anyhow::Result<Option<Operation>> {
    // Lines about signals and exits have no parenthesis of a call.
    let Some((name, rest)) = call.split_once('(') else { return Ok(None) };
    let Some((arguments, result)) = rest.rsplit_once(" = ") else { return Ok(None) };
    let result = result.split_whitespace().next().unwrap_or_default();
    if result.starts_with('-') || result.starts_with('?') {
        return Ok(None);
    }
    let result: i64 = match result.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16)?,
        None => result.parse()?,
    };
    let arguments = arguments.trim_end().trim_end_matches(')');
    let arguments: Vec<&str> = arguments.split(", ").collect();
    let argument = |place: usize| arguments.get(place).copied().context("an argument is missing");
    let path = |place: usize| absolute(argument(place)?, folder);
    let descriptor = || -> anyhow::Result<i32> { Ok(argument(0)?.parse()?) };
    let number = |place: usize| -> anyhow::Result<u64> { Ok(argument(place)?.parse()?) };
    let operation = match name {
        "openat" => {
            let flags = argument(2)?;
            // Without O_CREAT the file was there.
            Operation::Open {
                path: path(1)?,
                descriptor: result as i32,
                truncates: flags.contains("O_TRUNC"),
                appends: flags.contains("O_APPEND"),
            }
        }
        "close" => Operation::Close { descriptor: descriptor()? },
        "read" => Operation::Skip { descriptor: descriptor()?, count: result as u64 },
        "lseek" => Operation::Move { descriptor: descriptor()?, to: result as u64 },
        "write" | "pwrite64" => {
            let mut bytes = unescaped(argument(1)?)?;
            bytes.truncate(result as usize);
            let at = if name == "pwrite64" { Some(number(3)?) } else { None };
            Operation::Write { descriptor: descriptor()?, at, bytes }
        }
        "ftruncate" => Operation::Truncate { descriptor: descriptor()?, length: number(1)? },
        "fsync" | "fdatasync" => Operation::Sync { descriptor: descriptor()? },
        "mkdir" => Operation::Folder { path: path(0)? },
        "mkdirat" => Operation::Folder { path: path(1)? },
        "symlink" => Operation::Symlink { target: text(argument(0)?)?, path: path(1)? },
        "symlinkat" => Operation::Symlink { target: text(argument(0)?)?, path: path(2)? },
        "link" => Operation::Link { from: path(0)?, to: path(1)? },
        "linkat" => Operation::Link { from: path(1)?, to: path(3)? },
        "rename" => Operation::Rename { from: path(0)?, to: path(1)? },
        "renameat" | "renameat2" => Operation::Rename { from: path(1)?, to: path(3)? },
        "unlink" | "rmdir" => Operation::Remove { path: path(0)? },
        "unlinkat" => Operation::Remove { path: path(1)? },
        "clone" | "clone3" | "fork" | "vfork" => return Ok(None),
        other => bail!("the replay does not know `{other}`"),
    };
    Ok(Some(operation))
}

/// A path argument, relative ones against the folder of the process.
fn absolute(argument: &str, folder: &Path) -> anyhow::Result<String> {
    Ok(folder.join(text(argument)?).to_string_lossy().into_owned())
}

fn text(argument: &str) -> anyhow::Result<String> {
    Ok(String::from_utf8(unescaped(argument)?)?)
}

/// The bytes of a string that strace wrote in hexadecimal digits.
fn unescaped(argument: &str) -> anyhow::Result<Vec<u8>> {
    let inner = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.context("expected a whole string in quotes")?;
    let bytes = inner.split("\\x").skip(1).map(|digits| u8::from_str_radix(digits, 16));
    Ok(bytes.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_across_interruptions_and_failed_ones_left_out() {
        let trace = "7 openat(AT_FDCWD, \"\\x61\", O_RDWR|O_CREAT|O_TRUNC, 0666) = 3\n\
            7 write(3, \"\\x00\\x2c\\x20\", 3 <unfinished ...>\n\
            8 fsync(5) = -1 EIO (Input/output error)\n\
            7 <... write resumed>) = 2\n\
            7 rename(\"\\x61\", \"\\x2f\\x62\") = 0\n7 +++ exited with 0 +++\n";
        let found = operations(trace, Path::new("/f")).unwrap();
        let wanted = [
            Operation::Open { path: "/f/a".into(), descriptor: 3, truncates: true, appends: false },
            Operation::Write { descriptor: 3, at: None, bytes: vec![0, 0x2c] },
            Operation::Rename { from: "/f/a".into(), to: "/b".into() },
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_other_processes_do_is_left_out_and_what_threads_do_is_not() {
        let trace = "7 vfork( <unfinished ...>\n9 dup2(3, 0) = 0\n7 <... vfork resumed>) = 9\n\
            7 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0}, 88) = 8\n8 fsync(4) = 0\n";
        assert_eq!(operations(trace, Path::new("/f")).unwrap(), [Operation::Sync { descriptor: 4 }]);
    }

    #[test]
    fn a_call_that_cannot_be_replayed_is_an_error() {
        let error = operations("7 copy_file_range(3, NULL, 4, NULL, 9, 0) = 9\n", Path::new("/f"));
        assert!(format!("{:#}", error.unwrap_err()).contains("copy_file_range"));
    }
}
