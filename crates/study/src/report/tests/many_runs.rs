//! Size and time of the report of a study of many runs.

use super::*;
use allconv_record::{MetricPoint, Outcome, Outcomes, SplitName};

/// A study of twenty arms.
fn wide_study(seeds: u32) -> StudyFile {
    let mut text = small_study_text(seeds);
    text.truncate(text.find("[arms.").unwrap());
    let rules = ["max_pool", "folded_stride", "strided_conv"];
    for arm in 0..20 {
        let name = if arm == 0 { "max_pool".to_string() } else { format!("arm_{arm}") };
        let rule = rules[arm % 3];
        text.push_str(&format!(
            "[arms.{name}.net]\nlayers = {arm}\ndownsample = {{ {rule} = {{ kernel = 3 }} }}\n"
        ));
    }
    StudyFile::parse("wide.toml", text).unwrap()
}

/// A finished run of fifty epochs with the outcomes of ten thousand test examples.
fn write_full_run(folder: &Path, planned: &crate::PlannedRun) {
    let (arm, seed) = (planned.arm_index as u64, planned.seed);
    let directory = write_run(folder, planned, Status::Finished, None);
    let mut record = directory.read_record().unwrap();
    (record.step, record.total_steps) = (70, 70);
    directory.write_record(&record).unwrap();
    let length = std::fs::metadata(directory.journal_path()).unwrap().len();
    let mut journal = directory.open_journal(length).unwrap();
    for epoch in 1..=50_u64 {
        for (split, name) in [
            (SplitName::Train, "loss"),
            (SplitName::Train, "error"),
            (SplitName::Valid, "loss"),
            (SplitName::Valid, "error"),
        ] {
            let value = (1.0 / (epoch + arm) as f64 + 0.001 * ((seed + epoch) % 7) as f64).min(1.0);
            journal
                .append(&MetricPoint {
                    step: 20 + epoch,
                    epoch: epoch as f64,
                    split,
                    name: name.into(),
                    value,
                })
                .unwrap();
        }
    }
    let mut random = allconv_random::SplitMix::new(1000 * arm + seed);
    let outcomes: Vec<Outcome> = (0..10_000_u32)
        .map(|sample| {
            let label = (sample % 10) as u16;
            let predicted =
                if random.below(100) < 20 + arm as usize { random.below(10) as u16 } else { label };
            Outcome { sample, label, predicted, loss: 1.0 }
        })
        .collect();
    let wrong = outcomes.iter().filter(|outcome| outcome.label != outcome.predicted).count();
    directory.write_outcomes(&Outcomes(outcomes)).unwrap();
    let value = wrong as f64 / 10_000.0;
    journal
        .append(&MetricPoint { step: 70, epoch: 50.0, split: SplitName::Test, name: "error".into(), value })
        .unwrap();
}

/// Largest resident memory of this process so far, in bytes; `None` elsewhere than on Linux.
fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// A hundred runs in every push; under `ALLCONV_CAMPAIGN=release` a thousand, in at most ten seconds and a gigabyte.
#[test]
fn the_report_of_many_runs_stays_small_and_quick() {
    let is_campaign = std::env::var("ALLCONV_CAMPAIGN").is_ok_and(|campaign| campaign == "release");
    let seeds = if is_campaign { 50 } else { 5 };
    let folder = tempfile::tempdir().unwrap();
    let study = wide_study(seeds);
    for planned in plan(&study) {
        write_full_run(folder.path(), &planned);
    }
    let began = std::time::Instant::now();
    let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
    let collected = began.elapsed();
    let files = report_files(&results, &());
    let seconds = began.elapsed().as_secs_f64();
    let page = content(&files, "index.html").len();
    let peak = peak_memory().unwrap_or(0);
    println!(
        "{} runs: {seconds:.2} s, of which {:.2} s reading; page {page} bytes; peak memory {} MiB",
        results.runs.len(),
        collected.as_secs_f64(),
        peak >> 20
    );
    assert!(results.runs.iter().all(|run| run.value.is_some()));
    assert!(peak < 1 << 30, "{peak} bytes");
    if is_campaign {
        // A loaded machine would make this fail in every push.
        assert!(seconds < 10.0, "{seconds} s");
    } else {
        assert!(page < 2_000_000, "a page of {page} bytes for {} runs", results.runs.len());
    }
}
