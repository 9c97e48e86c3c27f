use std::time::Duration;

/// Ticks a second of `/proc`: 100 on every Linux since 2.6.
const TICKS: u64 = 100;

/// The CPU time a process uses from now on.
pub(crate) struct CpuMeter {
    pid: u32,
    before: Option<Duration>,
}

impl CpuMeter {
    /// Begins to count.
    pub(crate) fn start(pid: u32) -> Self {
        Self { pid, before: cpu(pid) }
    }

    /// Microseconds used for each of `count` things; 0 where `/proc` does not tell.
    pub(crate) fn us_each(&self, count: u64) -> f64 {
        let used = cpu(self.pid).zip(self.before).map(|(after, before)| after.saturating_sub(before));
        used.unwrap_or_default().as_secs_f64() * 1e6 / count.max(1) as f64
    }
}

/// CPU time a process has used so far; `None` where `/proc` does not tell.
fn cpu(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces: fields are counted behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// Resident memory of a process, bytes.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
