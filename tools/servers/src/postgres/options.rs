use std::env;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A run of all tests needs a quarter of it.
const MEMORY_MIN: u64 = 4 << 30;

/// What a server is to be like. The default is fast and forgets its last transactions when it is killed: for tests that
/// do not kill it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What is committed is on disk, as PostgreSQL does by itself; with more memory and with autovacuum.
    pub durable: bool,
    /// Further lines of `postgresql.conf`, name and value; of two for one name the last counts.
    pub settings: Vec<(String, String)>,
    /// Takes connections with TLS only, if given.
    pub tls: Option<Tls>,
    /// Where the server's folder is made; by default where temporary folders are, in memory if there is plenty; for a
    /// durable one on a disk.
    pub place: Option<PathBuf>,
    /// Where it is reached besides 127.0.0.1: the address of the [`Host`](crate::Host) that the starting thread has entered.
    pub address: Option<Ipv4Addr>,
}

/// Files in PEM that the server copies.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's certificate, with those between it and the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The root by which certificates of clients are checked, if they show one.
    pub ca: PathBuf,
}

impl Options {
    /// A server for measurements, and for tests that kill it.
    pub fn durable() -> Self {
        Self { durable: true, ..Self::default() }
    }

    /// Adds a line to `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn place(&self) -> PathBuf {
        // `/tmp` may be in memory, where nothing is durable; `/var/tmp` never is.
        let disk = Path::new("/var/tmp");
        let usual = || match self.durable {
            true if disk.is_dir() => disk.to_owned(),
            true => env::temp_dir(),
            false => memory().unwrap_or_else(env::temp_dir),
        };
        self.place.clone().unwrap_or_else(usual)
    }

    /// The lines to add to `postgresql.conf`.
    pub(super) fn lines(&self) -> String {
        let addresses = self.address.map_or("127.0.0.1".to_owned(), |own| format!("127.0.0.1,{own}"));
        let mut settings = vec![
            ("listen_addresses", addresses.as_str()),
            ("unix_socket_directories", ""),
            ("max_connections", "300"),
            // Its files lie in the server's folder, so that a killed server leaves nothing in /dev/shm.
            ("dynamic_shared_memory_type", "mmap"),
            // A replica may be away for a while.
            ("wal_keep_size", "512MB"),
        ];
        settings.extend(if self.durable { DURABLE } else { FORGETFUL });
        if self.tls.is_some() {
            settings.extend([("ssl", "on"), ("ssl_ca_file", "ca.crt")]);
        }
        let given = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        settings.into_iter().chain(given).map(line).collect()
    }
}

/// Where files are kept in memory, if there is plenty and nobody has said where temporary files go. A database is made and
/// dropped there in a tenth of the time: without `fsync` too both write to the disk.
fn memory() -> Option<PathBuf> {
    let place = Path::new("/dev/shm");
    let plenty = || free_bytes(place).is_some_and(|free| free >= MEMORY_MIN);
    (env::var_os("TMPDIR").is_none() && plenty()).then(|| place.to_owned())
}

/// What is free on the file system of `place`, as far as that can be told.
fn free_bytes(place: &Path) -> Option<u64> {
    let output = Command::new("df").args(["--block-size=1", "--output=avail"]).arg(place).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().nth(1)?.trim().parse().ok()
}

const DURABLE: &[(&str, &str)] = &[("shared_buffers", "512MB")];
const FORGETFUL: &[(&str, &str)] = &[
    ("shared_buffers", "64MB"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
];

fn line((name, value): (&str, &str)) -> String {
    format!("{name} = '{}'\n", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_known_of_what_is_there() {
        assert!(free_bytes(Path::new("/")).is_some_and(|free| free > 0));
        assert_eq!(free_bytes(Path::new("/nowhere")), None);
    }

    #[test]
    fn only_a_durable_server_waits_for_the_disk() {
        assert!(Options::default().lines().contains("fsync = 'off'\n"));
        assert!(!Options::durable().lines().contains("fsync"));
    }

    #[test]
    fn a_given_setting_comes_last_and_is_quoted() {
        let options = Options::default().setting("max_connections", "20").setting("application_name", "it's");
        assert!(options.lines().ends_with("max_connections = '20'\napplication_name = 'it''s'\n"));
    }
}
