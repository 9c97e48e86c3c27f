//! Every statement and migration, read by the parser of each dialect, and the rules that look at what was read.

use std::collections::BTreeMap;

use sqlparser::ast::{Spanned, Statement};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use super::registry::{Registered, migrations, registered};
use super::schema::{Schema, Table};
use super::template::{Engine, expanded};
use super::{FREE, bounds, expressions, kinds, owners, reads, tables, writes};
use crate::tidy::Finding;
use crate::tree::Tree;

/// A statement, and the tables it may speak of.
pub(super) struct Parsed<'p> {
    pub(super) statement: &'p Statement,
    pub(super) schema: &'p Schema<'p>,
    /// The tables of other houses, and whose they are.
    pub(super) others: &'p BTreeMap<String, String>,
    /// Whether it is part of a migration.
    pub(super) migration: bool,
}

/// What is wrong with a statement: a sentence each.
type StatementRule = fn(&Parsed<'_>) -> Vec<String>;
/// What is wrong with a table as its migrations leave it.
type TableRule = fn(&Table<'_>, &Schema<'_>) -> Vec<String>;

const STATEMENT_RULES: &[StatementRule] = &[
    kinds::kinds,
    kinds::alterations,
    owners::own_tables,
    expressions::functions,
    expressions::operators,
    expressions::patterns,
    expressions::casts,
    expressions::literals,
    expressions::arrays,
    expressions::typed_parameters,
    expressions::sums,
    expressions::others,
    reads::named_columns,
    reads::pages,
    reads::locks,
    reads::sources,
    bounds::bounded,
    writes::conflict_target,
    writes::inserts,
    writes::changes,
    writes::writes_in_with,
    writes::fixed_keys,
    tables::named_constraints,
    tables::immediate_constraints,
    tables::column_options,
    tables::plain_tables,
    tables::plain_indexes,
];

const TABLE_RULES: &[TableRule] =
    &[tables::types, tables::primary_keys, tables::unique_within_key, tables::foreign_keys];

/// Where every house has tables from.
const QUEUE: &str = "platform/queue";

/// One text for every engine: each statement is read in both dialects and keeps the rules of SQL.md.
pub(in crate::tidy) fn portable(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let statements = registered(tree, FREE);
    let mut folders = tree.folders_in("services");
    folders.push(QUEUE.to_owned());
    let all = table_owners(tree, &folders);
    for folder in &folders {
        let mut schema = Schema::default();
        if folder != QUEUE {
            run_migrations(tree, QUEUE, &mut schema, &all, &mut Vec::new());
        }
        run_migrations(tree, folder, &mut schema, &all, &mut findings);
        for table in schema.tables.iter().filter(|table| table.file.within(&[folder])) {
            for message in TABLE_RULES.iter().flat_map(|rule| rule(table, &schema)) {
                let message = format!("{}: {message}", table.name);
                findings.push(Finding::new(&table.file.path, table.line, "sql", message));
            }
        }
        for statement in statements.iter().filter(|statement| statement.file.within(&[folder])) {
            findings.extend(judge(statement, &schema, &all));
        }
    }
    findings
}

/// Whose each table is; the queue's are everybody's.
fn table_owners(tree: &Tree, folders: &[String]) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for folder in folders.iter().filter(|folder| *folder != QUEUE) {
        let mut schema = Schema::default();
        run_migrations(tree, folder, &mut schema, &BTreeMap::new(), &mut Vec::new());
        owners.extend(schema.tables.into_iter().map(|table| (table.name, folder.clone())));
    }
    owners
}

/// Builds the schema step by step, and looks at each step.
fn run_migrations<'t>(
    tree: &'t Tree,
    folder: &str,
    schema: &mut Schema<'t>,
    others: &BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) {
    for file in migrations(tree, folder) {
        let mut find = |line, message| findings.push(Finding::new(&file.path, line, "sql", message));
        if let Err(message) = parse(&SQLiteDialect {}, &file.text) {
            find(1, format!("SQLite's dialect does not read it: {message}"));
        }
        let parsed = parse(&PostgreSqlDialect {}, &file.text);
        for statement in parsed.as_deref().unwrap_or_default() {
            schema.apply(file, statement);
            let line = usize::try_from(statement.span().start.line).unwrap_or(1).max(1);
            let parsed = Parsed { statement, schema, others, migration: true };
            for message in STATEMENT_RULES.iter().flat_map(|rule| rule(&parsed)) {
                find(line, message);
            }
        }
        if let Err(message) = parsed {
            find(1, format!("PostgreSQL's dialect does not read it: {message}"));
        }
    }
}

fn parse(dialect: &dyn Dialect, sql: &str) -> Result<Vec<Statement>, String> {
    Parser::parse_sql(dialect, sql).map_err(|error| error.to_string())
}

/// What is wrong with a registered statement.
fn judge(
    registered: &Registered<'_>,
    schema: &Schema<'_>,
    others: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let find = |message: String| {
        let message = format!("{}: {message}", registered.name);
        Finding::new(&registered.file.path, registered.line, "sql", message)
    };
    let Some(text) = &registered.text else {
        return vec![find("write the text as a literal, `include_str!` or `concat!` of them".to_owned())];
    };
    match read(text) {
        Err(message) => vec![find(message)],
        Ok(statement) => {
            let parsed = Parsed { statement: &statement, schema, others, migration: false };
            STATEMENT_RULES.iter().flat_map(|rule| rule(&parsed)).map(find).collect()
        }
    }
}

/// Reads one statement in both dialects, as each engine gets it; gives it as PostgreSQL reads it, without locks of
/// the `{lock}` token.
fn read(text: &str) -> Result<Statement, String> {
    let sqlite = parse(&SQLiteDialect {}, &expanded(text, Engine::Sqlite)?);
    sqlite.map_err(|message| format!("SQLite's dialect does not read it: {message}"))?;
    let postgres = |text: &str| {
        let read = parse(&PostgreSqlDialect {}, &expanded(text, Engine::Postgres)?);
        read.map_err(|message| format!("PostgreSQL's dialect does not read it: {message}"))
    };
    postgres(text)?;
    let mut statements = postgres(&text.replace("{lock}", ""))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err("one registered text is one statement".to_owned()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::found;
    use super::*;

    const POND: &str =
        "create table ponds (id uuid not null, name text, constraint ponds_pk primary key (id));
        create table fish (pond_id uuid not null, id uuid not null, name text, a bigint, b bigint, at bigint,
        constraint fish_pk primary key (pond_id, id));";

    fn with_schema<T>(sql: &str, ask: impl FnOnce(&Schema<'_>, &Statement) -> T) -> T {
        let tree = Tree::of(&[("services/pond/migrations/0001.sql", POND)]);
        let mut schema = Schema::default();
        for statement in parse(&PostgreSqlDialect {}, POND).expect("the pond is made") {
            schema.apply(&tree.files()[0], &statement);
        }
        let sql = expanded(&sql.replace("{lock}", ""), Engine::Postgres).expect("the tokens are known");
        let statements = parse(&PostgreSqlDialect {}, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        ask(&schema, &statements[0])
    }

    fn judged(rule: StatementRule, sql: &str, migration: bool) -> Vec<String> {
        let others = BTreeMap::from([("lakes".to_owned(), "services/lakes".to_owned())]);
        with_schema(sql, |schema, statement| rule(&Parsed { statement, schema, others: &others, migration }))
    }

    /// What a rule says of a statement of a store.
    pub(in super::super) fn in_store(rule: StatementRule, sql: &str) -> Vec<String> {
        judged(rule, sql, false)
    }

    /// What a rule says of a statement of a migration.
    pub(in super::super) fn in_migration(rule: StatementRule, sql: &str) -> Vec<String> {
        judged(rule, sql, true)
    }

    /// What a rule says of the tables that a migration leaves.
    pub(in super::super) fn of_tables(rule: TableRule, sql: &str) -> Vec<String> {
        let tree = Tree::of(&[("services/pond/migrations/0001.sql", sql)]);
        let mut schema = Schema::default();
        for statement in parse(&PostgreSqlDialect {}, sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
            schema.apply(&tree.files()[0], &statement);
        }
        schema.tables.iter().flat_map(|table| rule(table, &schema)).collect()
    }

    const MIGRATION: (&str, &str) = (
        "services/pond/migrations/0001_ponds.sql",
        "-- Water.\ncreate table ponds (\n  id uuid not null,\n  constraint ponds_pk primary key (id)\n);\n",
    );

    fn store(statement: &str) -> String {
        format!("statements! {{\n    mod sql {{\n        FIND = \"{statement}\";\n    }}\n}}\n")
    }

    #[test]
    fn a_finding_names_file_line_and_statement() {
        let path = "services/pond/src/store.rs";
        let fine = store("select id from ponds where id = $1 {lock}");
        assert_eq!(found(portable, &[MIGRATION, (path, &fine)]), [""; 0]);
        let bad = store("select id from ponds where id > now()");
        let expected = [
            "services/pond/src/store.rs:3: FIND: `now()`: times are parameters",
            "services/pond/src/store.rs:3: FIND: nothing bounds the rows of `ponds`: compare `id` with a value, or add \
             a `limit`",
        ];
        let mut findings = found(portable, &[MIGRATION, (path, &bad)]);
        findings.sort();
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_text_that_a_dialect_does_not_read_is_found() {
        for text in ["select from where", "select 1; select 2", "select {out}"] {
            let findings = found(portable, &[("services/pond/src/store.rs", &store(text))]);
            assert_eq!(findings.len(), 1, "{findings:?}");
        }
        let computed = store("select 1").replace("\"select 1\"", "NAME");
        assert_eq!(found(portable, &[("services/pond/src/store.rs", &computed)]).len(), 1);
        let broken = ("services/pond/migrations/0002.sql", "create table");
        assert_eq!(found(portable, &[MIGRATION, broken]).len(), 2);
    }

    #[test]
    fn migrations_and_the_tables_they_leave_are_looked_at() {
        let sql =
            "-- Fish.\ncreate table fish (\n  id uuid,\n  born timestamptz,\n  check (id is not null)\n);\n";
        let findings = found(portable, &[MIGRATION, ("services/pond/migrations/0002_fish.sql", sql)]);
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.contains("0002_fish.sql:2: ")), "{findings:?}");
    }
}
