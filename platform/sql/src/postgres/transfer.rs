//! A database as one end of a move.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use shoal_types::Env;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error as DriverError, Row, Statement as Prepared};

use super::connect::{Connector, application_of, schema_of};
use super::failure::{Failure, UniqueColumns};
use super::link::Link;
use super::server::{Server, Target};
use super::value::Column;
use super::{catalogue, mark, migrate};
use crate::counters::Tally;
use crate::transfer::{Done, End, Error, House, Mark, PROGRESS_TABLE, Table, quoted};
use crate::{Value, ValueRef};

/// Named in errors, and to the server.
const NAME: &str = "move";
/// How long others may take to let go: a connection of a node that has just ended, or of a move that was killed.
const LET_GO: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The schemas of a database.
pub(crate) struct Schemas {
    place: String,
    link: Link,
    env: Env,
    prepared: HashMap<String, Prepared>,
}

impl Schemas {
    /// Connects to the primary. Call it within a `LocalSet`.
    pub(crate) async fn connect(server: &Server, env: &Env) -> Result<Self, crate::Error> {
        let connector = Connector::past_marks(server.clone(), NAME, Arc::new(Tally::default()), env.clone());
        let link = connector.connect(Target::Primary, Rc::new(UniqueColumns::new())).await?;
        // A page of a table is as large as it is.
        link.control("set statement_timeout to 0").await?;
        Ok(Self { place: server.to_string(), link, env: env.clone(), prepared: HashMap::new() })
    }

    async fn prepare_text(&mut self, text: &str) -> Result<Prepared, crate::Error> {
        if let Some(prepared) = self.prepared.get(text) {
            return Ok(prepared.clone());
        }
        let prepared = self.link.client().prepare(text).await.map_err(failed)?;
        self.prepared.insert(text.to_owned(), prepared.clone());
        Ok(prepared)
    }

    async fn rows(&self, text: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, crate::Error> {
        self.link.client().query(text, params).await.map_err(failed)
    }

    /// The nodes of these houses and the other moves that are connected.
    async fn others(&self, houses: &[House]) -> Result<Vec<String>, crate::Error> {
        let text = "select application_name::text, pid from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() order by pid";
        let names: Vec<String> = houses.iter().map(|house| application_of(house.name)).collect();
        let mut others = Vec::new();
        for row in self.rows(text, &[]).await? {
            let (name, pid): (Option<String>, i32) = (get(&row, 0)?, get(&row, 1)?);
            if let Some(name) = name.filter(|name| names.contains(name) || *name == application_of(NAME)) {
                others.push(format!("{name} (process {pid} of the server)"));
            }
        }
        Ok(others)
    }
}

impl End for Schemas {
    fn place(&self) -> &str {
        &self.place
    }

    async fn hold(&mut self, houses: &[House]) -> Result<(), Error> {
        let mut waited = Duration::ZERO;
        loop {
            let others = self.others(houses).await?;
            if others.is_empty() {
                return Ok(());
            }
            if waited >= LET_GO {
                let by = format!("a node or another move is connected as {}", others.join(", "));
                return Err(Error::InUse { place: self.place.clone(), by });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            waited += LOOK_AGAIN;
        }
    }

    async fn mark(&mut self, houses: &[House]) -> Result<Option<Mark>, Error> {
        for house in houses {
            if let Some(mark) = mark::read(&self.link, &schema_of(house.name)).await? {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }

    async fn set_mark(&mut self, houses: &[House], mark: Option<&Mark>) -> Result<(), Error> {
        let schemas: Vec<String> = houses.iter().map(|house| schema_of(house.name)).collect();
        Ok(mark::set(&self.link, &schemas, mark).await?)
    }

    async fn applied(&mut self, house: &House) -> Result<Option<Vec<(u32, String)>>, Error> {
        let table = at(house, "schema_migrations");
        if !has_table(&self.link, &table).await? {
            return Ok(None);
        }
        let text = format!("select version, checksum from {table} order by version");
        let mut applied = Vec::new();
        for row in self.rows(&text, &[]).await? {
            let version: i64 = get(&row, 0)?;
            applied.push((u32::try_from(version).unwrap_or(u32::MAX), get(&row, 1)?));
        }
        Ok(Some(applied))
    }

    async fn migrate(&mut self, house: &House) -> Result<(), Error> {
        let schema = schema_of(house.name);
        self.link.control(&format!("set search_path to {}", quoted(&schema))).await.map_err(own)?;
        let migrated = migrate::migrate(&self.link, &schema, house.name, house.migrations, &self.env).await;
        Ok(migrated.map_err(own)?)
    }

    async fn tables(&mut self, house: &House) -> Result<Vec<Table>, Error> {
        catalogue::tables(self.link.client(), &schema_of(house.name))
            .await
            .map_err(failed)?
            .into_iter()
            .collect()
    }

    async fn count(&mut self, house: &House, table: &Table) -> Result<u64, Error> {
        let text = format!("select count(*) from {}", at(house, &table.name));
        let rows = self.rows(&text, &[]).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| get(row, 0))?;
        Ok(count.unsigned_abs())
    }

    async fn page(
        &mut self,
        house: &House,
        table: &Table,
        after: Option<&[Value]>,
        limit: u32,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let text = table.page_text(&at(house, &table.name), '$', after.is_some());
        let prepared = self.prepare_text(&text).await?;
        let limit = Value::from(limit);
        let given = after.unwrap_or_default().iter().chain([&limit]);
        let params: Vec<_> = given.map(|value| value as &(dyn ToSql + Sync)).collect();
        let rows = self.link.client().query(&prepared, &params).await.map_err(failed)?;
        Ok(rows.iter().map(values).collect::<Result<_, _>>()?)
    }

    async fn prepare(&mut self, house: &House, tables: &[Table], id: &str) -> Result<(), Error> {
        let progress = at(house, PROGRESS_TABLE);
        let mut text = format!("drop table if exists {progress};");
        if !tables.is_empty() {
            let all: Vec<_> = tables.iter().map(|table| at(house, &table.name)).collect();
            text.push_str(&format!("truncate {};", all.join(", ")));
        }
        text.push_str(&format!(
            "create table {progress} (
               move_id text not null,
               table_name text not null,
               last_key bytea,
               row_count bigint not null,
               constraint {PROGRESS_TABLE}_pk primary key (table_name)
             );
             insert into {progress} (move_id, table_name, row_count) values ({}, '', 0)",
            mark::literal(id)
        ));
        // What goes out as one text is one transaction.
        Ok(self.link.control(&text).await.map_err(own)?)
    }

    async fn progress(&mut self, house: &House, id: &str) -> Result<Option<Vec<Done>>, Error> {
        let progress = at(house, PROGRESS_TABLE);
        if !has_table(&self.link, &progress).await? {
            return Ok(None);
        }
        let text = format!("select table_name, last_key, row_count from {progress} where move_id = $1");
        let mut all = Vec::new();
        for row in self.rows(&text, &[&id]).await? {
            all.push(Done { table: get(&row, 0)?, last_key: get(&row, 1)?, rows: get(&row, 2)? });
        }
        Ok((!all.is_empty()).then_some(all))
    }

    async fn write(
        &mut self,
        house: &House,
        table: &Table,
        rows: &[Vec<Value>],
        done: &Done,
        id: &str,
    ) -> Result<(), Error> {
        refuse_unkeepable(table, rows)?;
        let insert = self.prepare_text(&insert_text(house, table)).await?;
        let note = self.prepare_text(&note_text(house)).await?;
        let columns: Vec<Column<'_>> = (0..table.columns.len())
            .map(|index| Column(rows.iter().map(|row| &row[index]).collect()))
            .collect();
        let columns: Vec<_> = columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
        let noted: [&(dyn ToSql + Sync); 4] = [&id, &done.table, &done.last_key, &done.rows];
        let client = self.link.client();
        // They go out in one flight. If one fails, the commit rolls back.
        let (begun, inserted, noted, committed) = futures::join!(
            client.batch_execute("begin"),
            client.execute(&insert, &columns),
            client.execute(&note, &noted),
            client.batch_execute("commit"),
        );
        let ended = begun.and(inserted).and(noted.map(|_| ())).and(committed);
        Ok(ended.map_err(failed)?)
    }

    async fn settle(&mut self, house: &House, tables: &[Table]) -> Result<(), Error> {
        let mut text = format!("drop table if exists {};", at(house, PROGRESS_TABLE));
        for table in tables {
            // Statements are planned by what is in the tables now, not by what autovacuum finds out later.
            text.push_str(&format!("analyze {};", at(house, &table.name)));
        }
        Ok(self.link.control(&text).await.map_err(own)?)
    }
}

/// Adds rows, a list for each column.
fn insert_text(house: &House, table: &Table) -> String {
    let lists: Vec<_> = (table.columns.iter().enumerate())
        .map(|(index, column)| format!("${}::{}[]", index + 1, column.kind.postgres()))
        .collect();
    format!(
        "insert into {} ({}) select * from unnest({}) on conflict ({}) do nothing",
        at(house, &table.name),
        table.column_list(),
        lists.join(", "),
        table.key_list()
    )
}

/// Notes how far a table has come.
fn note_text(house: &House) -> String {
    format!(
        "insert into {} (move_id, table_name, last_key, row_count) values ($1, $2, $3, $4)
         on conflict (table_name) do update set last_key = excluded.last_key, row_count = excluded.row_count",
        at(house, PROGRESS_TABLE)
    )
}

/// Passes rows that PostgreSQL can keep: text without U+0000.
fn refuse_unkeepable(table: &Table, rows: &[Vec<Value>]) -> Result<(), Error> {
    for row in rows {
        for (index, value) in row.iter().enumerate() {
            if matches!(value, Value::Text(text) if text.contains('\0')) {
                return Err(table.unfit(
                    index,
                    "text with the character U+0000, which PostgreSQL does not keep",
                    row,
                ));
            }
        }
    }
    Ok(())
}

/// A row, its values as they stand in the file of the embedded engine.
fn values(row: &Row) -> Result<Vec<Value>, crate::Error> {
    let value = |index| {
        Ok(match get::<ValueRef<'_>>(row, index)? {
            ValueRef::Null => Value::Null,
            ValueRef::I64(number) => Value::I64(number),
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    };
    (0..row.len()).map(value).collect()
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, crate::Error> {
    row.try_get(index).map_err(failed)
}

/// The table as it is named from any schema.
fn at(house: &House, table: &str) -> String {
    format!("{}.{}", quoted(&schema_of(house.name)), quoted(table))
}

async fn has_table(link: &Link, table: &str) -> Result<bool, crate::Error> {
    let text = "select to_regclass($1) is not null";
    let row = link.client().query_one(text, &[&table]).await.map_err(failed)?;
    get(&row, 0)
}

fn failed(error: DriverError) -> crate::Error {
    own(Failure::of(&error, NAME, &UniqueColumns::new()))
}

fn own(failure: Failure) -> crate::Error {
    failure.error
}
