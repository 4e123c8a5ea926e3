//! `allconv try-operation`: one operation on one device, run in a process of its own because a driver may end it.

use crate::device_operations::{OPERATIONS, try_here};
use crate::exit::{self, UsageError};
use crate::{device, output};

/// Runs the command: prints the result of the operation as JSON unless the driver ends the process.
pub(crate) fn run(device: &str, operation: &str) -> anyhow::Result<u8> {
    let chosen = device::choose(device)?;
    let Some(operation) = OPERATIONS.iter().find(|known| known.name == operation) else {
        return Err(UsageError(format!("no operation is called `{operation}`")).into());
    };
    let finding = try_here(operation, &chosen.device);
    output::print_line(serde_json::to_string(&finding)?)?;
    Ok(exit::OK)
}
