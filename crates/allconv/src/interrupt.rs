//! Signals that request a checkpoint and the end of the program: from a terminal, a batch system or a closed connection.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};

use crate::exit;

/// Installs the handlers and returns the flag that the training loop checks.
///
/// SIGINT and SIGTERM, SIGUSR1 and SIGUSR2 (which batch systems send before a time limit) and SIGHUP set it; a SIGHUP that was to be
/// ignored, as under `nohup`, stays ignored. A second SIGINT or SIGTERM ends the program at once.
///
/// # Errors
/// When the operating system refuses a handler.
pub(crate) fn install() -> std::io::Result<Arc<AtomicBool>> {
    let (flag, again) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for signal in [SIGINT, SIGTERM] {
        // Order matters: the first signal sets the flag, a second one finds it set and ends the program.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(exit::FAILURE),
            Arc::clone(&again),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&again))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    for signal in [SIGUSR1, SIGUSR2, SIGHUP] {
        if !(signal == SIGHUP && is_ignored(signal)) {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
    }
    Ok(flag)
}

/// Turns writing beyond the file size limit of the process into an ordinary error instead of the end of the process.
pub(crate) fn outlive_file_limit() {
    // Any handler will do: the write then fails with EFBIG. Without one the process ends, as before.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Returns whether the parent process set the signal to be ignored; `false` where the system does not report it.
fn is_ignored(signal: i32) -> bool {
    let Ok(text) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
