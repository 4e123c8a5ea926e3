//! Messages about GPUs on a machine without one.

use std::process::Output;

use crate::tiny_study::output;

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_doctor_reports_for_every_kind_of_gpu_what_its_build_needs_and_what_was_tested() {
    let folder = tempfile::tempdir().unwrap();
    let doctor = output(folder.path(), &["doctor"]);
    assert!(doctor.status.success(), "{}", message(&doctor));
    let told = String::from_utf8(doctor.stdout).unwrap();
    for (kind, needs, tested) in
        [("vulkan", "the crate registry alone", "docs/vulkan.md"), ("cuda", "LLVM 23.1", "no such GPU")]
    {
        let section = told.split_once(&format!("device {kind}")).unwrap().1;
        let section = section.split("\ndevice ").next().unwrap();
        let line = |name: &str| section.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        assert!(line("build needs").contains(needs), "{told}");
        assert!(line("tested").contains(tested), "{told}");
        assert!(line("in this build").ends_with("yes") || line("in this build").ends_with("no"), "{told}");
    }
    let page =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/decisions/0018-what-the-gpu-features-need.md");
    assert!(told.contains("docs/decisions/0018-what-the-gpu-features-need.md"), "{told}");
    assert!(std::path::Path::new(page).exists(), "the doctor names a page that is not there");
}

#[test]
fn an_operation_is_tried_in_a_process_that_reports_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let tried = output(folder.path(), &["try-operation", "cpu", "convolution"]);
    assert_eq!(String::from_utf8_lossy(&tried.stdout), "\"Right\"\n");
    let unknown = output(folder.path(), &["try-operation", "cpu", "division"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(message(&unknown).contains("division"), "{}", message(&unknown));
}
