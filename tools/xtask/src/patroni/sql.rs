//! SQL through `psql`, as an engineer would look at the database.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One way into the servers.
#[derive(Clone)]
pub(super) struct Psql {
    program: PathBuf,
    ports: Vec<u16>,
    login: Login,
}

/// A role, its password and a database.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: &'static str,
    pub(super) password: String,
    pub(super) database: &'static str,
}

impl Psql {
    pub(super) fn new(postgres: &Path, ports: Vec<u16>, login: Login) -> Self {
        Self { program: postgres.join("psql"), ports, login }
    }

    /// The rows that a statement answers on the primary, whichever it is, by columns.
    ///
    /// # Errors
    /// What `psql` says.
    pub(super) fn rows(&self, statement: &str) -> io::Result<Vec<Vec<String>>> {
        self.ask(statement, "read-write")
    }

    /// As [`Psql::rows`], on a standby if there is one.
    pub(super) fn rows_of_standby(&self, statement: &str) -> io::Result<Vec<Vec<String>>> {
        self.ask(statement, "prefer-standby")
    }

    /// The whole number that a statement answers.
    pub(super) fn number(&self, statement: &str) -> io::Result<i64> {
        let rows = self.rows(statement)?;
        let number = rows.first().and_then(|row| row.first()?.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("no number: {statement}")))
    }

    fn ask(&self, statement: &str, target: &str) -> io::Result<Vec<Vec<String>>> {
        let output = Command::new(&self.program)
            .args(["-X", "-A", "-t", "-q", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement, "-d"])
            .arg(self.conninfo(target))
            .env("PGPASSWORD", &self.login.password)
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(table(&String::from_utf8_lossy(&output.stdout)))
    }

    fn conninfo(&self, target: &str) -> String {
        let hosts = vec!["127.0.0.1"; self.ports.len()].join(",");
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let Login { user, database, .. } = self.login;
        format!(
            "host={hosts} port={} user={user} dbname={database} connect_timeout=3 target_session_attrs={target}",
            ports.join(",")
        )
    }
}

fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_is_named_with_its_port() {
        let login = Login { user: "shoal", password: "secret".into(), database: "shoal" };
        let psql = Psql::new(Path::new("/bin"), vec![1, 2], login);
        let conninfo = psql.conninfo("read-write");
        assert!(conninfo.starts_with("host=127.0.0.1,127.0.0.1 port=1,2 user=shoal dbname=shoal"));
        assert!(!conninfo.contains("secret"));
    }

    #[test]
    fn rows_are_split_by_columns() {
        assert_eq!(table("a\tb\nc\t\n"), [["a", "b"], ["c", ""]]);
    }
}
