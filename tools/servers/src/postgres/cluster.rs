//! The files of a new server.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Options, Tls, USER};
use crate::guard::Guard;

/// A second or so, on a disk that is not busy.
const MAKE_MAX: Duration = Duration::from_secs(120);

/// Where the data is.
pub(super) fn data(guard: &Guard) -> PathBuf {
    guard.folder().join("data")
}

/// Makes the files of a server without any database but the usual three, and without starting it.
pub(super) fn make(guard: &mut Guard, programs: &Path, password: &str, options: &Options) -> io::Result<()> {
    let password = guard.write_secret("password", password.as_bytes())?;
    let data = data(guard);
    let mut initdb = guard.command(&programs.join("initdb"));
    initdb.arg("-D").arg(&data).arg(format!("--username={USER}")).arg("--pwfile").arg(&password);
    initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
    guard.run(initdb, MAKE_MAX)?;
    fs::remove_file(password)?;

    let mut settings = File::options().append(true).open(data.join("postgresql.conf"))?;
    settings.write_all(options.lines().as_bytes())?;
    fs::write(data.join("pg_hba.conf"), access(options))?;
    options.tls.as_ref().map_or(Ok(()), |tls| copy(guard, tls))
}

/// Who may connect: whoever has a password, from this machine; from the other hosts of a rig if it is reached there.
fn access(options: &Options) -> String {
    let kind = if options.tls.is_some() { "hostssl" } else { "host" };
    let from = if options.address.is_some() { "all" } else { "127.0.0.1/32" };
    ["all", "replication"].map(|what| format!("{kind} {what} all {from} scram-sha-256\n")).concat()
}

/// Copies the files to where the server looks for them by itself; it takes a key only if nobody else can read it.
fn copy(guard: &Guard, tls: &Tls) -> io::Result<()> {
    for (from, to) in [(&tls.certificate, "server.crt"), (&tls.key, "server.key"), (&tls.ca, "ca.crt")] {
        let text = fs::read(from)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", from.display())))?;
        guard.write_secret(&format!("data/{to}"), &text)?;
    }
    Ok(())
}
