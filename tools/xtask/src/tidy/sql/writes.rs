//! How rows are written.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Insert, ObjectName, OnConflict, OnConflictAction, OnInsert,
    Query, SetExpr, Statement, TableFactor, TableObject, Visit, Visitor,
};

use super::parsed::Parsed;
use super::schema::Table;

/// The table an insert goes to.
fn target<'p>(parsed: &'p Parsed<'_>, insert: &Insert) -> Option<&'p Table<'p>> {
    let TableObject::TableName(name) = &insert.table else { return None };
    parsed.schema.get(&name.to_string())
}

/// `on conflict` names the columns of a key: Citus and SQLite need them, and a second rule is never hidden by it.
pub(super) fn conflict_target(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::Insert(insert) = parsed.statement else { return vec![] };
    let Some(on) = &insert.on else { return vec![] };
    let OnInsert::OnConflict(OnConflict { conflict_target: Some(ConflictTarget::Columns(columns)), .. }) = on
    else {
        return vec!["`on conflict` needs its key: `on conflict (id)`".to_owned()];
    };
    let named: Vec<&str> = columns.iter().map(|column| column.value.as_str()).collect();
    let is_key =
        |table: &Table<'_>| table.key == named || table.unique.iter().any(|each| each.columns == named);
    if target(parsed, insert).is_none_or(is_key) {
        return vec![];
    }
    vec![format!("`on conflict ({})` names no key of `{}`", named.join(", "), insert.table)]
}

/// An insert names its columns and is a plain one.
pub(super) fn inserts(parsed: &Parsed<'_>) -> Vec<String> {
    let Statement::Insert(insert) = parsed.statement else { return vec![] };
    let mut found = Vec::new();
    if insert.columns.is_empty() {
        found.push("name the columns that are inserted".to_owned());
    }
    if insert.or.is_some() || insert.replace_into || insert.ignore || insert.overwrite {
        found.push("no `insert or ..` and no `replace`: use `on conflict (key) do ..`".to_owned());
    }
    found
}

/// Updates and deletes take their rows by conditions alone.
pub(super) fn changes(parsed: &Parsed<'_>) -> Vec<String> {
    let message = match parsed.statement {
        Statement::Update(update) if update.or.is_some() => "no `update or ..`: guard the write",
        Statement::Update(update) if update.limit.is_some() || !update.order_by.is_empty() => {
            "no `limit` on an update: take the keys from a `select .. limit`"
        }
        Statement::Delete(delete) if delete.using.is_some() => {
            "SQLite has no `delete .. using`: take the keys from a list or a `select`"
        }
        Statement::Delete(delete) if delete.limit.is_some() || !delete.order_by.is_empty() => {
            "no `limit` on a delete: take the keys from a `select .. limit`"
        }
        _ => return vec![],
    };
    vec![message.to_owned()]
}

struct Nested {
    found: Vec<String>,
}

impl Visitor for Nested {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            if matches!(
                *table.query.body,
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            ) {
                self.found.push("no writes inside `with`: SQLite has none".to_owned());
            }
        }
        ControlFlow::Continue(())
    }
}

/// No statement writes within another.
pub(super) fn writes_in_with(parsed: &Parsed<'_>) -> Vec<String> {
    let mut nested = Nested { found: Vec::new() };
    let _ = parsed.statement.visit(&mut nested);
    nested.found
}

/// A row never moves to another machine: no statement writes the column by which rows are spread.
pub(super) fn fixed_keys(parsed: &Parsed<'_>) -> Vec<String> {
    let (table, assignments) = match parsed.statement {
        Statement::Update(update) => {
            let TableFactor::Table { name, .. } = &update.table.relation else { return vec![] };
            (parsed.schema.get(&name.to_string()), update.assignments.as_slice())
        }
        Statement::Insert(insert) => (target(parsed, insert), on_conflict(insert)),
        _ => return vec![],
    };
    let Some(leading) = table.and_then(Table::leading) else { return vec![] };
    let writes = |name: &ObjectName| name.0.last().is_some_and(|part| part.to_string() == leading);
    let moved = |assignment: &&Assignment| match &assignment.target {
        AssignmentTarget::ColumnName(name) => writes(name),
        AssignmentTarget::Tuple(names) => names.iter().any(writes),
    };
    let message = format!("`{leading}` spreads the rows over machines and never changes: remove and insert");
    assignments.iter().filter(moved).map(|_| message.clone()).collect()
}

fn on_conflict(insert: &Insert) -> &[Assignment] {
    match &insert.on {
        Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(update), .. })) => {
            &update.assignments
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::in_store;
    use super::*;

    #[test]
    fn a_conflict_has_a_key() {
        for sql in [
            "insert into fish (pond_id, id) values ($1, $2) on conflict do nothing",
            "insert into fish (pond_id, id) values ($1, $2) on conflict (id) do nothing",
            "insert into fish (pond_id, id) values ($1, $2) on conflict on constraint fish_pk do nothing",
        ] {
            assert_eq!(in_store(conflict_target, sql).len(), 1, "{sql}");
        }
        let sql = "insert into fish (pond_id, id) values ($1, $2) on conflict (pond_id, id) do nothing";
        assert_eq!(in_store(conflict_target, sql), [""; 0]);
    }

    #[test]
    fn an_insert_names_its_columns() {
        assert_eq!(in_store(inserts, "insert into fish values ($1)").len(), 1);
        assert_eq!(in_store(inserts, "insert into fish (pond_id, id) values ($1, $2)"), [""; 0]);
    }

    #[test]
    fn changes_take_their_rows_by_conditions() {
        assert_eq!(in_store(changes, "delete from fish using ponds where ponds.id = fish.pond_id").len(), 1);
        let sql = "delete from fish where id in (select id from fish order by id limit $1)";
        assert_eq!(in_store(changes, sql), [""; 0]);
    }

    #[test]
    fn nothing_is_written_inside_with() {
        let sql = "with gone as (delete from fish where pond_id = $1 returning id) select id from gone";
        assert_eq!(in_store(writes_in_with, sql).len(), 1);
        let sql = "with some as (select id from fish where pond_id = $1) select id from some";
        assert_eq!(in_store(writes_in_with, sql), [""; 0]);
    }

    #[test]
    fn rows_stay_where_they_are() {
        assert_eq!(in_store(fixed_keys, "update fish set pond_id = $1 where pond_id = $2").len(), 1);
        let sql = "insert into fish (pond_id, id) values ($1, $2)
            on conflict (pond_id, id) do update set pond_id = excluded.pond_id";
        assert_eq!(in_store(fixed_keys, sql).len(), 1);
        assert_eq!(in_store(fixed_keys, "update fish set name = $1 where pond_id = $2"), [""; 0]);
    }
}
