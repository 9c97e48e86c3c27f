//! What tables a file has.

use rusqlite::Connection;

use crate::transfer::{Error, Found, Table};

/// Whether the file has a table of this name.
pub(super) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "select count(*) from sqlite_master where type = 'table' and name = ?1";
    connection.query_row(sql, [name], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// Every table but the engine's and the layer's own; those that cannot be copied with the reason.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<Result<Table, Error>>> {
    let sql = "select name from sqlite_master
        where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name";
    let names: Vec<String> = list(connection, sql, [], |row| row.get(0))?;
    let mut tables = Vec::new();
    for name in names.iter().filter(|name| !Table::is_own(name)) {
        let sql = "select name, type, pk from pragma_table_info(?1)";
        let columns = list(connection, sql, [name], |row| {
            Ok(Found { column: row.get(0)?, of: row.get(1)?, key_place: row.get(2)? })
        })?;
        let sql = "select \"table\" from pragma_foreign_key_list(?1)";
        let needs = list(connection, sql, [name], |row| row.get(0))?;
        tables.push(Table::new(name, columns, needs));
    }
    Ok(tables)
}

fn list<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map(params, each)?.collect()
}
