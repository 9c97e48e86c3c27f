//! Hosts on one machine: network namespaces with an address each, and a link of its own between any two.

mod capture;
mod host;
mod link;
mod run;

use std::io;
use std::path::Path;

pub use capture::Capture;
pub use host::Host;
use link::Ends;

/// The most hosts of a rig.
const HOSTS_MAX: usize = 32;

/// Hosts with a network between them that nothing else is on; each can be cut off from each other.
///
/// A host is a network namespace with one address, `10.77.0.1` and so on. Between any two there is a link of its own, so
/// that what happens to it happens to these two only. Nothing leads out: whoever tests enters a host ([`Host::enter`]) of the
/// rig. The namespaces go when this value is dropped; those of a process that was killed go when the next rig is made.
pub struct Hosts {
    hosts: Vec<Host>,
}

impl Hosts {
    /// Makes `count` hosts, 1 to 32.
    ///
    /// # Errors
    /// `PermissionDenied` if this is not root, `NotFound` without the program `ip` (Debian's package iproute2), and what
    /// that says where namespaces cannot be made.
    pub fn new(count: usize) -> io::Result<Self> {
        assert!((1..=HOSTS_MAX).contains(&count), "a rig has 1 to {HOSTS_MAX} hosts");
        run::permitted()?;
        remove_abandoned()?;
        let mut rig = Self { hosts: Vec::new() };
        for index in 0..count {
            // Dropped with what is there if the next one fails.
            rig.hosts.push(Host::new(index)?);
        }
        for ends in rig.pairs() {
            rig.join(ends)?;
        }
        Ok(rig)
    }

    /// The host at `index`, from 0.
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// All of them, in order.
    pub fn all(&self) -> &[Host] {
        &self.hosts
    }

    /// Loses all that goes between two hosts, in both directions and without a word, until [`Hosts::heal`].
    ///
    /// # Errors
    /// What `ip` says.
    pub fn cut(&self, one: usize, other: usize) -> io::Result<()> {
        self.cut_one_way(one, other)?;
        self.cut_one_way(other, one)
    }

    /// Loses what goes from one host to another, and nothing of what comes back.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn cut_one_way(&self, from: usize, to: usize) -> io::Result<()> {
        self.ends(from, to).lose()
    }

    /// Cuts every link between a host of one side and a host of the other.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn part(&self, one_side: &[usize], other_side: &[usize]) -> io::Result<()> {
        let mut pairs = one_side.iter().flat_map(|one| other_side.iter().map(move |other| (*one, *other)));
        pairs.try_for_each(|(one, other)| self.cut(one, other))
    }

    /// Makes the link between two hosts as it was, fast again too.
    ///
    /// # Errors
    /// What `ip` or `tc` says.
    pub fn heal(&self, one: usize, other: usize) -> io::Result<()> {
        for ends in [self.ends(one, other), self.ends(other, one)] {
            ends.reach()?;
            ends.hurry()?;
        }
        Ok(())
    }

    /// Makes all links as they were.
    ///
    /// # Errors
    /// What `ip` or `tc` says.
    pub fn heal_all(&self) -> io::Result<()> {
        self.pairs().into_iter().try_for_each(|(one, other)| self.heal(one, other))
    }

    /// Lets at most `kbit_per_s` through in each direction; what comes faster waits up to two seconds, and is lost beyond that.
    ///
    /// # Errors
    /// What `tc` says.
    pub fn slow(&self, one: usize, other: usize, kbit_per_s: u32) -> io::Result<()> {
        self.ends(one, other).slow(kbit_per_s)?;
        self.ends(other, one).slow(kbit_per_s)
    }

    fn ends(&self, from: usize, to: usize) -> Ends<'_> {
        Ends { from: &self.hosts[from], to: &self.hosts[to] }
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        (0..self.hosts.len()).flat_map(|other| (0..other).map(move |one| (one, other))).collect()
    }

    fn join(&self, (one, other): (usize, usize)) -> io::Result<()> {
        self.ends(one, other).make()?;
        self.ends(one, other).open()?;
        self.ends(other, one).open()
    }
}

/// Removes the hosts of processes that have ended without doing it.
fn remove_abandoned() -> io::Result<()> {
    let Ok(entries) = std::fs::read_dir(host::NAMESPACES) else { return Ok(()) };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(process) = host::made_by(&name)
            && !Path::new("/proc").join(process.to_string()).exists()
        {
            host::remove(&name);
        }
    }
    Ok(())
}
