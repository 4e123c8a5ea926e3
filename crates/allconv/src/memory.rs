//! The check that concurrent runs fit into the memory of this machine.

use allconv_study::CheckReport;

use crate::exit::UsageError;

/// Refuses more concurrent runs than fit: the largest `jobs` of the arms are added up, data sets included.
///
/// Where the system does not report its free memory, nothing is refused.
///
/// # Errors
/// [`UsageError`] naming the memory needed, the memory available and how many runs fit.
pub(crate) fn check_jobs(report: &CheckReport, jobs: usize) -> Result<(), UsageError> {
    let Some(available) = available_bytes() else { return Ok(()) };
    let largest = report.arms.iter().map(|arm| arm.resolved.memory_bytes).max().unwrap_or(0);
    fits(largest, jobs, available)
}

fn fits(largest: u64, jobs: usize, available: u64) -> Result<(), UsageError> {
    let needed = largest.saturating_mul(jobs as u64);
    if needed <= available {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let most = available / largest.max(1);
    let advice =
        if most >= 1 { format!("use --jobs {most}") } else { "use a smaller batch or network".to_owned() };
    Err(UsageError(format!(
        "--jobs {jobs} needs about {} MiB, {} MiB are free; {advice}",
        mib(needed),
        mib(available)
    )))
}

/// Returns the memory that is available without swapping, as Linux estimates it.
fn available_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_runs_are_refused_with_the_number_that_fits() {
        assert!(fits(1 << 30, 4, 4 << 30).is_ok());
        let message = fits(1 << 30, 4, 3 << 30).unwrap_err().to_string();
        assert_eq!(message, "--jobs 4 needs about 4096 MiB, 3072 MiB are free; use --jobs 3");
        let message = fits(2 << 30, 1, 1 << 30).unwrap_err().to_string();
        assert!(message.ends_with("use a smaller batch or network"), "{message}");
    }
}
