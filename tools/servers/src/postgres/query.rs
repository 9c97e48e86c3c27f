use std::env;
use std::io;
use std::process::{Command, Stdio};

use super::{Postgres, programs};

impl Postgres {
    /// Runs SQL with `psql` as the superuser; the rows as text, fields separated by `|`, without a line end.
    ///
    /// # Errors
    /// With what `psql` says if the server cannot be reached within 10 s or refuses the SQL.
    pub fn query(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut psql = Command::new(programs::psql(&self.programs));
        without_variables(&mut psql).env("PGCONNECT_TIMEOUT", "10").stdin(Stdio::null());
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        let output = psql.output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(io::Error::other(text(&output.stderr)))
    }
}

/// Takes away the caller's variables for PostgreSQL's clients, which would name another server.
pub(super) fn without_variables(client: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        client.env_remove(name);
    }
    client
}
