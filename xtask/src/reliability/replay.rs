//! What a disk holds after a loss of power: the writes of a trace are replayed without those that were not synchronised.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::operations::Operation;

/// What becomes of writes that were not synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// Contents and names of files are lost.
    Strict,
    /// Names are kept, contents are lost.
    NamesKept,
    /// Names and lengths are kept, contents read as zeros.
    Zeroed,
}

impl View {
    /// All of them.
    pub(super) const ALL: [View; 3] = [View::Strict, View::NamesKept, View::Zeroed];
}

/// A file, folder or link below the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// A folder.
    Folder,
    /// A file with its bytes.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Link(String),
}

/// All entries by their path.
pub(super) type Snapshot = BTreeMap<String, Entry>;

#[derive(Clone, Debug)]
enum Node {
    File { bytes: Vec<u8>, synced: Vec<u8> },
    Folder { names: BTreeMap<String, usize>, synced: BTreeMap<String, usize> },
    Link(String),
}

/// A folder as a file system holds it: what is written, and what of it is synchronised.
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    /// Open files and folders by descriptor, with the position of the next byte.
    open: BTreeMap<i32, (usize, u64)>,
}

impl Disk {
    /// A folder whose present content is synchronised.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn of(root: &Path) -> anyhow::Result<Disk> {
        let mut disk = Disk { root: root.to_owned(), nodes: Vec::new(), open: BTreeMap::new() };
        disk.load(root)?;
        Ok(disk)
    }

    fn load(&mut self, path: &Path) -> anyhow::Result<usize> {
        let place = self.nodes.len();
        if path.is_symlink() {
            self.nodes.push(Node::Link(std::fs::read_link(path)?.to_string_lossy().into_owned()));
        } else if path.is_file() {
            let bytes = std::fs::read(path)?;
            self.nodes.push(Node::File { synced: bytes.clone(), bytes });
        } else {
            self.nodes.push(Node::Folder { names: BTreeMap::new(), synced: BTreeMap::new() });
            let mut found = BTreeMap::new();
            for entry in std::fs::read_dir(path)? {
                let entry = entry?;
                found.insert(entry.file_name().to_string_lossy().into_owned(), self.load(&entry.path())?);
            }
            self.nodes[place] = Node::Folder { names: found.clone(), synced: found };
        }
        Ok(place)
    }

    /// Applies an operation; those outside the root change nothing.
    ///
    /// # Errors
    /// The operation does not fit what is there, so that the replay would be wrong.
    pub(super) fn apply(&mut self, operation: &Operation) -> anyhow::Result<()> {
        match operation {
            Operation::Open { path, descriptor, truncates, appends } => {
                self.open.remove(descriptor);
                if let Some(node) = self.opened(path)? {
                    if let (true, Node::File { bytes, .. }) = (*truncates, &mut self.nodes[node]) {
                        bytes.clear();
                    }
                    let position = match &self.nodes[node] {
                        Node::File { bytes, .. } if *appends => bytes.len() as u64,
                        _ => 0,
                    };
                    self.open.insert(*descriptor, (node, position));
                }
            }
            Operation::Close { descriptor } => {
                self.open.remove(descriptor);
            }
            Operation::Move { descriptor, to } => {
                if let Some((_, position)) = self.open.get_mut(descriptor) {
                    *position = *to;
                }
            }
            Operation::Skip { descriptor, count } => {
                if let Some((_, position)) = self.open.get_mut(descriptor) {
                    *position += count;
                }
            }
            Operation::Write { descriptor, at, bytes } => self.write(*descriptor, *at, bytes)?,
            Operation::Truncate { descriptor, length } => {
                if let Some(bytes) = self.bytes_of(*descriptor) {
                    bytes.resize(*length as usize, 0);
                }
            }
            Operation::Sync { descriptor } => self.sync(*descriptor),
            Operation::Folder { path } => {
                let folder = Node::Folder { names: BTreeMap::new(), synced: BTreeMap::new() };
                self.add(path, folder)?;
            }
            Operation::Symlink { target, path } => self.add(path, Node::Link(target.clone()))?,
            Operation::Link { from, to } => {
                if let Some(node) = self.find(from) {
                    self.name(to, node)?;
                }
            }
            Operation::Rename { from, to } => {
                if let Some(node) = self.find(from) {
                    self.forget(from)?;
                    self.name(to, node)?;
                } else if self.within(to).is_some() {
                    bail!("{from} was renamed to {to} from outside");
                }
            }
            Operation::Remove { path } => self.forget(path)?,
        }
        Ok(())
    }

    fn opened(&mut self, path: &str) -> anyhow::Result<Option<usize>> {
        if self.within(path).is_some() && self.find(path).is_none() {
            self.add(path, Node::File { bytes: Vec::new(), synced: Vec::new() })?;
        }
        Ok(self.find(path))
    }

    fn write(&mut self, descriptor: i32, at: Option<u64>, written: &[u8]) -> anyhow::Result<()> {
        let Some((node, position)) = self.open.get(&descriptor).copied() else { return Ok(()) };
        let start = at.unwrap_or(position) as usize;
        let Node::File { bytes, .. } = &mut self.nodes[node] else { bail!("a folder was written to") };
        let end = start + written.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[start..end].copy_from_slice(written);
        if at.is_none() {
            self.open.insert(descriptor, (node, end as u64));
        }
        Ok(())
    }

    fn bytes_of(&mut self, descriptor: i32) -> Option<&mut Vec<u8>> {
        let (node, _) = self.open.get(&descriptor)?;
        match &mut self.nodes[*node] {
            Node::File { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    fn sync(&mut self, descriptor: i32) {
        let Some((node, _)) = self.open.get(&descriptor) else { return };
        match &mut self.nodes[*node] {
            Node::File { bytes, synced } => synced.clone_from(bytes),
            Node::Folder { names, synced } => synced.clone_from(names),
            Node::Link(_) => {}
        }
    }

    /// The path below the root, none for other paths.
    fn within<'a>(&self, path: &'a str) -> Option<&'a Path> {
        Path::new(path).strip_prefix(&self.root).ok()
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.within(path)?.iter().try_fold(0, |node, name| match &self.nodes[node] {
            Node::Folder { names, .. } => names.get(&*name.to_string_lossy()).copied(),
            _ => None,
        })
    }

    /// The names in the folder that holds a path, and the path's last name.
    fn parent(&mut self, path: &str) -> anyhow::Result<Option<(&mut BTreeMap<String, usize>, String)>> {
        if self.within(path).is_none() {
            return Ok(None);
        }
        let whole = Path::new(path);
        let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else { return Ok(None) };
        let node = self.find(&parent.to_string_lossy()).with_context(|| format!("no folder of {path}"))?;
        match &mut self.nodes[node] {
            Node::Folder { names, .. } => Ok(Some((names, name.to_string_lossy().into_owned()))),
            _ => bail!("{path} lies in no folder"),
        }
    }

    fn add(&mut self, path: &str, node: Node) -> anyhow::Result<()> {
        if self.within(path).is_some() {
            self.nodes.push(node);
            self.name(path, self.nodes.len() - 1)?;
        }
        Ok(())
    }

    fn name(&mut self, path: &str, node: usize) -> anyhow::Result<()> {
        if let Some((names, name)) = self.parent(path)? {
            names.insert(name, node);
        }
        Ok(())
    }

    fn forget(&mut self, path: &str) -> anyhow::Result<()> {
        if let Some((names, name)) = self.parent(path)? {
            names.remove(&name).with_context(|| format!("{path} was removed and is not there"))?;
        }
        Ok(())
    }

    /// Returns what is left after a loss of power.
    pub(super) fn snapshot(&self, view: View) -> Snapshot {
        let mut snapshot = Snapshot::new();
        self.gather(0, "", view, &mut snapshot);
        snapshot
    }

    fn gather(&self, node: usize, path: &str, view: View, snapshot: &mut Snapshot) {
        let entry = match &self.nodes[node] {
            Node::Folder { names, synced } => {
                for (name, inner) in if view == View::Strict { synced } else { names } {
                    self.gather(*inner, &format!("{path}/{name}"), view, snapshot);
                }
                Entry::Folder
            }
            Node::File { bytes, synced } if view == View::Zeroed => {
                let mut kept = vec![0; bytes.len()];
                for (kept, (now, then)) in kept.iter_mut().zip(bytes.iter().zip(synced)) {
                    *kept = if now == then { *now } else { 0 };
                }
                Entry::File(kept)
            }
            Node::File { synced, .. } => Entry::File(synced.clone()),
            Node::Link(target) => Entry::Link(target.clone()),
        };
        snapshot.insert(path.to_owned(), entry);
    }
}

/// Writes a snapshot into a folder that does not exist yet.
///
/// # Errors
/// A file cannot be written.
pub(super) fn materialise(snapshot: &Snapshot, folder: &Path) -> anyhow::Result<()> {
    // A folder comes before what lies in it: its path is the beginning of theirs.
    for (path, entry) in snapshot {
        let place = folder.join(path.trim_start_matches('/'));
        match entry {
            Entry::Folder => std::fs::create_dir_all(&place)?,
            Entry::File(bytes) => std::fs::write(&place, bytes)?,
            Entry::Link(target) => std::os::unix::fs::symlink(target, &place)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &str, descriptor: i32) -> Operation {
        Operation::Open { path: path.to_owned(), descriptor, truncates: false, appends: false }
    }

    fn disk() -> (tempfile::TempDir, Disk) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("old"), "kept").unwrap();
        let mut disk = Disk::of(folder.path()).unwrap();
        disk.root = PathBuf::from("/d");
        (folder, disk)
    }

    fn replayed(operations: &[Operation]) -> Disk {
        let (_folder, mut disk) = disk();
        for operation in operations {
            disk.apply(operation).unwrap();
        }
        disk
    }

    fn file(text: &str) -> Entry {
        Entry::File(text.as_bytes().to_vec())
    }

    #[test]
    fn contents_and_names_are_kept_when_both_are_synchronised() {
        let write = Operation::Write { descriptor: 3, at: None, bytes: b"new".to_vec() };
        let begin = [open("/d/new", 3), write];
        let unsynced = replayed(&begin);
        assert_eq!(unsynced.snapshot(View::Strict).get("/new"), None);
        assert_eq!(unsynced.snapshot(View::NamesKept)["/new"], file(""));
        assert_eq!(unsynced.snapshot(View::Zeroed)["/new"], file("\0\0\0"));
        assert_eq!(unsynced.snapshot(View::Strict)["/old"], file("kept"));
        let synced = [Operation::Sync { descriptor: 3 }];
        let named = [open("/d", 4), Operation::Sync { descriptor: 4 }];
        let half = replayed(&[&begin[..], &synced].concat());
        assert_eq!(half.snapshot(View::Strict).get("/new"), None);
        assert_eq!(half.snapshot(View::NamesKept)["/new"], file("new"));
        let whole = replayed(&[&begin[..], &synced, &named].concat());
        assert_eq!(whole.snapshot(View::Strict)["/new"], file("new"));
        let empty = replayed(&[&begin[..], &named].concat());
        assert_eq!(empty.snapshot(View::Strict)["/new"], file(""));
    }

    #[test]
    fn a_rename_that_is_not_synchronised_leaves_the_old_content() {
        let rename = Operation::Rename { from: "/d/new".into(), to: "/d/old".into() };
        let write = Operation::Write { descriptor: 3, at: None, bytes: b"new".to_vec() };
        let renamed = [open("/d/new", 3), write, Operation::Sync { descriptor: 3 }, rename];
        let disk = replayed(&renamed);
        assert_eq!(disk.snapshot(View::Strict)["/old"], file("kept"));
        assert_eq!(disk.snapshot(View::NamesKept)["/old"], file("new"));
    }
}
