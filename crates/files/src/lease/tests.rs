use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Short enough for tests, and long beside the pauses of a busy machine.
const HEARTBEAT: Duration = Duration::from_millis(400);

/// The heartbeat of owners that never renew in time.
const ENDLESS: Duration = Duration::from_secs(3600);

fn on(machine: &str) -> Leases {
    Leases::on_machine(machine, HEARTBEAT)
}

fn taken(leases: &Leases, folder: &Path) -> Option<Lease> {
    match leases.take(folder).unwrap() {
        Taken::Yes(lease) => Some(lease),
        Taken::No(_) => None,
    }
}

/// Asks every few milliseconds, and returns the lease with the time that it took.
fn wait_for(leases: &Leases, folder: &Path, at_most: Duration) -> Option<(Lease, Duration)> {
    let began = Instant::now();
    while began.elapsed() < at_most {
        if let Some(lease) = taken(leases, folder) {
            return Some((lease, began.elapsed()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

#[test]
fn a_folder_has_one_owner_until_it_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    for machines in [["one", "one"], ["one", "other"]] {
        let [first, second] = machines.map(on);
        assert!(!is_leased(folder.path()).unwrap());
        let lease = taken(&first, folder.path()).unwrap();
        assert!(taken(&second, folder.path()).is_none() && taken(&first, folder.path()).is_none());
        assert!(is_leased(folder.path()).unwrap() && lease.confirm().unwrap() && !lease.is_lost());
        drop(lease);
        assert!(!is_leased(folder.path()).unwrap());
        assert!(taken(&second, folder.path()).unwrap().confirm().unwrap());
    }
}

#[test]
fn a_living_owner_is_never_replaced_and_is_seen_alive() {
    let folder = tempfile::tempdir().unwrap();
    let lease = taken(&on("one"), folder.path()).unwrap();
    let other = on("other");
    assert!(wait_for(&other, folder.path(), HEARTBEAT * 6).is_none());
    let Taken::No(holder) = other.take(folder.path()).unwrap() else { panic!("it was taken") };
    assert!(holder.is_alive && holder.process.contains(&std::process::id().to_string()), "{holder:?}");
    assert!(lease.confirm().unwrap());
}

#[test]
fn a_stopped_owner_is_replaced_within_two_heartbeats_and_notices_when_it_continues() {
    // On the same machine its locks are still held; on another nothing is known of it but the heartbeat.
    for machine in ["one", "other"] {
        let folder = tempfile::tempdir().unwrap();
        let mut stopped = taken(&on("one"), folder.path()).unwrap();
        stopped.stand_still();
        let (lease, time) = wait_for(&on(machine), folder.path(), HEARTBEAT * 10).unwrap();
        assert!(time >= HEARTBEAT.mul_f64(PATIENCE) && time <= HEARTBEAT * 2, "{machine}: {time:?}");
        assert!(!stopped.confirm().unwrap() && stopped.is_lost(), "{machine}");
        drop(stopped);
        assert!(lease.confirm().unwrap(), "{machine}: the former owner gave back what it had lost");
        assert!(taken(&on("third"), folder.path()).is_none());
        // The successor ends its work while the former owner still holds the older lock.
        drop(lease);
        assert!(taken(&on("third"), folder.path()).is_some());
    }
}

#[test]
fn a_folder_can_be_taken_after_a_successor_gave_it_back_while_the_former_owner_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let mut stopped = taken(&on("one"), folder.path()).unwrap();
    stopped.stand_still();
    drop(wait_for(&on("one"), folder.path(), HEARTBEAT * 10).unwrap());
    let third = taken(&on("one"), folder.path()).unwrap();
    assert!(!stopped.confirm().unwrap() && third.confirm().unwrap());
}

#[test]
fn an_owner_that_died_on_this_machine_is_replaced_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (machine, at_once) in [("one", true), ("other", false)] {
        // What a killed process leaves: a lease whose lock nobody holds.
        let owner = entry::Owner {
            nonce: "x".into(),
            heartbeat: ENDLESS,
            machine: "one".into(),
            is_locked: true,
            process: "process 1".into(),
        };
        fs::write(folder.path().join("lease-7"), owner.to_text()).unwrap();
        assert_eq!(taken(&on(machine), folder.path()).is_some(), at_once);
        let _ = fs::remove_file(folder.path().join("lease-8"));
    }
}

#[test]
fn a_damaged_lease_is_replaced_after_the_patience_of_the_usual_heartbeat() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lease-3"), "").unwrap();
    let leases = on("one");
    assert!(taken(&leases, folder.path()).is_none());
    let long_ago = Instant::now().checked_sub(DEFAULT_HEARTBEAT * 2).expect("this machine runs for a minute");
    leases.seen().get_mut(folder.path()).unwrap().since = long_ago;
    assert!(taken(&leases, folder.path()).is_some());
}

#[test]
fn of_many_that_see_a_stopped_owner_exactly_one_replaces_it() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut stopped = taken(&on("one"), folder.path()).unwrap();
        stopped.stand_still();
        let long_ago = Instant::now().checked_sub(HEARTBEAT * 2).expect("this machine runs for a second");
        let (owners, begin) = (AtomicUsize::new(0), std::sync::Barrier::new(16));
        std::thread::scope(|scope| {
            for number in 0..16 {
                let (folder, owners, begin) = (folder.path(), &owners, &begin);
                scope.spawn(move || {
                    let leases = on(&format!("machine-{number}"));
                    assert!(taken(&leases, folder).is_none());
                    leases.seen().get_mut(folder).unwrap().since = long_ago;
                    begin.wait();
                    let lease = taken(&leases, folder);
                    let is_owner = lease.as_ref().is_some_and(|lease| lease.confirm().unwrap());
                    owners.fetch_add(usize::from(is_owner), Ordering::Relaxed);
                    begin.wait();
                });
            }
        });
        assert_eq!(owners.load(Ordering::Relaxed), 1);
        assert!(!stopped.confirm().unwrap());
    }
}

#[test]
fn a_program_before_leases_and_this_one_keep_each_other_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LOCK);
    // What such a program does.
    let lock = || {
        let file = File::create(&path).unwrap();
        (lock::exclusive(&file, &path).unwrap() == Locked::Here).then_some(file)
    };
    let older = lock().unwrap();
    assert!(taken(&on("one"), folder.path()).is_none() && is_leased(folder.path()).unwrap());
    drop(older);
    let lease = taken(&on("one"), folder.path()).unwrap();
    assert!(lock().is_none());
    drop(lease);
    assert!(lock().is_some());
}

#[test]
fn a_lease_leaves_one_small_file_beside_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let lease = taken(&on("one"), folder.path()).unwrap();
        assert!(lease.confirm().unwrap() && lease.confirm().unwrap());
    }
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["lease-9", LOCK]);
    // Other users of a shared store read it.
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions();
    assert_eq!(mode("lease-9"), mode(LOCK));
}
