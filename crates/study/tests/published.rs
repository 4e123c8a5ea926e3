//! Every published run is readable, undamaged, and has its recorded hash.

use std::path::Path;

use allconv_record::RunDirectory;

#[test]
fn published_runs_of_every_format_count_as_ended() {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
    let mut count = 0;
    for study in std::fs::read_dir(&published).unwrap() {
        for run in RunDirectory::list(&study.unwrap().path().join("runs")).unwrap() {
            let record = run.read_record().unwrap();
            assert_eq!(run.damage(&record).unwrap(), None, "{}", run.path().display());
            assert!(run.ended().unwrap().is_some(), "{}", run.path().display());
            assert_eq!(run.read_specification().unwrap().hash(), record.specification_hash);
            count += 1;
        }
    }
    println!("{count} published runs");
    assert!(count >= 300, "only {count} published runs lie in {}", published.display());
}
