use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio_postgres::Config;

/// The hosts that have been found silent, for all houses of this process: whoever asked nothing meanwhile need not find
/// out by himself, and late.
#[derive(Default)]
pub(super) struct Losses {
    count: AtomicU64,
    /// Each host with the count at which it was last lost; as many as the database has addresses.
    hosts: Mutex<Vec<(Config, u64)>>,
}

impl Losses {
    /// How many there have been.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// The host was found silent: the connections to it are of no more use.
    pub(super) fn note(&self, host: &Config) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.count() + 1;
        hosts.retain(|(other, _)| !is_same(other, host));
        hosts.push((host.clone(), count));
        self.count.store(count, Ordering::Release);
    }

    /// Whether the host was lost after that many losses.
    pub(super) fn has_since(&self, count: u64, host: &Config) -> bool {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().any(|(other, lost)| *lost > count && is_same(other, host))
    }
}

/// Whether both lead to the same place, whoever goes there.
fn is_same(one: &Config, other: &Config) -> bool {
    one.get_hosts() == other.get_hosts()
        && one.get_hostaddrs() == other.get_hostaddrs()
        && one.get_ports() == other.get_ports()
}
