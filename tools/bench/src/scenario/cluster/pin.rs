//! Which processors a process may use, so that the load does not take from the shop what is to be measured.

use std::fs;
use std::io;

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// The processors of this process in two halves: for the shop, and for the load.
pub(super) struct Halves {
    all: CpuSet,
    shop: CpuSet,
    load: CpuSet,
}

impl Halves {
    /// None if there is only one.
    ///
    /// # Errors
    /// If the system does not tell.
    pub(super) fn find() -> io::Result<Option<Self>> {
        let all = sched_getaffinity(None)?;
        let mine: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
        let (shop, load) = mine.split_at(mine.len() / 2);
        let set = |cpus: &[usize]| {
            let mut set = CpuSet::new();
            cpus.iter().for_each(|cpu| set.set(*cpu));
            set
        };
        Ok((!shop.is_empty()).then(|| Self { all, shop: set(shop), load: set(load) }))
    }

    /// Keeps a process of the shop to its half.
    pub(super) fn shop(&self, pid: u32) {
        pin(pid, &self.shop);
    }

    /// Keeps this process, which makes the load, to the other.
    pub(super) fn load(&self) {
        pin(std::process::id(), &self.load);
    }

    /// Lets a process go where it wants again.
    pub(super) fn free(&self, pid: u32) {
        pin(pid, &self.all);
    }
}

/// All threads of a process; those it makes later do as the one that makes them. One that has just ended needs nothing.
fn pin(pid: u32, set: &CpuSet) {
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let id = thread.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        if id.is_some() {
            let _ = sched_setaffinity(id, set);
        }
    }
}
