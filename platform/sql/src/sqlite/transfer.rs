//! A directory as one end of a move.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use shoal_types::Env;

use super::failure::{from_io, from_sqlite};
use super::lock::Lock;
use super::{backup, catalogue, connection, mark, migrate};
use crate::transfer::{Done, End, Error, House, Mark, PROGRESS_TABLE, Table, quoted};
use crate::{Options, Value};

/// Named in errors.
const NAME: &str = "move";

/// The files of a directory.
pub(crate) struct Files {
    directory: PathBuf,
    place: String,
    env: Env,
    /// Whether rows arrive here.
    target: bool,
    // Fields drop in this order: the connections, then the locks.
    open: BTreeMap<&'static str, Connection>,
    locks: Vec<Lock>,
}

impl Files {
    /// The directory that a move begins in. Its files are only read.
    pub(crate) fn source(directory: &Path, env: &Env) -> Self {
        Self::new(directory, env, false)
    }

    /// The directory that a move goes to, which is made if absent.
    pub(crate) fn target(directory: &Path, env: &Env) -> Self {
        Self::new(directory, env, true)
    }

    /// A house of its own in memory, with its migrations.
    pub(crate) fn in_memory(house: &House, env: &Env) -> Result<Self, Error> {
        let connection = Connection::open_in_memory().map_err(failed)?;
        for migration in house.migrations {
            connection.execute_batch(migration.sql).map_err(|error| from_sqlite(&error, migration.name))?;
        }
        let mut files = Self::new(Path::new(""), env, true);
        files.open.insert(house.name, connection);
        Ok(files)
    }

    fn new(directory: &Path, env: &Env, target: bool) -> Self {
        let place = whole(directory).display().to_string();
        let directory = directory.to_owned();
        Self { directory, place, env: env.clone(), target, open: BTreeMap::new(), locks: Vec::new() }
    }

    /// The house's file; `None` if there is none.
    fn file(&mut self, house: &House) -> Result<Option<&mut Connection>, Error> {
        if !self.open.contains_key(house.name) {
            let path = connection::path(&self.directory, house.name);
            if !path.exists() {
                return Ok(None);
            }
            let opened = if self.target { self.writer(house)? } else { connection::open_reader(&path)? };
            self.open.insert(house.name, opened);
        }
        Ok(self.open.get_mut(house.name))
    }

    /// The house's file, which is there.
    fn there(&mut self, house: &House) -> Result<&mut Connection, Error> {
        let path = connection::path(&self.directory, house.name);
        let gone = || crate::Error::Corrupt { detail: format!("{} is missing", path.display()) };
        Ok(self.file(house)?.ok_or_else(gone)?)
    }

    fn writer(&self, house: &House) -> Result<Connection, crate::Error> {
        let options = Options::new(&self.directory, house.name, house.migrations, self.env.clone());
        connection::open_writer(&self.directory, &options)
    }
}

impl End for Files {
    fn place(&self) -> &str {
        &self.place
    }

    async fn hold(&mut self, houses: &[House]) -> Result<(), Error> {
        if !self.locks.is_empty() {
            return Ok(());
        }
        for house in houses {
            let lock = Lock::hold(&self.directory, house.name).map_err(|error| match error {
                crate::Error::AlreadyOpen { path } => {
                    let by = format!("a node or another move holds {}", path.display());
                    Error::InUse { place: self.place.clone(), by }
                }
                error => error.into(),
            });
            self.locks.push(lock?);
        }
        Ok(backup::refuse_unfinished(&self.directory)?)
    }

    async fn mark(&mut self, _: &[House]) -> Result<Option<Mark>, Error> {
        Ok(mark::read(&self.directory)?)
    }

    async fn set_mark(&mut self, _: &[House], mark: Option<&Mark>) -> Result<(), Error> {
        Ok(mark::set(&self.directory, mark)?)
    }

    async fn applied(&mut self, house: &House) -> Result<Option<Vec<(u32, String)>>, Error> {
        let Some(file) = self.file(house)? else { return Ok(None) };
        if !catalogue::has_table(file, "schema_migrations").map_err(failed)? {
            return Ok(None);
        }
        Ok(Some(migrate::recorded(file)?))
    }

    async fn migrate(&mut self, house: &House) -> Result<(), Error> {
        if !self.open.contains_key(house.name) {
            let opened = self.writer(house)?;
            self.open.insert(house.name, opened);
        }
        let env = self.env.clone();
        Ok(migrate::migrate(self.there(house)?, house.name, house.migrations, &env)?)
    }

    async fn tables(&mut self, house: &House) -> Result<Vec<Table>, Error> {
        match self.file(house)? {
            None => Ok(Vec::new()),
            Some(file) => catalogue::tables(file).map_err(failed)?.into_iter().collect(),
        }
    }

    async fn count(&mut self, house: &House, table: &Table) -> Result<u64, Error> {
        let sql = format!("select count(*) from {}", quoted(&table.name));
        let count: i64 = self.there(house)?.query_row(&sql, [], |row| row.get(0)).map_err(failed)?;
        Ok(count.unsigned_abs())
    }

    async fn page(
        &mut self,
        house: &House,
        table: &Table,
        after: Option<&[Value]>,
        limit: u32,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let sql = table.page_text(&quoted(&table.name), '?', after.is_some());
        let mut statement = self.there(house)?.prepare_cached(&sql).map_err(failed)?;
        let limit = Value::from(limit);
        let given = after.unwrap_or_default().iter().chain([&limit]);
        let mut found = statement.query(params_from_iter(given)).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            rows.push(values(table, row)?);
        }
        Ok(rows)
    }

    async fn prepare(&mut self, house: &House, tables: &[Table], id: &str) -> Result<(), Error> {
        if let Some(folder) = house.derived {
            let folder = self.directory.join(folder);
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(from_io(&error, &folder).into());
                }
                _ => {}
            }
        }
        let file = self.there(house)?;
        let mut prepare = || {
            let transaction = file.transaction()?;
            transaction.execute_batch(&format!("drop table if exists {PROGRESS_TABLE}"))?;
            for table in tables.iter().rev() {
                transaction.execute(&format!("delete from {}", quoted(&table.name)), [])?;
            }
            transaction.execute_batch(&format!(
                "create table {PROGRESS_TABLE} (
                   move_id text not null,
                   table_name text not null,
                   last_key bytea,
                   row_count bigint not null,
                   primary key (table_name)
                 )"
            ))?;
            let begun = Done { table: String::new(), last_key: None, rows: 0 };
            note(&transaction, &begun, id)?;
            transaction.commit()
        };
        Ok(prepare().map_err(failed)?)
    }

    async fn progress(&mut self, house: &House, id: &str) -> Result<Option<Vec<Done>>, Error> {
        let file = self.there(house)?;
        let read = || {
            if !catalogue::has_table(file, PROGRESS_TABLE)? {
                return Ok(Vec::new());
            }
            let sql =
                format!("select table_name, last_key, row_count from {PROGRESS_TABLE} where move_id = ?1");
            let mut statement = file.prepare(&sql)?;
            let done =
                |row: &Row<'_>| Ok(Done { table: row.get(0)?, last_key: row.get(1)?, rows: row.get(2)? });
            statement.query_map([id], done)?.collect::<Result<Vec<_>, _>>()
        };
        let done = read().map_err(failed)?;
        Ok((!done.is_empty()).then_some(done))
    }

    async fn write(
        &mut self,
        house: &House,
        table: &Table,
        rows: &[Vec<Value>],
        done: &Done,
        id: &str,
    ) -> Result<(), Error> {
        let params: Vec<_> = (1..=table.columns.len()).map(|number| format!("?{number}")).collect();
        let sql = format!(
            "insert into {} ({}) values ({}) on conflict ({}) do nothing",
            quoted(&table.name),
            table.column_list(),
            params.join(", "),
            table.key_list()
        );
        let file = self.there(house)?;
        let mut write = || {
            let transaction = file.transaction()?;
            let mut insert = transaction.prepare_cached(&sql)?;
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
            drop(insert);
            note(&transaction, done, id)?;
            transaction.commit()
        };
        Ok(write().map_err(failed)?)
    }

    async fn settle(&mut self, house: &House, _: &[Table]) -> Result<(), Error> {
        let file = self.there(house)?;
        file.execute_batch(&format!("drop table if exists {PROGRESS_TABLE}")).map_err(failed)?;
        // The log moves into the file, which is then whole by itself.
        file.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).optional().map_err(failed)?;
        Ok(())
    }
}

/// Notes how far a table has come.
fn note(connection: &Connection, done: &Done, id: &str) -> rusqlite::Result<()> {
    let sql = format!(
        "insert into {PROGRESS_TABLE} (move_id, table_name, last_key, row_count) values (?1, ?2, ?3, ?4)
         on conflict (table_name) do update set last_key = excluded.last_key, row_count = excluded.row_count"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.execute(params![id, done.table, done.last_key, done.rows]).map(|_| ())
}

/// The row, each value of the type that its column has: SQLite would take others.
fn values(table: &Table, row: &Row<'_>) -> Result<Vec<Value>, Error> {
    let mut values = Vec::with_capacity(table.columns.len());
    let mut unfit = None;
    for (index, column) in table.columns.iter().enumerate() {
        let value = value(row, index).and_then(|value| column.kind.check(value));
        values.push(value.unwrap_or_else(|found| {
            unfit.get_or_insert((index, found));
            Value::Null
        }));
    }
    match unfit {
        None => Ok(values),
        Some((index, found)) => Err(table.unfit(index, found, &values)),
    }
}

fn value(row: &Row<'_>, index: usize) -> Result<Value, &'static str> {
    use rusqlite::types::ValueRef as Lite;
    Ok(match row.get_ref(index).map_err(|_| "nothing")? {
        Lite::Null => Value::Null,
        Lite::Integer(number) => Value::I64(number),
        Lite::Real(_) => return Err("a floating point number"),
        Lite::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| "text that is not UTF-8")?;
            Value::Text(text.to_owned())
        }
        Lite::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

/// The path by which a directory is known from anywhere, whether it is there or not.
fn whole(directory: &Path) -> PathBuf {
    if let Ok(whole) = directory.canonicalize() {
        return whole;
    }
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => whole(parent).join(name),
        _ => absolute,
    }
}

fn failed(error: rusqlite::Error) -> crate::Error {
    from_sqlite(&error, NAME)
}
