//! Checkpoints are restored as written, damaged ones are skipped, links are not needed.

use super::*;
use crate::tensors::NamedTensor;

fn checkpoint(step: u64, best_step: u64) -> Checkpoint {
    let tensor = NamedTensor { shape: vec![2], values: vec![step as f32, -0.0] };
    let tensors = NamedTensors::from([("features.0.weight".to_owned(), tensor)]);
    Checkpoint {
        state: State {
            schema: CHECKPOINT_VERSION,
            specification_hash: "abc".into(),
            step,
            loss_sum_bits: 0.1f64.to_bits(),
            correct: 3,
            images: 10,
            journal_length: 5,
            journal_hash: Some("aa".into()),
            best: Some(Best { rank: 1, step: best_step }),
        },
        model: tensors.clone(),
        optimizer: tensors,
    }
}

/// Accepts the checkpoints of one specification.
fn of(specification: &str) -> impl Fn(&State) -> Result<(), String> {
    move |state| match state.specification_hash == specification {
        true => Ok(()),
        false => Err("another specification".to_owned()),
    }
}

fn links(folder: &Path) -> [Option<PathBuf>; 2] {
    ["last", "best"].map(|link| fs::read_link(folder.join(link)).ok())
}

#[test]
fn the_newest_checkpoint_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path().join("checkpoints"));
    assert!(store.newest(&of("abc")).unwrap().checkpoint.is_none());
    store.write(&checkpoint(1, 1)).unwrap();
    store.write(&checkpoint(2, 1)).unwrap();
    let found = store.newest(&of("abc")).unwrap();
    assert_eq!(found.checkpoint, Some(checkpoint(2, 1)));
    assert!(found.rejected.is_empty());
}

#[test]
fn a_state_of_version_1_is_read() {
    let text = serde_json::to_string(&State { schema: 1, ..checkpoint(2, 1).state }).unwrap();
    let old = text.replace("rank", "wrong");
    assert_eq!(serde_json::from_str::<State>(&old).unwrap().best, Some(Best { rank: 1, step: 1 }));
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    for file in [FILES[0], FILES[1], FILES[2], MANIFEST] {
        store.write(&checkpoint(1, 1)).unwrap();
        store.write(&checkpoint(2, 1)).unwrap();
        let path = folder.path().join("step-00000002").join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let found = store.newest(&of("abc")).unwrap();
        assert_eq!(found.checkpoint, Some(checkpoint(1, 1)), "damage in {file} went unseen");
        assert!(found.rejected[0].contains("step-00000002"), "{:?}", found.rejected);
    }
}

#[test]
fn the_best_and_the_newest_two_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    fs::create_dir(folder.path().join("tmp-1-step-00000001")).unwrap();
    fs::write(folder.path().join("tmp-2-step-00000001"), "a file").unwrap();
    for step in 1..=5 {
        store.write(&checkpoint(step, step.min(2))).unwrap();
    }
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["best", "last", "step-00000002", "step-00000004", "step-00000005"]);
    assert_eq!(fs::read_link(folder.path().join("best")).unwrap(), Path::new("step-00000002"));
    assert_eq!(fs::read_link(folder.path().join("last")).unwrap(), Path::new("step-00000005"));
}

#[test]
fn a_checkpoint_of_another_specification_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    store.write(&checkpoint(1, 1)).unwrap();
    let found = store.newest(&of("other")).unwrap();
    assert!(found.checkpoint.is_none());
    assert_eq!(found.rejected.len(), 1);
}

#[test]
fn the_newest_is_the_one_with_the_largest_step_whatever_the_names_look_like() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    store.write(&checkpoint(99_999_999, 99_999_999)).unwrap();
    store.write(&checkpoint(100_000_000, 99_999_999)).unwrap();
    for name in ["step-zzz", "step-1", "step-+0000003"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let found = store.newest(&of("abc")).unwrap();
    assert_eq!(found.checkpoint.unwrap().state.step, 100_000_000);
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
}

#[test]
fn links_that_were_left_behind_are_mended_and_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    store.write(&checkpoint(1, 1)).unwrap();
    let behind = links(folder.path());
    store.write(&checkpoint(2, 2)).unwrap();
    let right = links(folder.path());
    // A stop between the rename of a checkpoint and its links.
    for (link, target) in ["last", "best"].into_iter().zip(&behind) {
        fs::remove_file(folder.path().join(link)).unwrap();
        std::os::unix::fs::symlink(target.as_ref().unwrap(), folder.path().join(link)).unwrap();
    }
    let found = store.newest(&of("abc")).unwrap().checkpoint.unwrap();
    assert_eq!(found, checkpoint(2, 2));
    store.mend_links(&found.state).unwrap();
    assert_eq!(links(folder.path()), right);
    // The best one survives although its link is wrong.
    store.mend_links(&checkpoint(2, 1).state).unwrap();
    for step in 3..=5 {
        store.write(&checkpoint(step, 2)).unwrap();
    }
    assert_eq!(store.read(2).unwrap(), checkpoint(2, 2));
}

#[test]
fn a_checkpoint_of_a_later_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    store.write(&checkpoint(1, 1)).unwrap();
    store.write(&checkpoint(2, 1)).unwrap();
    let path = folder.path().join("step-00000002").join(FILES[2]);
    fs::write(&path, r#"{"schema": 99, "unheard_of": 1}"#).unwrap();
    assert!(matches!(store.newest(&of("abc")), Err(RecordError::Newer { found: 99, .. })));
}

#[test]
fn a_checkpoint_under_the_name_of_another_step_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::at(folder.path());
    store.write(&checkpoint(1, 1)).unwrap();
    fs::rename(folder.path().join("step-00000001"), folder.path().join("step-00000007")).unwrap();
    let found = store.newest(&of("abc")).unwrap();
    assert!(found.checkpoint.is_none() && found.rejected[0].contains("step 1"), "{:?}", found.rejected);
}
