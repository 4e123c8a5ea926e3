//! Markup from study files and runs stays text in every file of the report.

use super::*;

#[test]
fn markup_from_files_stays_text_in_every_file_and_a_long_name_of_a_metric_makes_no_report_fail() {
    const MARKUP: &str = "<script>alert(1)</script> | [x](y) `<b>` *a* _b_ & # $ ^ ~ \\input{/etc/passwd}";
    let folder = tempfile::tempdir().unwrap();
    let quoted = format!("'{MARKUP}'");
    let text = small_study_text(2)
        .replace("\"Does a strided convolution replace max pooling?\"", &quoted)
        .replace("primary", &format!("caveat = {quoted}\nprimary"))
        .replace(
            "[base.data]",
            &format!("reference = {{ label = {quoted}, values = {{ strided = 0.1 }} }}\n[base.data]"),
        );
    let study = StudyFile::parse("small.toml", text).unwrap();
    for planned in plan(&study) {
        let run =
            write_run(folder.path(), &planned, Status::Finished, Some(0.2 + 0.01 * planned.arm_index as f64));
        for name in ["=cmd|'/C calc'!A0", "a/b", "a-b", "../../../x", &"x".repeat(400), MARKUP] {
            append_metric(&run, name, 0.5);
        }
        if planned.arm == "all_conv" {
            let mut record = run.read_record().unwrap();
            record.status = Status::Failed;
            record.reason = Some(format!("=1+1 {MARKUP}\u{202e}\u{1b}[31m"));
            record.environment.cpu = MARKUP.into();
            run.write_record(&record).unwrap();
        }
    }
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    let files = report_files(&results, &());
    write_report(&files, &folder.path().join("report")).unwrap();
    let paths: std::collections::BTreeSet<String> =
        files.iter().map(|file| file.path.to_ascii_lowercase()).collect();
    assert_eq!(paths.len(), files.len(), "two figures share a file");
    assert!(files.iter().all(|file| file.path.len() < 150), "{paths:?}");
    let paper = content(&files, "paper.md");
    let outside_of_fences: String = paper.split("\n```").step_by(2).collect();
    for raw in ["<script>", "[x](y)", "`<b>`"] {
        assert!(!outside_of_fences.contains(raw), "{raw} is in paper.md");
    }
    assert!(paper.contains("⟨U+202E⟩⟨U+001B⟩"), "{paper}");
    let tex = content(&files, "tables.tex");
    for raw in ["<", ">", "\\input", " _b"] {
        assert!(!tex.contains(raw), "{raw} is in tables.tex: {tex}");
    }
    for path in ["results.csv", "metrics.csv"] {
        for cell in content(&files, path).lines().flat_map(|line| line.split(',')) {
            let cell = cell.trim_start_matches('"');
            assert!(!cell.starts_with(['=', '+', '@', '\t']), "{path}: {cell}");
        }
    }
    for file in &files {
        let text = String::from_utf8_lossy(&file.content);
        assert!(file.path.ends_with(".png") || !text.contains(['\u{202e}', '\u{1b}']), "{}", file.path);
    }
    let alone = small_study_text(2);
    let alone = &alone[..alone.find("[arms.all_conv").unwrap()];
    let alone = StudyFile::parse("small.toml", alone.to_string()).unwrap();
    let files = report_files(&filled(folder.path(), &alone), &());
    for path in ["index.html", "paper.md", "tables.tex"] {
        assert!(!content(&files, path).contains("1 comparisons"), "{path}");
    }
}
