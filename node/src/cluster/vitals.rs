use std::fs;

use shoal_cluster::Load;
use shoal_types::{Env, Timestamp};

/// Linux counts the time of processes in hundredths of a second (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;
const PAGE_BYTES: u64 = 4_096;
/// A share of less time says nothing: the clock of processes has ticks of ten milliseconds.
const WINDOW_MIN_MS: u64 = 500;

/// What this process takes of its machine.
pub(crate) struct Vitals {
    env: Env,
    last: Option<(Timestamp, u64)>,
    cpu_permille: u32,
}

impl Vitals {
    pub(crate) fn new(env: Env) -> Self {
        let mut vitals = Self { env, last: None, cpu_permille: 0 };
        vitals.look();
        vitals
    }

    /// As it is told to the others, since the last time it was asked for.
    pub(crate) fn load(&mut self) -> Load {
        self.look();
        Load {
            cpu_permille: u16::try_from(self.cpu_permille).unwrap_or(u16::MAX),
            memory_mib: u32::try_from(memory_bytes() >> 20).unwrap_or(u32::MAX),
            ..Load::default()
        }
    }

    /// The share of one core since the last time it was asked for, in thousandths.
    pub(crate) fn cpu_permille(&mut self) -> u32 {
        self.look();
        self.cpu_permille
    }

    fn look(&mut self) {
        let (now, ticks) = (self.env.now(), cpu_ticks());
        if let Some((then, before)) = self.last {
            let wall_ms = u64::try_from(now.since(then).as_millis()).unwrap_or(u64::MAX);
            if wall_ms < WINDOW_MIN_MS {
                return;
            }
            let used_ms = ticks.saturating_sub(before) * 1_000 / TICKS_PER_SECOND;
            self.cpu_permille = u32::try_from(used_ms * 1_000 / wall_ms).unwrap_or(u32::MAX);
        }
        self.last = Some((now, ticks));
    }
}

/// Processor time of this process since its start, in ticks; 0 where the system does not say.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold anything: the fields are counted from behind it.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Resident memory of this process; 0 where the system does not say.
pub(crate) fn memory_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_its_time_never_goes_back() {
        assert!(memory_bytes() > 1 << 20);
        let before = cpu_ticks();
        assert!(cpu_ticks() >= before);
    }
}
