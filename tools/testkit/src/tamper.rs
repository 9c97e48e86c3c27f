use std::path::Path;

use rusqlite::Connection;

use crate::postgres::{connected, is_postgres, schema_of};

/// Runs a statement on the data of one house behind its back; how many rows it changed.
///
/// # Errors
/// What the engine says.
pub fn tamper(data: &str, house: &str, statement: &str) -> Result<u64, String> {
    if !is_postgres(data) {
        let file = Connection::open(Path::new(data).join(format!("{house}.db"))).expect("the file is there");
        let changed = file.execute(statement, []).map_err(|error| error.to_string())?;
        return Ok(changed as u64);
    }
    let (schema, statement) = (schema_of(house), statement.to_owned());
    let changed = connected(data, async move |client| {
        client
            .batch_execute(&format!("set search_path to {schema}"))
            .await
            .expect("the schema is named well");
        client.execute(&statement, &[]).await.map_err(|error| match error.as_db_error() {
            Some(told) => told.message().to_owned(),
            None => error.to_string(),
        })
    });
    changed.join().expect("the statement is run")
}
