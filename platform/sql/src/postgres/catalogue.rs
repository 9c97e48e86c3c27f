//! What tables a schema has.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error as DriverError};

use crate::transfer::{Error, Found, Table};

/// The columns of each table, with their place in its primary key.
const COLUMNS: &str = "select t.relname::text, a.attname::text, y.typname::text, coalesce(k.place, 0)
    from pg_class t
    join pg_namespace n on n.oid = t.relnamespace
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    join pg_type y on y.oid = a.atttypid
    left join pg_index x on x.indrelid = t.oid and x.indisprimary
    left join lateral (
      select u.place from unnest(x.indkey) with ordinality as u (number, place) where u.number = a.attnum
    ) k on true
    where n.nspname = $1 and t.relkind in ('r', 'p')";

/// The tables that each table's foreign keys point at.
const NEEDS: &str = "select t.relname::text, r.relname::text
    from pg_constraint f
    join pg_class t on t.oid = f.conrelid
    join pg_class r on r.oid = f.confrelid
    join pg_namespace n on n.oid = t.relnamespace
    where n.nspname = $1 and f.contype = 'f'";

/// Every table but the layer's own; those that cannot be copied with the reason.
pub(super) async fn tables(client: &Client, schema: &str) -> Result<Vec<Result<Table, Error>>, DriverError> {
    let mut tables: BTreeMap<String, (Vec<Found>, Vec<String>)> = BTreeMap::new();
    for row in client.query(COLUMNS, &[&schema]).await? {
        let found = Found { column: row.try_get(1)?, of: row.try_get(2)?, key_place: row.try_get(3)? };
        tables.entry(row.try_get(0)?).or_default().0.push(found);
    }
    for row in client.query(NEEDS, &[&schema]).await? {
        tables.entry(row.try_get(0)?).or_default().1.push(row.try_get(1)?);
    }
    tables.retain(|name, _| !Table::is_own(name));
    Ok(tables.into_iter().map(|(name, (found, needs))| Table::new(&name, found, needs)).collect())
}
