use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use shoal_servers::{Host, Hosts};

const API: u16 = 8080;
const PEERS: u16 = 7171;

/// Where a node on this host serves the API.
pub(super) fn api(host: &Host) -> SocketAddr {
    (host.address(), API).into()
}

fn peers(host: &Host) -> String {
    SocketAddr::from((host.address(), PEERS)).to_string()
}

/// A node that does everything, on the host of the same place. It ends with this value, and is killed with this process.
pub(super) struct Node {
    program: PathBuf,
    folder: PathBuf,
    index: usize,
    /// How many nodes there are.
    count: usize,
    data: String,
    child: Option<Child>,
}

impl Node {
    pub(super) fn new(program: &Path, folder: &Path, index: usize, count: usize, data: &str) -> Self {
        let (program, folder, data) = (program.to_owned(), folder.to_owned(), data.to_owned());
        Self { program, folder, index, count, data, child: None }
    }

    pub(super) fn start(&mut self, hosts: &Hosts) -> io::Result<()> {
        if self.runs() {
            return Err(io::Error::other("it runs"));
        }
        let host = hosts.host(self.index);
        let log = self.folder.join(format!("node-{}.log", self.index + 1));
        let log = File::options().create(true).append(true).open(log)?;
        // Killed with this process, however that ends, and also while it is paused.
        let mut command = host.command("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.program).args(["serve", "--test-provider"]);
        command.args([
            "--node-name",
            &format!("node-{}", self.index + 1),
            "--listen",
            &api(host).to_string(),
        ]);
        command.args(["--peer-listen", &peers(host), "--join", &self.seeds(hosts)]);
        command.env("SHOAL_CLUSTER_BUNDLE", self.bundle()).env("SHOAL_DATA", &self.data);
        command.env("SHOAL_CHECKOUT_WEBHOOK_SECRET", "the test provider's own");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    /// The command that shows the cluster, asked for at this node's host.
    pub(super) fn status(&self, hosts: &Hosts) -> Command {
        let mut command = hosts.host(self.index).command(&self.program);
        command.args(["cluster", "status"]).env("SHOAL_CLUSTER_BUNDLE", self.bundle());
        command.env("SHOAL_CLUSTER_JOIN", self.seeds(hosts));
        command
    }

    fn bundle(&self) -> PathBuf {
        self.folder.join("cluster.toml")
    }

    fn seeds(&self, hosts: &Hosts) -> String {
        hosts.all()[..self.count].iter().map(peers).collect::<Vec<_>>().join(",")
    }

    /// Whether it has been started and has not ended.
    pub(super) fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Kills, stops, pauses or resumes it, by the word.
    pub(super) fn told(&mut self, word: &str) -> io::Result<()> {
        let signal = match word {
            "kill" => "-KILL",
            "stop" => "-TERM",
            "pause" => "-STOP",
            "resume" => "-CONT",
            _ => return Err(io::Error::other("not understood")),
        };
        let runs = self.runs();
        let child =
            self.child.as_mut().filter(|_| runs).ok_or_else(|| io::Error::other("it does not run"))?;
        Command::new("kill").args([signal, &child.id().to_string()]).status()?;
        if word == "kill" {
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing left to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
