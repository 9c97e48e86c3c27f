mod cluster;
mod options;
mod programs;
mod query;
mod replica;

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{fmt, fs};

use crate::guard::Guard;
use crate::{chance, port, wait};

pub use options::{Options, Tls};

/// The superuser whose name every [`Postgres::url`] holds.
const USER: &str = "shoal";
/// After a crash a server first reads again what was not yet in its tables.
const START_MAX: Duration = Duration::from_secs(120);
const STOP_MAX: Duration = Duration::from_secs(60);
/// Others look for free ports at the same time.
const PORT_TRIES: usize = 8;

/// A PostgreSQL server of its own, on a free port of this machine's loopback, with its data in a folder of its own.
///
/// It ends, and its folder with it, when this value is dropped or this process ends in whatever way.
pub struct Postgres {
    programs: PathBuf,
    guard: Guard,
    port: u16,
    password: String,
    address: Ipv4Addr,
}

impl Postgres {
    /// Makes a new, empty server and waits until it takes connections, which is a matter of two seconds.
    ///
    /// # Errors
    /// `NotFound` with the command that installs PostgreSQL if it is missing; otherwise with the end of the log.
    pub fn start(options: Options) -> io::Result<Self> {
        let programs = programs::folder()?;
        let password = chance::password()?;
        let mut guard = Guard::new(&options.place(), "shoal-postgres-")?;
        cluster::make(&mut guard, &programs, &password, &options)?;
        let mut server = Self {
            programs,
            guard,
            port: 0,
            password,
            address: options.address.unwrap_or(Ipv4Addr::LOCALHOST),
        };
        server.open_on_a_free_port()?;
        Ok(server)
    }

    /// The folder with the programs of PostgreSQL's server: what `SHOAL_TEST_POSTGRES_BIN` says, or the newest that is found.
    ///
    /// # Errors
    /// `NotFound` with the command that installs it.
    pub fn programs() -> io::Result<PathBuf> {
        programs::folder()
    }

    /// Where a superuser of the server finds this database of it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@{}:{}/{database}", self.password, self.address, self.port)
    }

    /// The port on 127.0.0.1; the same for as long as this value lives.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's password, which is the same on a replica.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The id of the server's first process, if it runs.
    pub fn pid(&mut self) -> Option<u32> {
        self.guard.process().map(|process| process.id)
    }

    /// All that the server has said so far.
    pub fn log(&self) -> String {
        self.guard.log()
    }

    /// Ends the server as a power failure would: all its processes at once, with SIGKILL. Waits until they are gone and
    /// the port is free. Does nothing if it does not run.
    ///
    /// # Errors
    /// If something of it is still there after 20 s.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(process) = self.guard.process() else { return Ok(()) };
        process.kill()?;
        self.guard.ended(STOP_MAX)?;
        self.free_shared_memory();
        if wait::until(STOP_MAX, || Ok(port::is_free(self.port)))? {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "port {} is still taken {STOP_MAX:?} after the server was killed",
            self.port
        )))
    }

    /// Ends the server in good order: open transactions are rolled back and everything is written. Does nothing if it
    /// does not run.
    ///
    /// # Errors
    /// With the end of the log if it has not ended after 60 s.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(process) = self.guard.process() else { return Ok(()) };
        process.resume()?;
        process.signal("INT")?;
        match self.guard.ended(STOP_MAX)? {
            Some(_) => Ok(()),
            None => Err(self.guard.error(&format!("the server did not stop within {STOP_MAX:?}"))),
        }
    }

    /// Starts the server again on the same data and port after it has ended, and waits until it takes connections.
    ///
    /// # Errors
    /// If it runs, or with the end of the log if it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        let mut command = self.guard.command(&self.programs.join("postgres"));
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        let process = self.guard.start(command)?;
        let started = wait::until(START_MAX, || {
            let running = self.guard.process().is_some();
            Ok(!running || self.is_ready(process.id))
        })?;
        match (started, self.pid()) {
            (true, Some(_)) => Ok(()),
            (true, None) => Err(self.guard.error("the server ended as it started")),
            (false, _) => Err(self.guard.error(&format!("the server is not ready after {START_MAX:?}"))),
        }
    }

    /// Halts all processes of the server (SIGSTOP): connections stay open, new ones are taken by the kernel, nothing is
    /// answered. A server that is dropped while it is paused ends as well.
    ///
    /// # Errors
    /// If one of them has not halted after 20 s.
    pub fn pause(&mut self) -> io::Result<()> {
        self.guard.process().map_or(Ok(()), |process| process.pause())
    }

    /// Lets the server go on after [`pause`](Self::pause).
    ///
    /// # Errors
    /// If signals cannot be sent.
    pub fn resume(&mut self) -> io::Result<()> {
        self.guard.process().map_or(Ok(()), |process| process.resume())
    }

    fn data(&self) -> PathBuf {
        cluster::data(&self.guard)
    }

    fn open_on_a_free_port(&mut self) -> io::Result<()> {
        let mut tries = 1;
        loop {
            self.port = port::free()?;
            match self.start_again() {
                // Somebody else was faster.
                Err(_) if tries < PORT_TRIES && !port::is_free(self.port) => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// What the server writes about itself, by line: see <https://www.postgresql.org/docs/current/storage-file-layout.html>.
    fn says(&self, line: usize) -> Option<String> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().nth(line).map(|line| line.trim().to_owned())
    }

    /// Whether the server with that first process takes connections.
    fn is_ready(&self, id: u32) -> bool {
        let ready = self.says(7).is_some_and(|status| status == "ready" || status == "standby");
        ready && self.says(0) == Some(id.to_string())
    }

    /// Gives back the few bytes by which a server sees that another runs on its data: a killed one leaves them behind.
    fn free_shared_memory(&self) {
        let Some(ids) = self.says(6) else { return };
        let Some(id) = ids.split_whitespace().nth(1) else { return };
        // Where the program is missing a page of memory stays taken, which harms nobody.
        let _ = Command::new("ipcrm").args(["-m", id]).output();
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, guard, .. } = self;
        f.debug_struct("Postgres")
            .field("port", port)
            .field("folder", &guard.folder())
            .finish_non_exhaustive()
    }
}
