//! A thousand runs: the first page, the updates, the memory.

use std::time::{Duration, Instant};

use allconv_record::Status;

use crate::support::{Place, append};

/// Bounds that hold on a slow machine in the profile of tests; `docs/watch.md` states what was measured.
const FIRST_PAGE: Duration = Duration::from_secs(1);
const UPDATE: Duration = Duration::from_millis(500);
const MEMORY_KIB: u64 = 300 << 10;

/// Memory of this process in KiB; `None` where the system does not tell.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[test]
fn a_thousand_runs_are_shown_at_once_and_follow_quickly() {
    let place = Place::new();
    let planned = place.study("large", 334);
    for run in &planned[..1000] {
        place.run("large", run, Status::Finished, 60);
    }
    let running = place.run("large", &planned[1000], Status::Running, 4);
    let _lease = running.lease(&allconv_record::Leases::default()).unwrap();
    let before = resident();
    let began = Instant::now();
    let client = place.serve();
    println!("reading 1,001 runs with 240 values each: {:?}", began.elapsed());
    let mut slowest = [Duration::ZERO; 2];
    for (index, path) in ["/", "/study/large"].into_iter().enumerate() {
        let began = Instant::now();
        let page = client.page(path);
        slowest[index] = began.elapsed();
        println!("first page {path}: {:?}, {} KiB", slowest[index], page.len() >> 10);
        assert!(slowest[index] < FIRST_PAGE, "{path}: {:?}", slowest[index]);
    }
    let mut updates = Vec::new();
    for epoch in 5..10 {
        append(&running, &planned[1000], epoch..=epoch);
        std::thread::sleep(Duration::from_millis(950));
        let began = Instant::now();
        let page = client.page("/study/large");
        updates.push(began.elapsed());
        assert!(page.contains(&format!("{} of 40", epoch * 4)), "epoch {epoch}");
    }
    updates.sort();
    println!("a changed page, read and written: median {:?}, longest {:?}", updates[2], updates[4]);
    assert!(updates[2] < UPDATE, "{updates:?}");
    match (before, resident()) {
        (Some(before), Some(after)) => {
            println!("memory: {} MiB more than before", after.saturating_sub(before) >> 10);
            assert!(after - before.min(after) < MEMORY_KIB, "{before} KiB before, {after} KiB after");
        }
        _ => println!("not measured: memory, which this system does not tell"),
    }
}
