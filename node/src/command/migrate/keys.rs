//! By which column the rows of each table are spread over machines. docs/scale.md has the reasons, table by table; a test
//! holds the two and the schema together.

use shoal_sql::Migration;

/// How the rows of a table lie on several machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// By the key, whose newest values are the largest: a UUIDv7.
    InTime,
    /// By the key, whose values fall anywhere: a hash, an e-mail, a slug.
    Even,
    /// Not at all: small and seldom written, whole on each machine.
    Whole,
}

use Spread::{Even, InTime, Whole};

/// A table, the first column of its primary key, and how that spreads it. Tables of a group have the same values in
/// their keys, so that what is written together lies together.
#[derive(Debug)]
pub(super) struct Keyed {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) spread: Spread,
    /// The first table of its group.
    pub(super) with: Option<&'static str>,
}

const fn of(table: &'static str, key: &'static str, spread: Spread) -> Keyed {
    Keyed { table, key, spread, with: None }
}

const fn with(leader: &'static str, table: &'static str, key: &'static str, spread: Spread) -> Keyed {
    Keyed { table, key, spread, with: Some(leader) }
}

/// A house's schema, its history and its tables.
#[derive(Debug)]
pub(super) struct House {
    pub(super) schema: &'static str,
    /// Whether Citus keeps the schema together on one machine: its statements join or lock rows of several keys.
    pub(super) together: bool,
    pub(super) migrations: &'static [Migration],
    pub(super) tables: &'static [Keyed],
}

/// The tables of the database layer, in each schema.
pub(super) const OWN: &[Keyed] =
    &[of("schema_migrations", "version", Whole), of("commits", "commit_id", Even)];

/// Every house, in the order in which a node opens them.
pub(super) const HOUSES: &[House] = &[
    House { schema: "users", together: false, migrations: shoal_users::MIGRATIONS, tables: USERS },
    House { schema: "products", together: true, migrations: shoal_products::MIGRATIONS, tables: PRODUCTS },
    House { schema: "orders", together: false, migrations: shoal_orders::MIGRATIONS, tables: ORDERS },
    House { schema: "checkout", together: false, migrations: shoal_checkout::MIGRATIONS, tables: CHECKOUT },
    House {
        schema: "notifications",
        together: false,
        migrations: shoal_notifications::MIGRATIONS,
        tables: NOTIFICATIONS,
    },
    House {
        schema: "test_provider",
        together: true,
        migrations: shoal_checkout::TEST_PROVIDER_MIGRATIONS,
        tables: TEST_PROVIDER,
    },
];

const USERS: &[Keyed] = &[
    of("users", "id", InTime),
    with("users", "sessions", "user_id", InTime),
    with("users", "addresses", "user_id", InTime),
    with("users", "password_resets", "user_id", InTime),
    with("users", "outbox", "aggregate", InTime),
    of("emails", "email", Even),
    of("role_holders", "role", Whole),
    of("inbox", "aggregate", InTime),
    of("idempotency_keys", "key_hash", Even),
    of("dead_letters", "aggregate", InTime),
];

const PRODUCTS: &[Keyed] = &[
    // Written by staff, read from memory, joined with one another: whole everywhere.
    of("products", "product_id", Whole),
    of("slugs", "slug", Whole),
    of("skus", "sku", Whole),
    of("categories", "category_id", Whole),
    of("category_slugs", "slug", Whole),
    of("category_trees", "tree_id", Whole),
    of("catalogue_changes", "number", Whole),
    of("product_categories", "category_id", Whole),
    of("lowest_prices", "product_id", Whole),
    of("stock", "variant_id", InTime),
    with("stock", "movements", "variant_id", InTime),
    of("holds", "reservation_id", InTime),
    of("outbox", "aggregate", InTime),
    of("inbox", "aggregate", InTime),
    of("idempotency_keys", "key_hash", Even),
    of("dead_letters", "aggregate", InTime),
];

const ORDERS: &[Keyed] = &[
    of("orders", "order_id", InTime),
    with("orders", "order_lines", "order_id", InTime),
    with("orders", "fulfilments", "order_id", InTime),
    with("orders", "returns", "order_id", InTime),
    with("orders", "refunds", "order_id", InTime),
    with("orders", "order_events", "order_id", InTime),
    of("carts", "cart_id", InTime),
    of("customer_carts", "customer_id", InTime),
    of("settings", "name", Whole),
    of("sales", "product_id", InTime),
    with("orders", "counted_orders", "order_id", InTime),
    of("jobs", "name", Whole),
    of("outbox", "aggregate", InTime),
    of("inbox", "aggregate", InTime),
    of("idempotency_keys", "key_hash", Even),
    of("dead_letters", "aggregate", InTime),
];

const CHECKOUT: &[Keyed] = &[
    of("sagas", "claim_id", Even),
    with("sagas", "outbox", "aggregate", Even),
    of("earlier_sagas", "saga_id", InTime),
    of("notices", "event_id", Even),
    of("inbox", "aggregate", InTime),
    of("idempotency_keys", "key_hash", Even),
    of("dead_letters", "aggregate", InTime),
];

const NOTIFICATIONS: &[Keyed] = &[
    of("mails", "mail_id", InTime),
    of("webhook_endpoints", "endpoint_id", InTime),
    with("webhook_endpoints", "webhook_deliveries", "endpoint_id", InTime),
    with("webhook_endpoints", "webhook_attempts", "endpoint_id", InTime),
    of("webhook_totals", "name", Whole),
    of("outbox", "aggregate", InTime),
    of("inbox", "aggregate", InTime),
    of("idempotency_keys", "key_hash", Even),
    of("dead_letters", "aggregate", InTime),
];

const TEST_PROVIDER: &[Keyed] =
    &[of("payments", "payment_key", InTime), with("payments", "refunds", "payment_key", InTime)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rusqlite::Connection;

    use super::*;

    /// The tables that a house's migrations leave, with the columns of their primary keys.
    fn schema(migrations: &[Migration]) -> BTreeMap<String, Vec<String>> {
        let made = Connection::open_in_memory().expect("a database in memory");
        for migration in migrations {
            made.execute_batch(migration.sql).expect(migration.name);
        }
        let keys =
            "select m.name, c.name from sqlite_schema as m join pragma_table_info(m.name) as c on c.pk > 0
            where m.type = 'table' order by m.name, c.pk";
        let mut statement = made.prepare(keys).expect("prepared");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("read");
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in rows.map(|row: rusqlite::Result<(String, String)>| row.expect("a row")) {
            tables.entry(table).or_default().push(column);
        }
        tables
    }

    #[test]
    fn every_table_is_here_and_its_primary_key_starts_with_its_column() {
        for house in HOUSES {
            let made = schema(house.migrations);
            let leading: BTreeMap<_, _> =
                made.iter().map(|(table, key)| (table.as_str(), key[0].as_str())).collect();
            let listed: BTreeMap<_, _> = house.tables.iter().map(|table| (table.table, table.key)).collect();
            assert_eq!(listed, leading, "the tables of {}", house.schema);
            assert_eq!(listed.len(), house.tables.len(), "a table of {} stands twice", house.schema);
        }
    }

    #[test]
    fn a_group_has_a_leader_that_comes_first() {
        for house in HOUSES {
            for (index, table) in house.tables.iter().enumerate() {
                let Some(leader) = table.with else { continue };
                let before = house.tables[..index].iter().find(|each| each.table == leader);
                let before = before.unwrap_or_else(|| panic!("{leader} stands after {}", table.table));
                assert_eq!((before.with, before.spread), (None, table.spread), "{}", table.table);
            }
        }
    }

    /// What docs/scale.md says in a row of a table: table, key, spread.
    fn documented(schema: &str) -> Vec<[String; 3]> {
        let text = include_str!("../../../../docs/scale.md");
        let heading = format!("### `{schema}`");
        let section = text.split("\n### ").find(|section| format!("### {section}").starts_with(&heading));
        let section = section.unwrap_or_else(|| panic!("docs/scale.md has no {heading}"));
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let cells: Vec<_> =
                row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
            [cells[0].clone(), cells[1].clone(), cells[2].clone()]
        })
        .collect()
    }

    #[test]
    fn the_paper_lists_the_same_tables() {
        let word = |spread| match spread {
            InTime => "in time",
            Even => "even",
            Whole => "whole",
        };
        let own = House { schema: "every schema", together: false, migrations: &[], tables: OWN };
        for house in HOUSES.iter().chain([&own]) {
            let listed: Vec<[String; 3]> = house
                .tables
                .iter()
                .map(|table| [table.table.to_owned(), table.key.to_owned(), word(table.spread).to_owned()])
                .collect();
            assert_eq!(documented(house.schema), listed, "docs/scale.md, {}", house.schema);
        }
    }
}
