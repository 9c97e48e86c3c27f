//! The running shop against its own API description: schemathesis makes requests good and bad for every operation
//! and complains of 5xx answers, undocumented statuses and answers of another shape than described.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::description;
use crate::needs;
use crate::steps::{Counts, Outcome};

/// Requests made up for each operation and phase: enough to meet every branch of validation, short enough for
/// each run of the tests.
const EXAMPLES_MAX: &str = "15";
/// Python 3.11 parses its own code wrongly on two threads at once (python/cpython#106905), and a second one gains
/// nothing under its lock.
const WORKERS: &str = "1";
/// What is wrong whatever the request was.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Operations that can end the very account the requests are made with: they come last.
const ENDINGS: &[&str] =
    &["DELETE /v1/users/{user}", "PUT /v1/users/{user}/role", "PUT /v1/users/{user}/password"];
/// Requests with a body gone wrong carry a wrong `If-Match` too, which is refused first. So the changes are made
/// once more with one that could be right.
const IF_MATCH: &str = "If-Match: \"v1\"";
/// From start to the first answer, with the sample shop made.
const START_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Starts the demo shop on a free port with a data directory of its own, and lets schemathesis at it.
pub(crate) fn run(root: &Path, counts: &mut Counts) -> io::Result<Outcome> {
    let program = match needs::schemathesis(root) {
        Ok(program) => program,
        Err(missing) => return Ok(Outcome::NotRun(missing)),
    };
    let shoal = description::shoal(root)?;
    let folder = root.join(format!("target/tmp/schemathesis-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let shop = Shop::start(&shoal, &folder)?;
    let tested = shop.test(&program, &folder)?;
    let well = shop.stop()?;
    counts.passed += usize::from(tested && well);
    counts.failed += usize::from(!(tested && well));
    if tested && well {
        fs::remove_dir_all(&folder)?;
        return Ok(Outcome::Passed);
    }
    println!("the shop's log and data are in {}", folder.display());
    Ok(Outcome::Failed)
}

/// The demo shop, killed when dropped.
struct Shop {
    process: Child,
    address: String,
    log: PathBuf,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Already gone is just as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Shop {
    fn start(shoal: &Path, folder: &Path) -> io::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = folder.join("shop.log");
        let output = File::create(&log)?;
        let process = Command::new(shoal)
            .args(["demo", "--listen", &address, "--data"])
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut shop = Self { process, address, log };
        shop.wait()?;
        Ok(shop)
    }

    /// Waits until the shop answers and has said how to log in.
    fn wait(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < START_MAX {
            let ready = get(&self.address, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"));
            if ready && credentials(&self.said()?).is_some() {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                return Err(io::Error::other(format!("the shop ended with {status}: {}", self.said()?)));
            }
            thread::sleep(POLL);
        }
        Err(io::Error::other(format!("the shop was not ready after {START_MAX:?}: {}", self.said()?)))
    }

    fn said(&self) -> io::Result<String> {
        fs::read_to_string(&self.log)
    }

    /// Runs schemathesis as the demo's administrator; whether it had nothing to complain of.
    fn test(&self, program: &Path, folder: &Path) -> io::Result<bool> {
        let description = get(&self.address, "/openapi.json")?;
        let Some(scheme) = security_scheme(&description) else {
            return Err(io::Error::other("/openapi.json names no security scheme"));
        };
        let Some((email, password)) = credentials(&self.said()?) else {
            return Err(io::Error::other("the demo printed no administrator"));
        };
        let settings = folder.join("schemathesis.toml");
        fs::write(&settings, login_settings(scheme, &email, &password))?;
        let mut well = true;
        for (what, choice) in passes() {
            println!("-- {what}");
            let mut pass = Command::new(program);
            pass.arg("--config-file").arg(&settings);
            pass.args(["run", &format!("http://{}/openapi.json", self.address)]);
            pass.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--workers", WORKERS]);
            pass.args([
                "--max-examples",
                EXAMPLES_MAX,
                "--generation-deterministic",
                "--request-timeout",
                "10",
            ]);
            pass.args(["--suppress-health-check", "all", "--warnings", "off", "--no-color"]).args(choice);
            well &= pass.current_dir(folder).stdin(Stdio::null()).status()?.success();
        }
        Ok(well)
    }

    /// Ends the shop; whether it was still there and had not panicked.
    fn stop(mut self) -> io::Result<bool> {
        if let Some(status) = self.process.try_wait()? {
            println!("the shop ended by itself with {status}");
            return Ok(false);
        }
        let panicked = self.said()?.contains("panicked");
        if panicked {
            println!("something panicked, see the shop's log");
        }
        Ok(!panicked)
    }
}

/// What each run of schemathesis is about, and the arguments that choose it.
fn passes() -> [(&'static str, Vec<&'static str>); 3] {
    let endings = |word| ENDINGS.iter().flat_map(move |name| [word, *name]);
    let all: Vec<_> = endings("--exclude-name").collect();
    let mut changes = all.clone();
    changes.extend(["--include-method", "PUT", "--include-method", "PATCH", "--header", IF_MATCH]);
    [
        ("every operation", all),
        ("changes of a version that was read", changes),
        ("the ends of accounts", endings("--include-name").collect()),
    ]
}

/// Logs in once more whenever an operation has ended the session.
fn login_settings(scheme: &str, email: &str, password: &str) -> String {
    format!(
        "[auth.dynamic.openapi.{scheme}]\npath = \"/v1/sessions\"\nextract_selector = \"/token\"\nretry_on = [401]\n\
         payload = {{ email = \"{email}\", password = \"{password}\" }}\n"
    )
}

/// One GET over HTTP/1.1: the whole answer as text.
fn get(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The name of the first security scheme in an API description.
fn security_scheme(description: &str) -> Option<&str> {
    let (_, schemes) = description.split_once("\"securitySchemes\"")?;
    schemes.split('"').nth(1)
}

/// The administrator's e-mail and password as the demo prints them: the first word with an `@`, and the word after
/// `password`.
fn credentials(said: &str) -> Option<(String, String)> {
    let words: Vec<&str> =
        said.split_whitespace().map(|word| word.trim_matches(|c| "\",:".contains(c))).collect();
    let email = words.iter().position(|word| word.contains('@'))?;
    let password = words[email..].iter().position(|word| word.eq_ignore_ascii_case("password"))?;
    Some((words[email].to_owned(), (*words.get(email + password + 1)?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_words_are_understood() {
        let said = "the shop is open\n  administrator  admin@example.org\n  password       tide-otter-41\n";
        assert_eq!(credentials(said), Some(("admin@example.org".into(), "tide-otter-41".into())));
        assert_eq!(credentials("no one"), None);
    }

    #[test]
    fn the_security_scheme_is_found() {
        assert_eq!(security_scheme(r#"{"securitySchemes": {"token":{"type":"http"}}}"#), Some("token"));
        assert_eq!(security_scheme("{}"), None);
    }

    #[test]
    fn settings_are_toml() {
        let table: toml::Table = login_settings("token", "a@b.c", "x").parse().expect("valid");
        assert!(table.contains_key("auth"));
    }
}
