//! How tables are made, and how they can be spread over machines.

use sqlparser::ast::{
    AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, CreateTable, CreateTableOptions, Expr,
    Statement, TableConstraint,
};

use super::parsed::Parsed;
use super::schema::{Schema, Table};

/// The types that mean the same everywhere.
const TYPES: &[&str] = &["bigint", "smallint", "text", "uuid", "bytea", "char(3)"];
/// Tables released before primary keys had to have a name. A released migration is never changed.
const UNNAMED: &[&str] = &[
    "outbox",
    "inbox",
    "idempotency_keys",
    "dead_letters",
    "users",
    "emails",
    "role_holders",
    "sessions",
    "addresses",
];

/// Columns are of few types.
pub(super) fn types(table: &Table<'_>, _: &Schema<'_>) -> Vec<String> {
    let odd = table.columns.iter().filter(|column| !TYPES.contains(&column.kind.as_str()));
    let message = |column: &super::schema::Column| {
        format!("`{}` is `{}`: a column is one of {}", column.name, column.kind, TYPES.join(", "))
    };
    odd.map(message).collect()
}

/// Every table has a primary key with a name, whose columns are never null (SQLite would let them be).
pub(super) fn primary_keys(table: &Table<'_>, _: &Schema<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if table.key.is_empty() {
        return vec!["no primary key: its first column says how rows are spread over machines".to_owned()];
    }
    if table.key_name.is_none() && !UNNAMED.contains(&table.name.as_str()) {
        found.push(format!("name its primary key: `constraint {}_pk primary key (..)`", table.name));
    }
    let nullable =
        |name: &&String| !table.columns.iter().any(|column| column.name == **name && column.not_null);
    let message = |name: &String| format!("`{name}` is in the primary key: add `not null`");
    found.extend(table.key.iter().filter(nullable).map(message));
    found
}

/// What is unique is unique on one machine. Wider uniqueness is a table of claims, keyed by the value.
pub(super) fn unique_within_key(table: &Table<'_>, _: &Schema<'_>) -> Vec<String> {
    let Some(leading) = table.leading() else { return vec![] };
    let wide = table.unique.iter().filter(|unique| !unique.columns.iter().any(|column| column == leading));
    let message = |unique: &super::schema::Unique| {
        let (name, columns) = (&unique.name, unique.columns.join(", "));
        format!(
            "`{name}` on ({columns}) is unique over all machines, but rows are spread by `{leading}`: make a table of \
             claims with the primary key ({columns})"
        )
    };
    wide.map(message).collect()
}

/// A foreign key stays on its machine.
pub(super) fn foreign_keys(table: &Table<'_>, schema: &Schema<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for key in &table.foreign {
        let foreign = key.foreign_table.to_string();
        let together = schema.get(&foreign).is_some_and(|other| other.leading() == table.leading());
        let over = key.columns.iter().any(|column| Some(column.value.as_str()) == table.leading());
        if !together || !over {
            let leading = table.leading().unwrap_or("its key");
            found.push(format!(
                "the foreign key to `{foreign}` may cross machines: it must hold `{leading}`, by which both are spread"
            ));
        }
    }
    found
}

/// Checks, keys and rules are named: the name becomes the error.
pub(super) fn named_constraints(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::CreateTable(create) = parsed.statement else { return vec![] };
    let mut found = Vec::new();
    for constraint in &create.constraints {
        let (kind, name) = match constraint {
            TableConstraint::Check(check) => ("check (..)", check.name.as_ref()),
            TableConstraint::Unique(unique) => ("unique (..)", unique.name.as_ref()),
            TableConstraint::ForeignKey(foreign) => ("foreign key (..)", foreign.name.as_ref()),
            // The primary key is looked at with the whole table.
            TableConstraint::PrimaryKey(_) => continue,
            other => {
                found.push(format!("`{other}`: not every engine has this constraint"));
                continue;
            }
        };
        if name.is_none() {
            found.push(format!("name it: `constraint x {kind}`"));
        }
    }
    found
}

/// A constraint holds at once, not at the commit: CockroachDB has no other.
pub(super) fn immediate_constraints(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::CreateTable(create) = parsed.statement else { return vec![] };
    let late = |constraint: &&TableConstraint| match constraint {
        TableConstraint::Unique(unique) => unique.characteristics.is_some(),
        TableConstraint::PrimaryKey(key) => key.characteristics.is_some(),
        TableConstraint::ForeignKey(foreign) => foreign.characteristics.is_some(),
        _ => false,
    };
    let late = create.constraints.iter().filter(late);
    late.map(|_| "no `deferrable`: CockroachDB has none".to_owned()).collect()
}

/// A column has a type, may be `not null`, and may have a plain default.
pub(super) fn column_options(parsed: &Parsed<'_>) -> Vec<String> {
    let columns: Vec<&ColumnDef> = match parsed.statement {
        Statement::CreateTable(create) => create.columns.iter().collect(),
        Statement::AlterTable(alter) => alter.operations.iter().filter_map(added).collect(),
        _ => return vec![],
    };
    let options =
        columns.into_iter().flat_map(|column| column.options.iter().map(move |each| (column, each)));
    let odd = options.filter_map(|(column, each)| match &each.option {
        ColumnOption::NotNull | ColumnOption::Null => None,
        ColumnOption::Default(Expr::Value(_)) => None,
        ColumnOption::Default(_) => {
            Some((column, "a default is a plain value: ids and times are parameters"))
        }
        ColumnOption::PrimaryKey(_)
        | ColumnOption::Unique(_)
        | ColumnOption::Check(_)
        | ColumnOption::ForeignKey(_) => {
            Some((column, "give the constraint a line and a name: `constraint x ..`"))
        }
        ColumnOption::Generated { .. } | ColumnOption::Identity(_) | ColumnOption::DialectSpecific(_) => {
            Some((column, "nothing is generated: ids are made in Rust"))
        }
        _ => Some((column, "not every engine has this option")),
    });
    odd.map(|(column, message)| format!("`{}`: {message}", column.name)).collect()
}

fn added(operation: &AlterTableOperation) -> Option<&ColumnDef> {
    match operation {
        AlterTableOperation::AddColumn { column_def, .. } => Some(column_def),
        _ => None,
    }
}

/// A table is a plain one: a session has no state, and how rows are laid out is the engine's business.
pub(super) fn plain_tables(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::CreateTable(create) = parsed.statement else { return vec![] };
    let mut found = Vec::new();
    if create.temporary || create.unlogged || create.global.is_some() {
        found.push("no temporary and no unlogged tables: a session has no state".to_owned());
    }
    if is_special(create) {
        found.push("a plain table only: columns and constraints".to_owned());
    }
    found
}

fn is_special(create: &CreateTable) -> bool {
    create.without_rowid
        || create.strict
        || create.query.is_some()
        || create.like.is_some()
        || create.inherits.is_some()
        || create.partition_by.is_some()
        || create.partition_of.is_some()
        || create.table_options != CreateTableOptions::None
}

/// An index has a name and plain columns, and is made within the migration's transaction.
pub(super) fn plain_indexes(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::CreateIndex(create) = parsed.statement else { return vec![] };
    let mut found = Vec::new();
    if create.name.is_none() {
        found.push("name the index".to_owned());
    }
    if create.concurrently || create.using.is_some() || is_wide(create) {
        found.push("a plain index only: no `concurrently`, no `using`, no `include`".to_owned());
    }
    if create.columns.iter().any(|column| !matches!(column.column.expr, Expr::Identifier(_))) {
        found.push("an index is on plain columns: keep what is looked for in a column".to_owned());
    }
    found
}

fn is_wide(create: &CreateIndex) -> bool {
    !create.include.is_empty() || create.nulls_distinct.is_some() || !create.with.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::{in_migration, of_tables};
    use super::*;

    #[test]
    fn columns_are_of_few_types() {
        let sql = "create table t (id uuid, a bigint, b smallint, c text, d bytea, e char(3))";
        assert_eq!(of_tables(types, sql), [""; 0]);
        for kind in ["int", "integer", "serial", "boolean", "real", "numeric(10, 2)", "varchar(9)", "char(2)"]
        {
            assert_eq!(of_tables(types, &format!("create table t (id {kind})")).len(), 1, "{kind}");
        }
        for kind in ["jsonb", "timestamptz", "text[]", "blob", "mood"] {
            assert_eq!(of_tables(types, &format!("create table t (id {kind})")).len(), 1, "{kind}");
        }
    }

    #[test]
    fn a_primary_key_is_named_and_never_null() {
        let good = "create table t (id uuid not null, constraint t_pk primary key (id))";
        assert_eq!(of_tables(primary_keys, good), [""; 0]);
        for sql in [
            "create table t (id uuid not null)",
            "create table t (id uuid not null, primary key (id))",
            "create table t (id uuid, constraint t_pk primary key (id))",
        ] {
            assert_eq!(of_tables(primary_keys, sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn uniqueness_over_all_machines_is_a_table_of_claims() {
        let table = "create table t (a uuid not null, b text, constraint t_pk primary key (a));";
        for sql in
            ["create unique index t_b on t (b)", "create unique index t_b on t (b) where b is not null"]
        {
            assert_eq!(of_tables(unique_within_key, &format!("{table} {sql}")).len(), 1, "{sql}");
        }
        for sql in [
            "create unique index t_b on t (a, b)",
            "create index t_b on t (b)",
            "create unique index t_b on t (b); drop index t_b",
        ] {
            assert_eq!(of_tables(unique_within_key, &format!("{table} {sql}")), [""; 0], "{sql}");
        }
    }

    #[test]
    fn foreign_keys_stay_on_their_machine() {
        let ponds = "create table ponds (pond_id uuid not null, constraint ponds_pk primary key (pond_id));";
        let fish =
            "create table fish (pond_id uuid not null, id uuid not null, constraint fish_pk primary key";
        let to = "foreign key (pond_id) references ponds (pond_id)";
        let good = format!("{ponds} {fish} (pond_id, id), constraint fish_pond {to})");
        assert_eq!(of_tables(foreign_keys, &good), [""; 0]);
        let bad = format!("{ponds} {fish} (id), constraint fish_pond {to})");
        assert_eq!(of_tables(foreign_keys, &bad).len(), 1);
    }

    #[test]
    fn constraints_are_named_and_hold_at_once() {
        for sql in [
            "create table t (a bigint, check (a > 0))",
            "create table t (a bigint, unique (a))",
            "create table t (a bigint, foreign key (a) references u (a))",
        ] {
            assert_eq!(in_migration(named_constraints, sql).len(), 1, "{sql}");
        }
        let named = "create table t (a bigint, constraint t_a check (a > 0), constraint t_b unique (a))";
        assert_eq!(in_migration(named_constraints, named), [""; 0]);
        assert_eq!(in_migration(immediate_constraints, named), [""; 0]);
        let late = "create table t (a bigint, constraint t_a unique (a) deferrable initially deferred)";
        assert_eq!(in_migration(immediate_constraints, late).len(), 1);
    }

    #[test]
    fn a_column_is_plain() {
        let good = "create table t (a bigint not null default 0, b text null)";
        assert_eq!(in_migration(column_options, good), [""; 0]);
        for column in [
            "a uuid default gen_random_uuid()",
            "a bigint primary key",
            "a bigint unique",
            "a bigint check (a > 0)",
            "a bigint references u (a)",
            "a bigint generated always as identity",
            "a text collate \"C\"",
        ] {
            let sql = format!("create table t ({column})");
            assert_eq!(in_migration(column_options, &sql).len(), 1, "{sql}");
        }
        assert_eq!(in_migration(column_options, "alter table t add column a bigint unique").len(), 1);
    }

    #[test]
    fn tables_and_indexes_are_plain() {
        assert_eq!(in_migration(plain_tables, "create table t (a bigint)"), [""; 0]);
        for sql in [
            "create temporary table t (a bigint)",
            "create unlogged table t (a bigint)",
            "create table t as select 1",
            "create table t (a bigint) partition by range (a)",
        ] {
            assert_eq!(in_migration(plain_tables, sql).len(), 1, "{sql}");
        }
        assert_eq!(in_migration(plain_indexes, "create index t_a on t (a, b) where a = 0"), [""; 0]);
        for sql in [
            "create index on t (a)",
            "create index concurrently t_a on t (a)",
            "create index t_a on t using hash (a)",
            "create index t_a on t (lower(a))",
        ] {
            assert_eq!(in_migration(plain_indexes, sql).len(), 1, "{sql}");
        }
    }
}
