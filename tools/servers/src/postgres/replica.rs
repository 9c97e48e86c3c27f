use std::io;
use std::time::Duration;

use super::{Postgres, USER, cluster, query};
use crate::guard::Guard;

/// For the few megabytes of a test's data, and for the hundreds of a measurement's.
const COPY_MAX: Duration = Duration::from_secs(300);

impl Postgres {
    /// Makes another server that follows this one and answers reads, with the same settings, user and password. It
    /// lies behind by what is on its way; `synchronous_standby_names` knows it as `walreceiver`.
    ///
    /// # Errors
    /// With the end of the log if this server does not run or cannot be copied.
    pub fn replica(&self) -> io::Result<Self> {
        let place = self.guard.folder().parent().unwrap_or(self.guard.folder());
        let mut guard = Guard::new(place, "shoal-postgres-")?;
        let mut copy = guard.command(&self.programs.join("pg_basebackup"));
        copy.arg("-D").arg(cluster::data(&guard)).args(["-X", "stream", "-c", "fast", "-R", "--no-sync"]);
        copy.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, "-w"]);
        query::without_variables(&mut copy).env("PGPASSWORD", &self.password);
        guard.run(copy, COPY_MAX)?;
        let (programs, password) = (self.programs.clone(), self.password.clone());
        let mut replica = Self { programs, guard, port: 0, password, address: self.address };
        replica.open_on_a_free_port()?;
        Ok(replica)
    }

    /// Makes a replica a server of its own that takes writes, and waits until it does.
    ///
    /// # Errors
    /// If it is none, or is not done after 60 s.
    pub fn promote(&self) -> io::Result<()> {
        match self.query("postgres", "select pg_promote(true, 60)")?.as_str() {
            "t" => Ok(()),
            _ => Err(self.guard.error("the replica was not promoted within 60 s")),
        }
    }
}
