//! How many rows a statement may touch: those of a key, of a list, or of a `limit`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, JoinConstraint, JoinOperator, LimitClause, Query, Select, SetExpr,
    Statement, TableFactor, TableWithJoins, UpdateTableFromKind, Visit, Visitor, visit_expressions,
};

use super::parsed::Parsed;
use super::schema::{Schema, Table};

/// A table of a `from`, under the name by which its columns are called.
struct Source<'p> {
    name: String,
    /// None for a subquery, which is bounded by itself.
    table: Option<&'p Table<'p>>,
    bounded: bool,
}

/// The tables of one `select`, `update` or `delete`, and what its conditions say.
#[derive(Default)]
struct Scope<'p> {
    sources: Vec<Source<'p>>,
    conditions: Vec<&'p Expr>,
}

impl<'p> Scope<'p> {
    fn from(&mut self, schema: &'p Schema<'_>, tables: &'p [TableWithJoins]) {
        for tables in tables {
            self.add(schema, &tables.relation);
            for join in &tables.joins {
                self.add(schema, &join.relation);
                if let JoinOperator::Join(JoinConstraint::On(on))
                | JoinOperator::Inner(JoinConstraint::On(on))
                | JoinOperator::Left(JoinConstraint::On(on))
                | JoinOperator::LeftOuter(JoinConstraint::On(on)) = &join.join_operator
                {
                    self.require(on);
                }
            }
        }
    }

    fn add(&mut self, schema: &'p Schema<'_>, factor: &TableFactor) {
        let (own, alias) = match factor {
            TableFactor::Table { name, alias, .. } => (Some(name.to_string()), alias),
            TableFactor::Derived { alias, .. } => (None, alias),
            _ => return,
        };
        let table = own.as_deref().and_then(|name| schema.get(name));
        let name = alias.as_ref().map(|alias| alias.name.value.clone()).or(own).unwrap_or_default();
        self.sources.push(Source { name, table, bounded: table.is_none() });
    }

    /// Takes a condition apart at each `and`.
    fn require(&mut self, condition: &'p Expr) {
        match condition {
            Expr::Nested(inner) => self.require(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.require(left);
                self.require(right);
            }
            other => self.conditions.push(other),
        }
    }

    /// The source of a column; none for a column of the statement around this one.
    fn source_of(&self, expression: &Expr) -> Option<(&Source<'p>, String)> {
        let (named, column) = match expression {
            Expr::Identifier(name) => (None, &name.value),
            Expr::CompoundIdentifier(path) => match path.as_slice() {
                [table, column] => (Some(&table.value), &column.value),
                _ => return None,
            },
            _ => return None,
        };
        let found = self.sources.iter().find(|source| match named {
            Some(named) => source.name == *named,
            None => source.table.is_some_and(|table| table.has(column)),
        });
        found.map(|source| (source, column.clone()))
    }

    /// Whether everything in an expression is known before the rows of unbounded tables are.
    fn is_fixed(&self, expression: &Expr) -> bool {
        let flow = visit_expressions(expression, |part: &Expr| {
            match self.source_of(part).is_some_and(|(source, _)| !source.bounded) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        flow.is_continue()
    }

    /// Whether a condition leaves of the source `index` only rows with given values in the leading column of its key.
    fn bounds(&self, condition: &Expr, index: usize) -> bool {
        let source = &self.sources[index];
        let leading = |side: &Expr| {
            let of = self.source_of(side);
            of.is_some_and(|(found, column)| {
                std::ptr::eq(found, source) && source.table.and_then(Table::leading) == Some(column.as_str())
            })
        };
        let has_leading = |side: &Expr| match side {
            Expr::Tuple(parts) => parts.iter().any(leading),
            side => leading(side),
        };
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                has_leading(left) && self.is_fixed(right) || has_leading(right) && self.is_fixed(left)
            }
            Expr::InList { expr, list, negated: false } => {
                has_leading(expr) && list.iter().all(|value| self.is_fixed(value))
            }
            // The subquery is a list of its own, which has its own bounds.
            Expr::InSubquery { expr, negated: false, .. } => has_leading(expr),
            _ => false,
        }
    }

    /// The tables whose rows nothing bounds.
    fn unbounded(mut self) -> Vec<String> {
        loop {
            let next = (0..self.sources.len()).find(|index| {
                !self.sources[*index].bounded && self.conditions.iter().any(|each| self.bounds(each, *index))
            });
            match next {
                Some(index) => self.sources[index].bounded = true,
                None => break,
            }
        }
        let open = self.sources.iter().filter(|source| !source.bounded);
        let message = |table: &Table<'_>| {
            let (name, leading) = (&table.name, table.leading().unwrap_or("its key"));
            format!("nothing bounds the rows of `{name}`: compare `{leading}` with a value, or add a `limit`")
        };
        open.filter_map(|source| source.table).map(message).collect()
    }
}

struct Bounds<'p> {
    schema: &'p Schema<'p>,
    found: Vec<String>,
}

impl Visitor for Bounds<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let limited = matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit: Some(_), .. }));
        if !limited {
            self.body(&query.body);
        }
        ControlFlow::Continue(())
    }
}

impl Bounds<'_> {
    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &Select) {
        let mut scope = Scope::default();
        scope.from(self.schema, &select.from);
        select.selection.iter().for_each(|condition| scope.require(condition));
        self.found.extend(scope.unbounded());
    }
}

/// A list has a `limit` or its rows are those of given keys; so has every update and delete.
pub(super) fn bounded(parsed: &Parsed<'_>) -> Vec<String> {
    if parsed.migration {
        return vec![];
    }
    let mut bounds = Bounds { schema: parsed.schema, found: Vec::new() };
    let _ = parsed.statement.visit(&mut bounds);
    let mut scope = Scope::default();
    let selection = match parsed.statement {
        Statement::Update(update) => {
            scope.from(parsed.schema, std::slice::from_ref(&update.table));
            if let Some(UpdateTableFromKind::AfterSet(tables) | UpdateTableFromKind::BeforeSet(tables)) =
                &update.from
            {
                scope.from(parsed.schema, tables);
            }
            &update.selection
        }
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
            scope.from(parsed.schema, tables);
            &delete.selection
        }
        _ => return bounds.found,
    };
    selection.iter().for_each(|condition| scope.require(condition));
    bounds.found.extend(scope.unbounded());
    bounds.found
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::in_store;
    use super::*;

    #[test]
    fn a_statement_without_a_key_or_a_limit_is_found() {
        for sql in [
            "select name from fish",
            "select count(*) from fish",
            "select name from fish where id = $1",
            "select name from fish where pond_id > $1",
            "select name from fish where pond_id = id",
            "select fish.name from fish join ponds on ponds.id = fish.pond_id",
            "select fish.name from fish join ponds on ponds.name = fish.name where fish.pond_id = $1",
            "update fish set name = $1",
            "update fish set name = $1 where name = $2",
            "delete from fish where id <> $1",
            "delete from fish where pond_id in (select id from ponds where name = $1)",
            "insert into ponds (id, name) select id, name from fish",
        ] {
            assert!(!in_store(bounded, sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn keys_lists_and_limits_bound_a_statement() {
        for sql in [
            "select 1",
            "select name from fish limit $1",
            "select name from fish where pond_id = $1 and (id > $2 or name is null)",
            "select f.name from fish as f where f.pond_id in {in}",
            "select fish.name from ponds join fish on fish.pond_id = ponds.id where ponds.id = $1",
            "select name from fish where (pond_id, id) in (values {rows:2})",
            "select d.column2 from (values {rows:2}) as d join fish as f on f.pond_id = d.column1",
            "select name from ponds as p where p.id = $1 and exists (select 1 from fish where pond_id = p.id)",
            "update fish set name = d.column2 from (values {rows:2}) as d where fish.pond_id = d.column1",
            "update fish set name = $3 where pond_id = $1 and id = $2",
            "delete from fish where pond_id in (select id from ponds where name = $1 order by id limit $2)",
            "insert into fish (pond_id, id) values {rows:2}",
        ] {
            assert_eq!(in_store(bounded, sql), [""; 0], "{sql}");
        }
    }
}
