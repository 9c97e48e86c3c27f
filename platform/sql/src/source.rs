use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::postgres::Server;

/// Where data lives: a directory of files, or a PostgreSQL database. Cheap to clone; shows no password.
#[derive(Clone)]
pub enum Source {
    /// A file for each house in this directory, which is made if absent.
    Directory(PathBuf),
    /// A schema for each house in this database.
    Postgres(Server),
}

/// The engines that data may live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded: files of this process.
    Sqlite,
    /// PostgreSQL, or what speaks its protocol and its SQL.
    Postgres,
}

impl Source {
    /// Reads `DIR`, `sqlite:DIR` or `postgres://USER:PASSWORD@HOST[:PORT][,HOST..]/DATABASE[?..]`.
    ///
    /// # Errors
    /// `Url` says what is wrong with a URL.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(directory) = text.strip_prefix("sqlite:") {
            return Ok(Self::Directory(directory.into()));
        }
        if text.contains("://") {
            return Ok(Self::Postgres(Server::parse(text)?));
        }
        Ok(Self::Directory(text.into()))
    }

    /// The engine that holds the data.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Directory(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Resolves once no server of the database answers, for `false`, or once one does again, for `true`. A house of this
    /// process finds out when it is asked for something. Data in a directory is there always.
    pub async fn until_answering(&self, answering: bool) {
        match self {
            // The sender lives as long as this does.
            Self::Postgres(server) => {
                drop(server.outage().watch().wait_for(|found| (*found == 0) == answering).await)
            }
            Self::Directory(_) if answering => {}
            Self::Directory(_) => std::future::pending().await,
        }
    }

    /// The directory of embedded data.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::Postgres(_) => None,
        }
    }
}

impl From<PathBuf> for Source {
    fn from(directory: PathBuf) -> Self {
        Self::Directory(directory)
    }
}

impl From<&PathBuf> for Source {
    fn from(directory: &PathBuf) -> Self {
        Self::Directory(directory.clone())
    }
}

impl From<&Path> for Source {
    fn from(directory: &Path) -> Self {
        Self::Directory(directory.to_owned())
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Self {
        source.clone()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
