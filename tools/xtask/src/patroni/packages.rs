//! The programs of the rehearsal, from Debian's packages; nothing that the packages would start keeps running.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use shoal_servers::Postgres;

use crate::needs;

const ETCD: &str = "/usr/bin/etcd";
const PATRONI: &str = "/usr/bin/patroni";
/// While this file is there and says so, no package starts a service.
///
/// Source: /usr/share/doc/init-system-helpers/README.policy-rc.d.gz
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str = "#!/bin/sh\nexit 101\n";
/// Read when the package makes the first cluster of its own, which nobody asked for.
const FIRST_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/shoal-rehearsal.conf";
const FIRST_CLUSTER_TEXT: &str = "create_main_cluster = false\n";

/// Where the programs are.
pub(super) struct Programs {
    pub(super) etcd: PathBuf,
    pub(super) patroni: PathBuf,
    /// The folder with `postgres`, `psql` and the others, of the newest version there is.
    pub(super) postgres: PathBuf,
}

/// Makes sure of the programs.
///
/// # Errors
/// The command that installs them.
pub(super) fn ensure() -> Result<Programs, String> {
    if let Some(programs) = find() {
        return Ok(programs);
    }
    let missing = missing();
    let guards = [Guard::new(POLICY, POLICY_TEXT), Guard::new(FIRST_CLUSTER, FIRST_CLUSTER_TEXT)];
    let installed = needs::apt("what a rehearsal needs", &missing);
    drop(guards);
    installed?;
    if Path::new("/run/systemd/system").exists() {
        // Not started now; nor with the machine.
        needs::works("systemctl", &["disable", "--now", "etcd", "patroni"]);
    }
    find()
        .ok_or_else(|| format!("the packages are installed, but {ETCD}, {PATRONI} or PostgreSQL is missing"))
}

fn find() -> Option<Programs> {
    let there = |path: &str| Path::new(path).exists().then(|| PathBuf::from(path));
    Some(Programs { etcd: there(ETCD)?, patroni: there(PATRONI)?, postgres: Postgres::programs().ok()? })
}

/// Only these are installed: what is there already is nobody's to upgrade.
fn missing() -> Vec<&'static str> {
    let places = [("etcd-server", Path::new(ETCD).exists()), ("patroni", Path::new(PATRONI).exists())];
    let all = places.into_iter().chain([("postgresql", Postgres::programs().is_ok())]);
    all.filter(|(_, there)| !there).map(|(package, _)| package).collect()
}

/// A file that is there for the time of the installation, unless it was there before.
struct Guard(Option<PathBuf>);

impl Guard {
    fn new(path: &str, text: &str) -> Self {
        let path = PathBuf::from(path);
        let made = !path.exists() && write(&path, text).is_ok();
        Self(made.then_some(path))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It was ours to make; that somebody else has removed it is just as well.
            let _ = fs::remove_file(path);
        }
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Who the servers run as: PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Account {
    /// `postgres` if this is root; nobody else if this is an unprivileged user already.
    pub(super) fn unprivileged() -> std::io::Result<Option<Self>> {
        if id(&["-u"])? != 0 {
            return Ok(None);
        }
        Ok(Some(Self { user: id(&["-u", "postgres"])?, group: id(&["-g", "postgres"])? }))
    }
}

fn id(arguments: &[&str]) -> std::io::Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| std::io::Error::other(format!("there is no user {}", arguments.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_leaves_what_it_found() {
        let folder = std::env::temp_dir().join(format!("shoal-guard-{}", std::process::id()));
        let path = folder.join("policy");
        let name = path.to_str().expect("a plain name");
        drop(Guard::new(name, "ours"));
        assert!(folder.exists() && !path.exists());
        fs::write(&path, "theirs").expect("writable");
        drop(Guard::new(name, "ours"));
        assert_eq!(fs::read_to_string(&path).expect("still there"), "theirs");
        fs::remove_dir_all(&folder).expect("ours");
    }
}
