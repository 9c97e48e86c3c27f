mod cluster;
mod options;

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fmt, fs};

use options::Member;

use crate::guard::Guard;
use crate::{chance, port, wait};

pub use cluster::NatsCluster;
pub use options::{NatsLogin, NatsOptions};

/// Names the program.
const VARIABLE: &str = "SHOAL_TEST_NATS_SERVER";
const PROGRAM: &str = "nats-server";
/// Where Debian puts it, which is not in every `PATH`.
const PLACES: [&str; 2] = ["/usr/sbin", "/usr/bin"];
const START_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(30);
/// Others look for free ports at the same time.
const PORT_TRIES: usize = 8;

/// A NATS server with JetStream, on a free port of this machine's loopback, with its data in a folder of its own.
///
/// It ends, and its folder with it, when this value is dropped or this process ends in whatever way.
pub struct Nats {
    program: PathBuf,
    guard: Guard,
    port: u16,
    options: NatsOptions,
    /// Its part in a cluster.
    member: Option<Member>,
    secret: String,
}

impl Nats {
    /// Makes a new, empty server and waits until it takes connections.
    ///
    /// # Errors
    /// `NotFound` with the command that installs it if it is missing; otherwise with the end of the log.
    pub fn start(options: NatsOptions) -> io::Result<Self> {
        Self::start_as(options, None)
    }

    fn start_as(options: NatsOptions, member: Option<Member>) -> io::Result<Self> {
        let mut server = Self::prepare(options, member)?;
        let mut tries = 1;
        loop {
            server.port = port::free()?;
            match server.start_again() {
                // Somebody else was faster.
                Err(_) if tries < PORT_TRIES && !port::is_free(server.port) => tries += 1,
                outcome => return outcome.map(|()| server),
            }
        }
    }

    fn prepare(options: NatsOptions, member: Option<Member>) -> io::Result<Self> {
        let program = Self::program()?;
        let secret = chance::password()?;
        let place = options.place.clone().unwrap_or_else(env::temp_dir);
        let guard = Guard::new(&place, "shoal-nats-")?;
        if let Some(tls) = &options.tls {
            for (from, to) in
                [(&tls.certificate, "server.crt"), (&tls.key, "server.key"), (&tls.ca, "ca.crt")]
            {
                guard.write_secret(to, &fs::read(from)?)?;
            }
        }
        Ok(Self { program, guard, port: 0, options, member, secret })
    }

    /// The server's program: what `SHOAL_TEST_NATS_SERVER` says, or what is found.
    ///
    /// # Errors
    /// `NotFound` with the command that installs it.
    pub fn program() -> io::Result<PathBuf> {
        if let Some(said) = env::var_os(VARIABLE) {
            return Ok(said.into());
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let places = env::split_paths(&path).chain(PLACES.map(PathBuf::from));
        places.map(|place| place.join(PROGRAM)).find(|program| program.is_file()).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "{PROGRAM} is missing: run `sudo apt-get install -y {PROGRAM}`, or name it in {VARIABLE}"
                ),
            )
        })
    }

    /// Where it is reached, with the login if there is one: for `--queue`.
    pub fn url(&self) -> String {
        let scheme = if self.options.tls.is_some() { "tls" } else { "nats" };
        let login = match self.options.login {
            NatsLogin::Nobody => String::new(),
            NatsLogin::Password => format!("shoal:{}@", self.secret),
            NatsLogin::Token => format!("{}@", self.secret),
        };
        format!("{scheme}://{login}127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1; the same for as long as this value lives.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its process, if it runs.
    pub fn pid(&mut self) -> Option<u32> {
        self.guard.process().map(|process| process.id)
    }

    /// All that the server has said so far.
    pub fn log(&self) -> String {
        self.guard.log()
    }

    /// Ends it as a power failure would, with SIGKILL. Does nothing if it does not run.
    ///
    /// # Errors
    /// If it is still there after 20 s.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(process) = self.guard.process() else { return Ok(()) };
        process.kill()?;
        self.guard.ended(STOP_MAX).map(|_| ())
    }

    /// Ends it in good order. Does nothing if it does not run.
    ///
    /// # Errors
    /// With the end of the log if it has not ended after 30 s.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(process) = self.guard.process() else { return Ok(()) };
        process.resume()?;
        process.signal("TERM")?;
        match self.guard.ended(STOP_MAX)? {
            Some(_) => Ok(()),
            None => Err(self.guard.error(&format!("the server did not stop within {STOP_MAX:?}"))),
        }
    }

    /// Starts it again on the same data and port after it has ended, and waits until it takes connections.
    ///
    /// # Errors
    /// If it runs, or with the end of the log if it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.launch()?;
        let port = self.port;
        let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        let started = wait::until(START_MAX, || Ok(self.guard.process().is_none() || answers()))?;
        match (started, self.pid()) {
            (true, Some(_)) => Ok(()),
            (true, None) => Err(self.guard.error("the server ended as it started")),
            (false, _) => Err(self.guard.error(&format!("the server is not ready after {START_MAX:?}"))),
        }
    }

    /// Starts its process.
    fn launch(&mut self) -> io::Result<()> {
        let text = self.options.lines(self.port, self.member.as_ref(), &self.secret, self.guard.folder());
        let config = self.guard.write_secret("nats.conf", text.as_bytes())?;
        let mut command = self.guard.command(&self.program);
        command.arg("-c").arg(config).args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
        self.guard.start(command).map(|_| ())
    }

    /// Loses its disk: everything that it has stored. It must not run.
    ///
    /// # Errors
    /// If it runs, or the files cannot be removed.
    pub fn wipe(&mut self) -> io::Result<()> {
        if self.guard.process().is_some() {
            return Err(io::Error::other("it runs"));
        }
        remove(&self.guard.folder().join("store"))
    }

    /// Halts it (SIGSTOP): connections stay open, nothing is answered.
    ///
    /// # Errors
    /// If it has not halted after 20 s.
    pub fn pause(&mut self) -> io::Result<()> {
        self.guard.process().map_or(Ok(()), |process| process.pause())
    }

    /// Lets it go on after [`pause`](Self::pause).
    ///
    /// # Errors
    /// If signals cannot be sent.
    pub fn resume(&mut self) -> io::Result<()> {
        self.guard.process().map_or(Ok(()), |process| process.resume())
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, guard, .. } = self;
        f.debug_struct("Nats").field("port", port).field("folder", &guard.folder()).finish_non_exhaustive()
    }
}
