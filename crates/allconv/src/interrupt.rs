//! SIGINT and SIGTERM ask for a checkpoint; a second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::exit;

/// Installs the handlers and returns the flag that the training loop looks at.
///
/// # Errors
/// When the operating system refuses a handler.
pub(crate) fn install() -> std::io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Order matters: the second signal finds the flag set and leaves, the first one only sets it.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(exit::FAILURE),
            Arc::clone(&flag),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}
