use std::time::Duration;

/// Ticks a second of `/proc`: 100 on every Linux since 2.6.
const TICKS: u64 = 100;

/// The CPU time used from now on, by a process alone or with its children.
pub(crate) struct CpuMeter {
    pid: u32,
    of: fn(u32) -> Option<Duration>,
    before: Option<Duration>,
}

impl CpuMeter {
    /// Begins to count what the process uses.
    pub(crate) fn start(pid: u32) -> Self {
        Self { pid, of: own, before: own(pid) }
    }

    /// Begins to count what the process and its children use, such as a database server's.
    pub(crate) fn of_family(pid: u32) -> Self {
        Self { pid, of: family, before: family(pid) }
    }

    /// Microseconds used for each of `count` things; 0 where `/proc` does not tell.
    pub(crate) fn us_each(&self, count: u64) -> f64 {
        let used = (self.of)(self.pid).zip(self.before).map(|(after, before)| after.saturating_sub(before));
        used.unwrap_or_default().as_secs_f64() * 1e6 / count.max(1) as f64
    }
}

/// A process as `/proc/PID/stat` has it.
struct Stat {
    parent: u32,
    /// Used by itself.
    own: Duration,
    /// Used by children that have ended.
    ended: Duration,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name in parentheses may hold anything: fields are counted behind it.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let time =
            |user: usize| Some(Duration::from_millis((ticks(user)? + ticks(user + 1)?) * 1_000 / TICKS));
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: time(11)?, ended: time(13)? })
    }
}

/// The parent of a process.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    Stat::of(pid).map(|stat| stat.parent)
}

/// CPU time a process has used so far; `None` where `/proc` does not tell.
fn own(pid: u32) -> Option<Duration> {
    Stat::of(pid).map(|stat| stat.own)
}

/// The same with all the children it has or had. Not theirs: a database server's have none.
fn family(pid: u32) -> Option<Duration> {
    let first = Stat::of(pid)?;
    let children = std::fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let stat = Stat::of(entry.file_name().to_str()?.parse().ok()?)?;
        (stat.parent == pid).then_some(stat.own)
    });
    Some(first.own + first.ended + children.sum::<Duration>())
}

/// A process and the children it has.
pub(crate) fn family_pids(pid: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|other| *other == pid || parent(*other) == Some(pid)).collect()
}

/// Resident memory of a process, bytes.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_a_name_with_spaces_and_brackets() {
        let text = "7 (a) (b c) S 5 7 7 0 -1 4194560 1 2 3 4 50 6 700 8 20 0 1 0 4711 12345 678\n";
        let stat = Stat::parse(text).expect("it is a line of /proc");
        assert_eq!(
            (stat.parent, stat.own, stat.ended),
            (5, Duration::from_millis(560), Duration::from_millis(7_080))
        );
    }

    #[test]
    fn a_family_uses_what_its_children_use() {
        let (own, all) = (own(1), family(1));
        assert!(own.is_some() && all >= own);
    }
}
