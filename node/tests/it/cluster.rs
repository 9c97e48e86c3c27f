//! A cluster as its operator meets it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::command_line::{shoal, stderr};

/// For what happens soon, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A process of the program, ended when dropped.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// As [`Running::start`], with this in its environment.
    fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env("SHOAL_LOG_LEVEL", "error").envs(environment.iter().copied());
        Self(command.spawn().expect("the program runs"))
    }

    /// Waits until it serves.
    fn serves(&mut self) {
        let mut lines = BufReader::new(self.0.stderr.take().expect("it is piped")).lines();
        let said: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.starts_with("shoal serves"))
            .collect();
        assert!(self.0.try_wait().expect("it is our child").is_none(), "it has ended: {said:?}");
        // It never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
    }

    fn interrupt(&mut self) -> std::process::ExitStatus {
        let told = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        assert!(told.expect("kill is there").success());
        self.0.wait().expect("it is our child")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < SOON, "not within {SOON:?}: {what}");
        std::thread::yield_now();
    }
}

/// The first of `count` ports in a row that nobody uses, by TCP or UDP; others may take them before we do.
fn row_of_ports(count: u16) -> u16 {
    let free = |port: u16| {
        TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
    };
    let somewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let start = somewhere.local_addr().expect("an address").port();
    let rows = (0..200).map(|step| 10_000 + (start.wrapping_add(step * 97)) % 20_000);
    rows.into_iter().find(|first| (*first..first + count).all(free)).expect("there are free ports")
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::with_prefix("shoal-test-").expect("a folder can be made"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A new cluster's secret.
    fn bundle(&self) -> String {
        let file = self.path("cluster.toml");
        let made = shoal(&["cluster", "init", &file], &[]);
        assert!(made.status.success(), "{}", stderr(&made));
        file
    }
}

fn page(code: &str) -> String {
    let page = format!("docs/errors/{code}.md");
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&page);
    assert!(file.exists(), "{page} is missing");
    page
}

/// The arguments are refused with this code's page.
fn refused(arguments: &[&str], code: &str) -> String {
    let output = shoal(arguments, &[("SHOAL_LOG_LEVEL", "error")]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: ") && said.contains(&page(code)), "{said}");
    said
}

fn nodes(folder: &str) -> Option<Vec<Value>> {
    let status = shoal(&["cluster", "status", "--json", "--data", folder], &[]);
    let cluster: Value = serde_json::from_slice(&status.stdout).ok()?;
    cluster["nodes"].as_array().cloned()
}

fn are_ready(nodes: &[Value], count: usize) -> bool {
    let ready = |node: &&Value| node["state"] == "ready" && node["vitals"].is_object();
    nodes.len() == count && nodes.iter().filter(ready).count() == count
}

#[test]
fn a_clusters_secret_is_its_owners_and_never_overwritten() {
    let folder = Folder::new();
    let file = folder.bundle();
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&file).expect("it is there");
    refused(&["cluster", "init", &file], "bundle_exists");
    assert_eq!(fs::read(&file).expect("it is there"), before);
    refused(&["cluster", "init", "--name", "two words", &folder.path("other.toml")], "cluster_name_invalid");
    for words in ["a new key is known", "the new key is used", "the old key is forgotten"] {
        let rotated = shoal(&["cluster", "rotate", "ca", &file], &[]);
        assert!(rotated.status.success() && stderr(&rotated).contains(words), "{}", stderr(&rotated));
    }
}

#[test]
fn a_cluster_comes_up_with_one_command_is_shown_and_drained() {
    let folder = Folder::new();
    let data = folder.path("reef");
    let (api, peers) = (row_of_ports(3), row_of_ports(3));
    let mut up = Running::start(&[
        "cluster",
        "up",
        "--nodes",
        "3",
        "--data",
        &data,
        "--listen",
        &format!("127.0.0.1:{api}"),
        "--peer-port",
        &peers.to_string(),
        "--test-provider",
    ]);
    let all = soon("three nodes are ready", || nodes(&data).filter(|nodes| are_ready(nodes, 3)));
    let roles: Vec<String> = all.iter().map(|node| node["roles"].to_string()).collect();
    assert_eq!(
        roles,
        [
            r#"["gateway","users"]"#,
            r#"["gateway","products"]"#,
            r#"["gateway","orders","checkout","notifications"]"#
        ]
    );
    assert!(all.iter().all(|node| node["vitals"]["certificate_until"].is_string()));

    let made = shoal(&["admin", "create", "ada@example.com", "--data", &data], &[]);
    assert!(made.status.success(), "{}", stderr(&made));
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim().len(), 20);

    let table = shoal(&["cluster", "status", "--data", &data], &[]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.starts_with("NODE ") && table.lines().count() == 4, "{table}");

    let unknown = shoal(&["cluster", "drain", "node-9", "--data", &data], &[]);
    assert!(stderr(&unknown).contains("there are: node-1"), "{}", stderr(&unknown));
    let drained = shoal(&["cluster", "drain", "node-2", "--data", &data], &[]);
    assert!(drained.status.success(), "{}", stderr(&drained));
    soon("the drained node has left", || nodes(&data).filter(|nodes| are_ready(nodes, 2)));
    assert!(up.interrupt().success());
    assert!(nodes(&data).is_none(), "nobody is left");
}

/// The status that a node answers a probe with, if it answers.
fn probed(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: shoal\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1).map(str::to_owned)
}

#[test]
fn a_node_without_the_public_api_answers_probes_and_is_ready_once_it_knows_whom_it_needs() {
    let folder = Folder::new();
    let (bundle, first) = (folder.bundle(), row_of_ports(4));
    let at = |place: u16| format!("127.0.0.1:{}", first + place);
    let start = |roles: &str, peers: &str, probes: &str| {
        let data = folder.path(roles);
        let words = ["serve", "--roles", roles, "--bundle", &bundle, "--peer-listen", peers, "--data", &data];
        Running::start_with(&[&words[..], &["--join", &at(0)]].concat(), &[("SHOAL_HEALTH_LISTEN", probes)])
    };
    let mut orders = start("orders", &at(0), &at(1));
    soon("it lives", || probed(&at(1), "/healthz").filter(|status| status == "200"));
    assert_eq!(probed(&at(1), "/readyz").as_deref(), Some("503"), "nobody has the products");
    assert_eq!(probed(&at(1), "/v1/carts").as_deref(), Some("404"), "nothing else is served");
    let mut products = start("products", &at(2), &at(3));
    for probes in [at(1), at(3)] {
        soon("it is ready", || probed(&probes, "/readyz").filter(|status| status == "200"));
        assert_eq!(probed(&probes, "/metrics").as_deref(), Some("200"));
    }
    assert!(orders.interrupt().success() && products.interrupt().success());
}

#[test]
fn embedded_data_has_one_owner() {
    let folder = Folder::new();
    let (bundle, peer) = (folder.bundle(), format!("127.0.0.1:{}", row_of_ports(1)));
    let node = |data: &str, listen: &str| {
        let words = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--roles",
            "gateway,users",
            "--join",
            &peer,
            "--bundle",
            &bundle,
        ];
        let more = ["--data", data, "--peer-listen", listen];
        words.into_iter().chain(more).map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, second) = (folder.path("first"), folder.path("second"));
    let start = node(&first, &peer);
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    let mut owner = Running::start(&start);
    owner.serves();
    let another = node(&second, "127.0.0.1:0");
    let another: Vec<&str> = another.iter().map(String::as_str).collect();
    let said = refused(&another, "second_owner");
    assert!(said.contains("users belongs to the node"), "{said}");
    assert!(!Path::new(&second).join("users.db").exists(), "nothing was made");
    drop(owner);
    // Whoever comes back to its files is not its own rival.
    let mut heir = Running::start(&start);
    heir.serves();
    assert!(heir.interrupt().success());
}

#[test]
fn what_keeps_a_node_out_is_one_clear_error() {
    let folder = Folder::new();
    let bundle = folder.bundle();
    let data = folder.path("data");
    let serve = |bundle: &str, listen: &str, code: &str| {
        let words = ["serve", "--listen", "127.0.0.1:0", "--data", &data];
        refused(&[&words[..], &["--bundle", bundle, "--peer-listen", listen]].concat(), code)
    };
    serve(&folder.path("nowhere.toml"), "127.0.0.1:0", "bundle_missing");
    let spoiled = folder.path("spoiled.toml");
    fs::write(&spoiled, "cluster = 7").expect("a file can be written");
    serve(&spoiled, "127.0.0.1:0", "bundle_malformed");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    serve(&bundle, &taken.local_addr().expect("an address").to_string(), "address_in_use");
    serve(&bundle, "reef:7171", "address_invalid");

    let unknown = shoal(&["serve", "--roles", "captain"], &[]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("captain"), "{}", stderr(&unknown));
    assert!(!Path::new(&data).join("users.db").exists(), "nothing was made");
}
