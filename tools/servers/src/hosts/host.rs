use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::capture::Capture;
use super::run::{ip, ip_in};

/// Where the system names network namespaces.
pub(super) const NAMESPACES: &str = "/run/netns";
/// What the names of ours begin with; the id of the process and a number follow.
const PREFIX: &str = "shoal-";

/// Numbers the hosts of this process.
static MADE: AtomicU32 = AtomicU32::new(0);

/// One host: a network namespace with an address.
#[derive(Debug)]
pub struct Host {
    index: usize,
    name: String,
}

impl Host {
    pub(super) fn new(index: usize) -> io::Result<Self> {
        let name = format!("{PREFIX}{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        ip(&format!("netns add {name}\n"))?;
        let host = Self { index, name };
        ip_in(&host.name, &format!("address add {}/32 dev lo\nlink set lo up\n", host.address()))?;
        Ok(host)
    }

    /// Its place among the hosts of its rig, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Where the others reach it.
    pub fn address(&self) -> Ipv4Addr {
        // At most 32 of them.
        Ipv4Addr::new(10, 77, 0, self.index as u8 + 1)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs `program` on this host, as the same process that is started.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program.as_ref());
        command
    }

    /// Puts this thread on the host: sockets it opens from now on are there, and so are the processes and threads it starts.
    /// There is no way back, so let it be a thread of its own.
    ///
    /// # Errors
    /// What the system says.
    pub fn enter(&self) -> io::Result<()> {
        let namespace = File::open(Path::new(NAMESPACES).join(&self.name))?;
        Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// Listens to all that goes in and out of this host, until stopped.
    ///
    /// # Errors
    /// What the system says.
    pub fn capture(&self) -> io::Result<Capture> {
        Capture::on(self)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// The process that made the host of this name.
pub(super) fn made_by(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

/// Removes a host. One that has gone meanwhile needs no removing.
pub(super) fn remove(name: &str) {
    if let Err(error) = ip(&format!("netns delete {name}\n")) {
        eprintln!("host {name} stays: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_who_made_them() {
        assert_eq!(made_by("shoal-17-3"), Some(17));
        assert_eq!(made_by("shoal-x-3"), None);
        assert_eq!(made_by("another"), None);
    }
}
