//! `cargo xtask hosts`: a node on each of a few hosts, to be cut off, paused and killed by hand.

mod node;

use std::io::{self, BufRead};
use std::path::Path;
use std::process::{Command, Stdio};

use shoal_servers::{Host, Hosts, Options, Postgres};

use crate::suite::cargo;
use node::Node;

pub(crate) const HELP: &str = "\
cargo xtask hosts [N]        N nodes (3) on hosts of their own, PostgreSQL on one more; as root; then, line by line:
    status                   the nodes as they see each other
    cut A B, heal A B        lose all between two hosts, and no longer; a host is a node's number or db
    slow A B KBIT            let so many kbit/s through
    kill N, stop N, start N  SIGKILL; SIGTERM, which drains; again
    pause N, resume N        SIGSTOP, SIGCONT
    quit                     end all of it, as the end of the input and Ctrl-C do";

/// The most nodes.
const NODES_MAX: usize = 16;
/// Where the secret and the logs of the last run stay.
const FOLDER: &str = "target/tmp/hosts";
const DATABASE: &str = "db";

/// The hosts and what runs there. The nodes end first.
struct Rig {
    nodes: Vec<Node>,
    _server: Postgres,
    hosts: Hosts,
}

/// Makes the hosts and does what the input says.
pub(crate) fn run(root: &Path, arguments: &[String]) -> io::Result<bool> {
    let count = match arguments {
        [] => 3,
        [count] => number(count, NODES_MAX)?,
        _ => return Err(io::Error::other(HELP)),
    };
    let mut rig = Rig::open(root, count)?;
    println!("{HELP}");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words == ["quit"] {
            break;
        }
        match rig.obey(&words) {
            Ok(()) => println!("done: {line}"),
            Err(error) => println!("not done: {line}: {error}"),
        }
    }
    Ok(true)
}

fn number(word: &str, most: usize) -> io::Result<usize> {
    let number = word.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| io::Error::other(format!("{word} is no number from 1 to {most}")))
}

impl Rig {
    fn open(root: &Path, count: usize) -> io::Result<Self> {
        if !cargo(root).args(["build", "--quiet", "--package", "shoal-node"]).status()?.success() {
            return Err(io::Error::other("shoal does not build"));
        }
        // This program is in the folder `debug` of cargo's target folder.
        let program = std::env::current_exe()?.with_file_name("shoal");
        let folder = root.join(FOLDER);
        let bundle = folder.join("cluster.toml");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        finish(Command::new(&program).args(["cluster", "init"]).arg(&bundle))?;
        let hosts = Hosts::new(count + 1)?;
        let server = database(hosts.host(count))?;
        let data = format!("{}?sslmode=disable", server.url("postgres"));
        let nodes = (0..count).map(|index| Node::new(&program, &folder, index, count, &data));
        let mut rig = Self { nodes: nodes.collect(), _server: server, hosts };
        for index in 0..count {
            rig.nodes[index].start(&rig.hosts)?;
            let mut shell = rig.hosts.host(index).command("bash");
            println!(
                "node {} at {}; a shell there: {:?}",
                index + 1,
                node::api(rig.hosts.host(index)),
                &mut shell
            );
        }
        Ok(rig)
    }

    fn obey(&mut self, words: &[&str]) -> io::Result<()> {
        match *words {
            [] => Ok(()),
            ["status"] => self.status(),
            ["cut", one, other] => self.hosts.cut(self.host(one)?, self.host(other)?),
            ["heal", one, other] => self.hosts.heal(self.host(one)?, self.host(other)?),
            ["slow", one, other, kbit] => {
                let kbit_per_s = kbit.parse().map_err(|_| io::Error::other("kbit/s is a whole number"))?;
                self.hosts.slow(self.host(one)?, self.host(other)?, kbit_per_s)
            }
            ["start", node] => {
                let node = self.node(node)?;
                self.nodes[node].start(&self.hosts)
            }
            [what, node] => {
                let node = self.node(node)?;
                self.nodes[node].told(what)
            }
            _ => Err(io::Error::other("not understood")),
        }
    }

    /// The place of a node, from 0.
    fn node(&self, word: &str) -> io::Result<usize> {
        Ok(number(word, self.nodes.len())? - 1)
    }

    fn host(&self, word: &str) -> io::Result<usize> {
        if word == DATABASE { Ok(self.nodes.len()) } else { self.node(word) }
    }

    /// As the first node that runs sees it.
    fn status(&mut self) -> io::Result<()> {
        let running = self.nodes.iter_mut().position(Node::runs);
        let running = running.ok_or_else(|| io::Error::other("no node runs"))?;
        println!("{}", finish(&mut self.nodes[running].status(&self.hosts))?);
        Ok(())
    }
}

fn database(host: &Host) -> io::Result<Postgres> {
    let options = Options { address: Some(host.address()), ..Options::default() };
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            host.enter()?;
            Postgres::start(options)
        });
        started.join().map_err(|_| io::Error::other("PostgreSQL's starter panicked"))?
    })
}

/// What a command wrote that ended well.
fn finish(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}
