//! The description of machine and program that a run records.

use allconv_kernels::Isa;
use allconv_record::Environment;

/// Describes this machine and this program.
pub(crate) fn describe(isa: Isa, device: &str, threads: usize) -> Environment {
    Environment {
        allconv: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("ALLCONV_COMMIT").to_owned(),
        compiler: env!("ALLCONV_COMPILER").to_owned(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpu: cpu_name(),
        instruction_set: isa.to_string(),
        device: device.to_owned(),
        threads: threads as u32,
    }
}

/// Returns the processor's name as the system reports it, or `unknown`.
pub(crate) fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
