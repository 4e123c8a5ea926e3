//! What the pages show, and how they follow the runs.

use std::time::{Duration, Instant};

use allconv_record::{SplitName, Status};

use crate::support::{Place, STEPS, append, append_point};

/// A study of six runs: two finished, one under way, one diverged, one failed, one that has not begun. The lease of the one under way is
/// returned: while it is held, a process makes the run.
fn pilot(place: &Place) -> (allconv_record::Lease, allconv_record::RunDirectory) {
    let planned = place.study("pilot", 2);
    place.run("pilot", &planned[0], Status::Finished, 10);
    place.run("pilot", &planned[1], Status::Diverged, 3);
    place.run("pilot", &planned[2], Status::Finished, 10);
    let running = place.run("pilot", &planned[3], Status::Running, 4);
    place.run("pilot", &planned[4], Status::Failed, 2);
    (running.lease(&allconv_record::Leases::default()).unwrap(), running)
}

#[test]
fn every_state_of_a_run_is_shown_with_progress_reason_and_time() {
    let place = Place::new();
    let _lease = pilot(&place);
    let client = place.serve();
    let overview = client.page("/");
    for part in [
        "1 study: 3 of 6 runs ended, 1 under way",
        "/study/pilot\">pilot</a>",
        "Does &lt;b&gt;pooling&lt;/b&gt; matter in pilot?",
        "max_pool seed 1</a>",
        "was diverged on purpose",
        "was failed on purpose",
        "16 of 40",
    ] {
        assert!(overview.contains(part), "{part} is not in {overview}");
    }
    let study = client.page("/study/pilot");
    for part in [
        "6 runs: 2 done, 1 diverged, 1 running, 1 failed, 1 left; about",
        "left with 1 under way",
        "160 images/s in all runs under way",
        "Validation error (%)",
        "Training loss",
        "class=\"seed\"",
        "class=\"trace\"",
        "id=\"show-a2\"",
        "step 12 valid error",
        "folded_stride = { kernel = 3 }",
    ] {
        assert!(study.contains(part), "{part} is not in {study}");
    }
    let study = client.wait_for("/study/pilot", "Interim: not for verdicts.");
    assert!(study.contains("Interim comparison") && study.contains("runs missing"), "{study}");
}

#[test]
fn the_page_of_a_run_shows_its_specification_machine_and_last_lines() {
    let place = Place::new();
    let (_lease, running) = pilot(&place);
    let checkpoint = running.checkpoints().join("step-00000012");
    std::fs::create_dir_all(&checkpoint).unwrap();
    std::fs::write(checkpoint.join("model.safetensors"), vec![0; 3 << 20]).unwrap();
    let client = place.serve();
    let name = running.path().file_name().unwrap().to_str().unwrap();
    let page = client.page(&format!("/study/pilot/run/{name}"));
    for part in [
        "max_pool seed 1</h1>",
        "running, step 16 of 40",
        "1,234,567",
        "a &lt;i&gt;processor&lt;/i&gt;",
        "allconv study run pilot.toml",
        "Last lines of metrics.jsonl",
        "dataset = \"synthetic\"",
        "precision = \"f32\"",
        "<td>3.0</td>",
        "class=\"dot\"",
    ] {
        let page = page.replace("&quot;", "\"");
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn a_page_that_is_followed_moves_with_the_runs() {
    let place = Place::new();
    let (lock, running) = pilot(&place);
    let client = place.serve();
    let mut events = client.follow("/study/pilot");
    let first = events.next();
    assert!(first["sections"]["running"].as_str().unwrap().contains("16 of 40"), "{first}");
    // The comparison is computed beside it, and sent when it is there.
    let mut sections = first["sections"].clone();
    while !sections["comparison"].as_str().unwrap_or_default().contains("Interim") {
        sections = events.next()["sections"].clone();
    }
    let planned =
        allconv_study::plan(&allconv_study::StudyFile::read(&place.path().join("pilot.toml")).unwrap());
    let began = Instant::now();
    append(&running, &planned[3], 5..=6);
    let moved = events.next();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(moved["sections"]["running"].as_str().unwrap().contains("24 of 40"), "{moved}");
    assert!(moved["sections"].get("runs").is_none(), "only what changed is sent: {moved}");
    // The process ends without a word: the run was killed.
    drop(lock);
    let killed = events.next();
    assert!(killed["status"].as_str().unwrap().contains("1 interrupted"), "{killed}");
    assert!(
        killed["sections"]["lost"].as_str().unwrap().contains("no process holds it any more"),
        "{killed}"
    );
}

#[test]
fn the_last_run_turns_the_interim_comparison_into_the_comparison() {
    let place = Place::new();
    let planned = place.study("pilot", 6);
    let (last, others) = planned.split_last().unwrap();
    others.iter().for_each(|run| drop(place.run("pilot", run, Status::Finished, 10)));
    let client = place.serve();
    let page = client.wait_for("/study/pilot", "Interim: not for verdicts.");
    assert!(!page.contains("shown worse"), "{page}");
    place.run("pilot", last, Status::Finished, 10);
    let page = client.wait_for("/study/pilot", "shown worse");
    assert!(!page.contains("Interim") && page.contains(">Comparison<"), "{page}");
    assert!(page.contains("18 runs: 18 done"), "{page}");
}

#[test]
fn a_study_that_begins_while_the_page_is_open_appears() {
    let place = Place::new();
    let client = place.serve();
    assert!(client.page("/").contains("No study has been run here yet."));
    let mut events = client.follow("/");
    events.next();
    let planned = place.study("later", 1);
    let told = events.next();
    assert!(told["status"].as_str().unwrap().contains("0 of 3 runs ended"), "{told}");
    let directory = place.run("later", &planned[0], Status::Diverged, 1);
    let told = events.next();
    assert!(told["status"].as_str().unwrap().contains("1 of 3 runs ended"), "{told}");
    append_point(&directory, (SplitName::Train, "loss"), (STEPS, 1.0));
}

#[test]
fn published_results_are_shown_with_the_file_next_to_them() {
    let place = Place::new();
    let planned = place.study("pilot", 1);
    planned.iter().for_each(|run| drop(place.run("pilot", run, Status::Finished, 10)));
    let published = place.path().join("results/pilot");
    std::fs::create_dir_all(&published).unwrap();
    std::fs::rename(place.runs().join("pilot"), published.join("runs")).unwrap();
    std::fs::rename(place.path().join("pilot.toml"), published.join("pilot.toml")).unwrap();
    let client = crate::support::serve(vec![place.path().join("results")], "127.0.0.1");
    assert!(client.page("/study/pilot").contains("3 runs: 3 done"));
}

#[test]
fn runs_without_a_readable_study_file_are_shown_alone() {
    let place = Place::new();
    let _lease = pilot(&place);
    std::fs::write(place.path().join("pilot.toml"), "password = \"hunter2\"\nx = [").unwrap();
    let page = place.serve().page("/study/pilot");
    assert!(page.contains("cannot be read: only the runs are shown"), "{page}");
    assert!(page.contains("5 runs: 2 done"), "{page}");
    assert!(!page.contains("hunter2"), "the content of what is no study file is not told");
}
