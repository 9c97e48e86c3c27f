//! The mark of a move in a database: a row in a table of each schema whose data moves.

use tokio_postgres::{Row, SimpleQueryMessage};

use super::failure::{Failure, UniqueColumns};
use super::link::Link;
use super::server::Server;
use crate::Error;
use crate::transfer::{MARK_TABLE, Mark, State, quoted};

/// What is asked of each new connection, so that a node that lost its connections before the move cannot come back to
/// the data later.
pub(super) fn question() -> String {
    format!("select to_regclass('{MARK_TABLE}')::text")
}

/// Whether the answer is that the schema in front has a mark.
pub(super) fn is_there(told: &[SimpleQueryMessage]) -> bool {
    told.iter()
        .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(MARK_TABLE)))
}

/// Passes if the schema has no mark.
pub(super) async fn refuse(link: &Link, schema: &str, server: &Server) -> Result<(), Failure> {
    match read(link, schema).await {
        Ok(None) => Ok(()),
        Ok(Some(mark)) => Err(Failure::last(mark.refusal(&server.to_string()))),
        Err(error) => Err(Failure::last(error)),
    }
}

/// The mark of this schema.
///
/// # Errors
/// `Corrupt` if there is one that says nothing: then it is not known whether the data is whole.
pub(super) async fn read(link: &Link, schema: &str) -> Result<Option<Mark>, Error> {
    let table = format!("{}.{}", quoted(schema), quoted(MARK_TABLE));
    let failed = |error| Failure::of(&error, "move", &UniqueColumns::new()).error;
    let there = link.client().query_one("select to_regclass($1) is not null", &[&table]).await;
    if !there.and_then(|row| row.try_get(0)).map_err(failed)? {
        return Ok(None);
    }
    let text = format!("select move_id, state, other from {table}");
    let rows = link.client().query(&text, &[]).await.map_err(failed)?;
    let unknown = || Error::Corrupt { detail: format!("{table} is not the mark of a move") };
    rows.first().and_then(mark).map(Some).ok_or_else(unknown)
}

fn mark(row: &Row) -> Option<Mark> {
    let text = |index| row.try_get::<_, String>(index).ok();
    Some(Mark { id: text(0)?, state: State::parse(&text(1)?)?, other: text(2)? })
}

/// Sets the mark in these schemas, which are made if absent, or takes it away: in one transaction.
pub(super) async fn set(link: &Link, schemas: &[String], mark: Option<&Mark>) -> Result<(), Error> {
    let mut text = String::new();
    for schema in schemas {
        let schema = quoted(schema);
        let table = format!("{schema}.{}", quoted(MARK_TABLE));
        match mark {
            None => text.push_str(&format!("drop table if exists {table};")),
            Some(Mark { id, state, other }) => {
                let (id, state, other) = (literal(id), literal(state.as_str()), literal(other));
                text.push_str(&format!(
                    "create schema if not exists {schema};
                     create table if not exists {table} (
                       move_id text not null,
                       state text not null,
                       other text not null,
                       constraint {MARK_TABLE}_pk primary key (move_id)
                     );
                     delete from {table};
                     insert into {table} (move_id, state, other) values ({id}, {state}, {other});"
                ));
            }
        }
    }
    // What goes out as one text is one transaction.
    link.control(&text).await.map_err(|failure| failure.error)
}

/// Text as it stands in a statement.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
