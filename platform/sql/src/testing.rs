//! Databases for tests: a fresh place for each, on the engine under test.
//!
//! `SHOAL_TEST_POSTGRES` names a PostgreSQL server by the URL of a database from which others may be made; without it
//! the engine is SQLite. A place on PostgreSQL is a database cloned from a template, which the first test that needs it
//! migrates.

mod postgres;
mod trace;

use std::path::{Path, PathBuf};
use std::{fs, io};

use shoal_types::{Env, Rng as _, SystemRng};

use crate::{Durability, Engine, Error, Migration, Options, Source};
use postgres::Cloned;
pub(crate) use trace::Tracer;
pub use trace::{Step, Trace, Transaction, trace};

/// The variable that puts tests on PostgreSQL.
pub const SERVER: &str = "SHOAL_TEST_POSTGRES";

/// A fresh place for the data of a test, gone when dropped.
pub struct Place {
    source: Source,
    address: String,
    // Dropped after the databases in it were closed.
    data: Data,
}

enum Data {
    Folder(#[expect(dead_code, reason = "it is removed when dropped")] Folder),
    Database(Cloned),
}

impl Place {
    /// A place where these houses, each with its migrations, are already up to date (on PostgreSQL) or are made quickly
    /// (on SQLite).
    ///
    /// # Errors
    /// What keeps the server from making a database.
    pub async fn migrated(houses: &[(&'static str, &'static [Migration])], env: &Env) -> Result<Self, Error> {
        let Ok(url) = std::env::var(SERVER) else { return Ok(Self::folder()) };
        let Source::Postgres(server) = Source::parse(&url)? else {
            return Err(Error::Url { detail: format!("{SERVER} is no URL") });
        };
        Ok(Self::of_database(Cloned::of(&server, houses, env).await?, &url))
    }

    fn of_database(cloned: Cloned, url: &str) -> Self {
        let (server, address) = (cloned.server().clone(), with_database(url, cloned.server().database()));
        Self { source: Source::Postgres(server), address, data: Data::Database(cloned) }
    }

    /// A folder of its own, whatever engine is under test.
    pub fn folder() -> Self {
        let folder = Folder::new();
        let address = folder.0.to_string_lossy().into_owned();
        Self { source: Source::Directory(folder.0.clone()), address, data: Data::Folder(folder) }
    }

    /// Another place with the same data. Nobody has this one open.
    ///
    /// # Errors
    /// What keeps the data from being read or written.
    pub async fn copied(&self) -> Result<Self, Error> {
        if let Data::Database(cloned) = &self.data {
            return Ok(Self::of_database(cloned.copied().await?, &self.address));
        }
        let copy = Self::folder();
        if let (Some(from), Some(to)) = (self.source.directory(), copy.source.directory()) {
            copy_folder(from, to).map_err(|error| Error::Unavailable { detail: error.to_string() })?;
        }
        Ok(copy)
    }

    /// Where the data lives.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The same in the words of [`Source::parse`], with whatever password it takes.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The engine under test.
    pub fn engine(&self) -> Engine {
        self.source.engine()
    }

    /// Options for a house here that does not wait for the disk.
    pub fn options(&self, name: &'static str, migrations: &'static [Migration], env: &Env) -> Options {
        Options {
            durability: Durability::Process,
            ..Options::new(&self.source, name, migrations, env.clone())
        }
    }
}

/// The URL with another database in it.
fn with_database(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
    let host = place.rsplit_once('/').map_or(place, |(host, _)| host);
    query.map_or_else(|| format!("{host}/{name}"), |query| format!("{host}/{name}?{query}"))
}

/// A folder that is removed with all in it when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("shoal-test-{}", unique())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.0.display(), "temporary folder stays");
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}

/// 16 hexadecimal digits that nobody else draws: not from the test's own randomness, which may be the same in all.
fn unique() -> String {
    let mut random = [0_u8; 8];
    SystemRng.fill(&mut random);
    format!("{:016x}", u64::from_le_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_another_database_of_the_same_server() {
        assert_eq!(with_database("postgres://ann@a:1,b:2/shop", "test"), "postgres://ann@a:1,b:2/test");
        assert_eq!(
            with_database("postgres://ann@a/shop?sslmode=disable", "test"),
            "postgres://ann@a/test?sslmode=disable"
        );
    }
}
