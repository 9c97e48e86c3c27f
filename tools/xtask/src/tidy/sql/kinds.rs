//! Which statements there are at all.

use sqlparser::ast::{AlterTableOperation, ObjectType, Statement};

use super::parsed::Parsed;

/// Stores read and write rows; migrations make tables too. Nothing else means the same on every engine.
pub(super) fn kinds(parsed: &Parsed<'_>) -> Vec<String> {
    let message = match parsed.statement {
        Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
            return vec![];
        }
        Statement::CreateTable(_) | Statement::CreateIndex(_) | Statement::AlterTable(_)
            if parsed.migration =>
        {
            return vec![];
        }
        Statement::Drop { object_type: ObjectType::Table | ObjectType::Index, .. } if parsed.migration => {
            return vec![];
        }
        Statement::CreateTable(_)
        | Statement::CreateIndex(_)
        | Statement::AlterTable(_)
        | Statement::Drop { .. } => "only a migration changes the schema, and only its tables and indexes",
        Statement::CreateTrigger(_)
        | Statement::CreateFunction(_)
        | Statement::CreateProcedure { .. }
        | Statement::CreateMacro { .. } => "no triggers and no procedures: rules live in `model`",
        Statement::CreateSequence { .. } => "no sequences: ids are made in Rust",
        Statement::CreateType { .. } | Statement::CreateDomain(_) => {
            "no types of our own: store a `text` and check it"
        }
        Statement::CreateView(_) => "no views: name the columns in each statement",
        Statement::Merge(_) => "no `merge`: use `insert .. on conflict (key) do update`",
        Statement::Lock(_) | Statement::LockTables { .. } => "no `lock table`: use a lease row",
        Statement::LISTEN { .. } | Statement::NOTIFY { .. } | Statement::UNLISTEN { .. } => {
            "no notifications: they lock every commit"
        }
        Statement::Pragma { .. } | Statement::Set(_) => "settings belong to platform/sql",
        _ => "this statement does not mean the same on every engine",
    };
    vec![message.to_owned()]
}

/// What every engine can alter: SQLite adds, drops and renames columns, and renames tables.
pub(super) fn alterations(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::AlterTable(alter) = parsed.statement else { return vec![] };
    let portable = |operation: &AlterTableOperation| {
        matches!(
            operation,
            AlterTableOperation::AddColumn { if_not_exists: false, .. }
                | AlterTableOperation::DropColumn { if_exists: false, drop_behavior: None, .. }
                | AlterTableOperation::RenameColumn { .. }
                | AlterTableOperation::RenameTable { .. }
        )
    };
    let message = "SQLite alters a table by adding, dropping or renaming a column only: make the table anew";
    alter.operations.iter().filter(|operation| !portable(operation)).map(|_| message.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::{in_migration, in_store};
    use super::*;

    #[test]
    fn stores_read_and_write_rows() {
        for sql in
            ["select 1", "insert into fish (id) values ($1)", "update fish set id = $1", "delete from fish"]
        {
            assert_eq!(in_store(kinds, sql), [""; 0], "{sql}");
        }
        for sql in [
            "create table t (id uuid)",
            "create index t_id on t (id)",
            "alter table t add column a text",
            "drop table t",
            "merge into t using u on t.id = u.id when matched then delete",
            "listen x",
            "notify x",
            "create sequence s",
            "set x = 1",
        ] {
            assert_eq!(in_store(kinds, sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn migrations_make_tables_and_nothing_else() {
        for sql in
            ["create table t (id uuid)", "create index t_id on t (id)", "drop index t_id", "drop table t"]
        {
            assert_eq!(in_migration(kinds, sql), [""; 0], "{sql}");
        }
        for sql in [
            "create trigger a before insert on t for each row execute function f()",
            "create function f() returns bigint language sql as 'select 1'",
            "create view v as select 1",
            "create type mood as enum ('sad')",
            "create domain positive as bigint check (value > 0)",
            "lock table t",
            "pragma foreign_keys = 1",
            "drop view v",
        ] {
            assert_eq!(in_migration(kinds, sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn only_what_sqlite_can_alter_is_altered() {
        for sql in
            ["alter table t add column a text", "alter table t drop column a", "alter table t rename to u"]
        {
            assert_eq!(in_migration(alterations, sql), [""; 0], "{sql}");
        }
        for sql in [
            "alter table t alter column a set not null",
            "alter table t add constraint t_a check (a > 0)",
            "alter table t add column if not exists a text",
        ] {
            assert_eq!(in_migration(alterations, sql).len(), 1, "{sql}");
        }
    }
}
