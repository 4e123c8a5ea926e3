//! Page faults and resident memory of this process; `None` where the operating system has no `/proc`.

/// Minor page faults so far: pages that were mapped without reading a disk.
pub(crate) fn minor_page_faults() -> Option<u64> {
    let line = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may hold spaces; minflt is the eighth after it.
    line.rsplit_once(')')?.1.split_whitespace().nth(7)?.parse().ok()
}

/// Bytes resident now.
pub(crate) fn resident_bytes() -> Option<u64> {
    status_bytes("VmRSS:")
}

/// Largest number of bytes ever resident.
pub(crate) fn peak_resident_bytes() -> Option<u64> {
    status_bytes("VmHWM:")
}

fn status_bytes(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn touching_fresh_memory_is_counted() {
        const BYTES: usize = 64 << 20;
        let (faults, resident) = (minor_page_faults().unwrap(), resident_bytes().unwrap());
        let mut memory = vec![0_u8; BYTES];
        memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        assert!(minor_page_faults().unwrap() > faults, "{} pages were touched", BYTES / 4096);
        assert!(resident_bytes().unwrap() > resident + BYTES as u64 / 2);
        assert!(peak_resident_bytes().unwrap() >= BYTES as u64);
        assert_eq!(std::hint::black_box(memory)[4096], 1);
    }
}
