//! Results do not depend on threads, loader workers and the machine.

use allconv_kernels::Isa;

use crate::tiny_study::{TinyStudy, allconv, assert_same_results};

#[test]
fn threads_and_loader_workers_do_not_change_a_bit() {
    let reference = TinyStudy::new();
    reference.finish(&["--threads", "1", "--workers", "0"]);
    for further in [
        ["--threads", "2", "--workers", "0"],
        ["--threads", "2", "--workers", "3"],
        ["--threads", "3", "--workers", "1"],
    ] {
        let other = TinyStudy::new();
        other.finish(&further);
        assert_same_results(&reference, &other);
        let threads = format!("\"threads\": {}", further[1]);
        let record = std::fs::read_to_string(other.run_directory().unwrap().join("run.json")).unwrap();
        assert!(record.contains(&threads), "the run was not made with {}", further[1]);
    }
}

#[test]
fn the_seed_changes_the_result() {
    let first = TinyStudy::new();
    first.finish(&[]);
    let text = crate::tiny_study::STUDY.replace("synthetic  = { seed = 0", "synthetic  = { seed = 1");
    let second = TinyStudy::with(&text);
    second.finish(&[]);
    assert_ne!(first.results()["metrics.jsonl"], second.results()["metrics.jsonl"]);
}

/// Returns the output of `doctor --bits` with these arguments and environment variables.
fn bits(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = allconv(folder.path());
    let output =
        command.args(["doctor", "--bits"]).args(arguments).envs(environment.iter().copied()).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?} {environment:?}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

#[test]
fn every_instruction_set_and_number_of_threads_computes_the_bits_of_the_reference() {
    for set in Isa::available() {
        let said = bits(&["--isa", &set.to_string()], &[]);
        assert!(said.contains(&format!("({set}, ")), "{said}");
    }
    for threads in ["1", "3"] {
        let said = bits(&["--threads", threads], &[]);
        assert!(said.contains(&format!(" {threads} threads")), "{said}");
    }
}

/// glibc then takes its functions for processors without these instructions.
#[test]
fn the_result_does_not_depend_on_the_mathematical_library_of_the_platform() {
    bits(&[], &[("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable")]);
}
