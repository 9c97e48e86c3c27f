//! How rows are read.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select, SelectItem, Statement,
    TableFactor, Visit, Visitor,
};

use super::parsed::Parsed;

/// What a rule finds in the parts of a statement.
#[derive(Default)]
struct Finder {
    query: Option<fn(&Query) -> Option<&'static str>>,
    select: Option<fn(&Select) -> Option<&'static str>>,
    factor: Option<fn(&TableFactor) -> Option<&'static str>>,
    found: Vec<String>,
}

impl Finder {
    fn run(mut self, parsed: &Parsed<'_>) -> Vec<String> {
        let _ = parsed.statement.visit(&mut self);
        self.found
    }
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.found.extend(self.query.and_then(|find| find(query)).map(str::to_owned));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.found.extend(self.select.and_then(|find| find(select)).map(str::to_owned));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.found.extend(self.factor.and_then(|find| find(factor)).map(str::to_owned));
        ControlFlow::Continue(())
    }
}

/// Columns are named, in a `select` and in a `returning`.
pub(super) fn named_columns(parsed: &Parsed<'_>) -> Vec<String> {
    const MESSAGE: &str = "no `*`: name the columns";
    let returning = match parsed.statement {
        Statement::Insert(insert) => insert.returning.as_deref(),
        Statement::Update(update) => update.returning.as_deref(),
        Statement::Delete(delete) => delete.returning.as_deref(),
        _ => None,
    };
    let select = |select: &Select| select.projection.iter().any(is_star).then_some(MESSAGE);
    let mut found = Finder { select: Some(select), ..Finder::default() }.run(parsed);
    found.extend(returning.filter(|items| items.iter().any(is_star)).map(|_| MESSAGE.to_owned()));
    found
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// Pages follow a key.
pub(super) fn pages(parsed: &Parsed<'_>) -> Vec<String> {
    let query = |query: &Query| match &query.limit_clause {
        _ if query.fetch.is_some() => Some("no `fetch`: write `limit $n`"),
        Some(LimitClause::OffsetCommaLimit { .. } | LimitClause::LimitOffset { offset: Some(_), .. }) => {
            Some("no `offset`: pages are keyset pages")
        }
        _ => None,
    };
    Finder { query: Some(query), ..Finder::default() }.run(parsed)
}

/// Rows are locked by `{lock}` alone, which is empty on an engine with one writer.
pub(super) fn locks(parsed: &Parsed<'_>) -> Vec<String> {
    let query = |query: &Query| {
        (!query.locks.is_empty())
            .then_some("no `for update` and no `skip locked`: guard the write, or write `{lock}`")
    };
    Finder { query: Some(query), ..Finder::default() }.run(parsed)
}

/// Rows come from tables, lists of values and subqueries, joined on conditions.
pub(super) fn sources(parsed: &Parsed<'_>) -> Vec<String> {
    let factor = |factor: &TableFactor| match factor {
        TableFactor::Table { args: None, with_ordinality: false, sample: None, .. }
        | TableFactor::Derived { lateral: false, sample: None, .. }
        | TableFactor::NestedJoin { .. } => None,
        TableFactor::Derived { .. } => Some("no `lateral`: SQLite has none"),
        _ => Some("rows come from tables, `{rows:N}` and subqueries: no functions, no samples"),
    };
    let select = |select: &Select| {
        if matches!(select.distinct, Some(Distinct::On(_))) {
            return Some("no `distinct on`: SQLite has none");
        }
        let joins = select.from.iter().flat_map(|from| &from.joins);
        joins.filter_map(odd_join).next()
    };
    Finder { select: Some(select), factor: Some(factor), ..Finder::default() }.run(parsed)
}

fn odd_join(join: &Join) -> Option<&'static str> {
    match &join.join_operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::CrossJoin(on) => {
            matches!(on, JoinConstraint::Natural).then_some("no `natural join`: name the columns")
        }
        _ => Some("only `join`, `left join` and `cross join` are the same everywhere"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::in_store;
    use super::*;

    #[test]
    fn columns_are_named() {
        for sql in [
            "select * from fish",
            "select fish.* from fish",
            "select id from (select * from fish) as f",
            "delete from fish where pond_id = $1 returning *",
        ] {
            assert_eq!(in_store(named_columns, sql).len(), 1, "{sql}");
        }
        assert_eq!(in_store(named_columns, "select count(*), id from fish"), [""; 0]);
    }

    #[test]
    fn pages_follow_a_key() {
        assert_eq!(in_store(pages, "select id from fish limit 5 offset 5").len(), 1);
        assert_eq!(in_store(pages, "select id from fish fetch first 5 rows only").len(), 1);
        assert_eq!(in_store(pages, "select id from fish where id > $1 order by id limit 5"), [""; 0]);
    }

    #[test]
    fn rows_are_locked_by_the_token_alone() {
        assert_eq!(in_store(locks, "select id from fish where id = $1 for update").len(), 1);
        assert_eq!(in_store(locks, "select id from fish limit 1 for update skip locked").len(), 1);
        assert_eq!(in_store(locks, "select id from fish where id = $1 {lock}"), [""; 0]);
    }

    #[test]
    fn rows_come_from_where_every_engine_has_them() {
        for sql in [
            "select distinct on (id) id from fish",
            "select id from fish natural join ponds",
            "select id from ponds join lateral (select id from fish) as f on 1 = 1",
            "select g from generate_series(1, 3) as g",
            "select id from fish full join ponds on fish.pond_id = ponds.id",
        ] {
            assert_eq!(in_store(sources, sql).len(), 1, "{sql}");
        }
        let sql = "select f.id from (select id from fish) as f join ponds as p on p.id = f.id
            left join fish on fish.id = p.id";
        assert_eq!(in_store(sources, sql), [""; 0]);
    }
}
