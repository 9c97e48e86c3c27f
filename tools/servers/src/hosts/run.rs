use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

/// Whether hosts can be made here.
pub(super) fn permitted() -> io::Result<()> {
    let id = Command::new("id").arg("-u").output()?;
    if id.stdout.trim_ascii() != b"0" {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "network namespaces need root"));
    }
    match Command::new("ip").arg("-Version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let missing = "the program ip is missing: run `sudo apt-get install -y iproute2`";
            Err(io::Error::new(io::ErrorKind::NotFound, missing))
        }
        Err(error) => Err(error),
    }
}

/// Runs the lines as commands of `ip`, in order; the first that fails is the last.
pub(super) fn ip(lines: &str) -> io::Result<()> {
    batch(&mut Command::new("ip"), lines)
}

/// The same in the namespace of this name.
pub(super) fn ip_in(namespace: &str, lines: &str) -> io::Result<()> {
    batch(Command::new("ip").args(["-n", namespace]), lines)
}

fn batch(ip: &mut Command, lines: &str) -> io::Result<()> {
    ip.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = ip.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.as_bytes())?;
    }
    told("ip", child.wait_with_output()?).map(drop)
}

/// Runs `tc` with these words in the namespace; what it prints.
pub(super) fn tc(namespace: &str, words: &str) -> io::Result<String> {
    let mut tc = Command::new("tc");
    tc.args(["-n", namespace]).args(words.split_whitespace()).stdin(Stdio::null());
    told("tc", tc.output()?)
}

fn told(program: &str, output: Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program}: {}", said.trim())))
}
