//! What the system says of processes.

use std::fs;

/// Bytes of memory that the process holds; no number where the system does not say so.
pub fn resident(pid: u32) -> f64 {
    // Exact, which `statm` is not: it leaves out what each core has not told yet.
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|it| it.strip_prefix("Rss:"));
    let kib = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(f64::NAN, |it| (it << 10) as f64)
}

/// For how many ns all threads of the process have run; no number where the system does not say so.
pub fn ran(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    // In ns, where `stat` counts ticks of 10 ms.
    let ran = |it: fs::DirEntry| {
        let text = fs::read_to_string(it.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let ran: Vec<f64> = threads.filter_map(ran).collect();
    if ran.is_empty() { f64::NAN } else { ran.iter().sum() }
}

/// Lets this process, and those that it starts, have as many open files as the system allows without
/// asking anybody; how many that is.
#[cfg(unix)]
pub fn raise_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let allowed = if raised.is_ok() { maximum } else { current };
    allowed.unwrap_or(u64::MAX)
}

/// As many as there are.
#[cfg(not(unix))]
pub fn raise_files() -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn memory_and_time_of_a_process_are_known() {
        use super::{ran, resident};

        let us = std::process::id();
        assert!(100e3 < resident(us) && 0.0 < ran(us));
        assert!(resident(0).is_nan() && ran(0).is_nan());
    }
}
