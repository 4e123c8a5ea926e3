//! The check that a path stays in a folder, whatever links it leads over.

use std::path::Path;

/// Returns whether `path` exists and lies in `root`, a path without links, after all links of `path` are followed.
pub(crate) fn is_contained(root: &Path, path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real.starts_with(root))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_count_as_what_they_lead_to() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().canonicalize().unwrap();
        let root = place.join("runs");
        std::fs::create_dir_all(root.join("pilot")).unwrap();
        std::fs::write(place.join("secret"), "").unwrap();
        symlink(place.join("secret"), root.join("outward")).unwrap();
        symlink(root.join("pilot"), root.join("inward")).unwrap();
        assert!(is_contained(&root, &root.join("inward")));
        for outside in ["outward", "../secret", "absent", "pilot/../../secret"] {
            assert!(!is_contained(&root, &root.join(outside)), "{outside}");
        }
        // A folder whose name only begins like the root's.
        std::fs::create_dir(place.join("runs-of-others")).unwrap();
        assert!(!is_contained(&root, &place.join("runs-of-others")));
    }
}
