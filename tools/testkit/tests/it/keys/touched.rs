//! Which keys a statement touches, found in its text and its parameters: for each table the values of the column by which
//! its rows are spread, as the conditions, the inserted rows and the joined lists give them.

use std::collections::{BTreeMap, BTreeSet};

use shoal_sql::Value;
use shoal_sql::testing::Step;
use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, Ident, Insert, JoinConstraint, JoinOperator, Query, Select, SelectItem,
    SetExpr, Statement, TableFactor, TableObject, TableWithJoins, UpdateTableFromKind, Values,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Values of a key, as text. None if the statement does not bind them.
pub(crate) type Keys = Option<BTreeSet<String>>;
/// By which column each table is spread. Tables that are whole on each machine are not in it.
pub(crate) type Columns = BTreeMap<String, String>;

/// The tables of `columns` that a statement touches, each time it does, with the keys.
pub(crate) fn touched(step: &Step, columns: &Columns) -> Vec<(String, Keys)> {
    let text = written_out(step);
    let mut statements =
        Parser::parse_sql(&PostgreSqlDialect {}, &text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let statement = statements.pop().unwrap_or_else(|| panic!("{text} is no statement"));
    let mut reader = Reader { step, columns, found: Vec::new() };
    reader.statement(&statement);
    reader.found
}

/// The text with a placeholder for each value of its list.
fn written_out(step: &Step) -> String {
    let (before, rest) = match step.statement.text().split_once('{') {
        Some((before, rest)) if !rest.starts_with("lock}") => (before, rest),
        _ => return step.statement.text().replace("{lock}", ""),
    };
    let (token, after) = rest.split_once('}').expect("the statement ran, so its brace is closed");
    let mut number = step.fixed.len();
    let mut row = |row: &Vec<Value>| {
        let places: Vec<String> = row
            .iter()
            .map(|_| {
                number += 1;
                format!("${number}")
            })
            .collect();
        places.join(", ")
    };
    let rows: Vec<String> = step.rows.iter().map(&mut row).collect();
    let list = match token {
        "in" => format!("({})", rows.join(", ")),
        _ => format!("({})", rows.join("), (")),
    };
    format!("{before}{list}{after}").replace("{lock}", "")
}

/// A table or subquery of a `from`.
struct Source {
    name: String,
    of: Of,
}

enum Of {
    Table(String),
    /// The columns of a subquery, and the values they can have where that is known.
    Rows(Vec<(String, Keys)>),
}

/// The sources of one `select`, `update` or `delete`, and its conditions.
#[derive(Default)]
struct Scope<'s> {
    sources: Vec<Source>,
    conditions: Vec<&'s Expr>,
}

struct Reader<'r> {
    step: &'r Step,
    columns: &'r Columns,
    found: Vec<(String, Keys)>,
}

impl Reader<'_> {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => drop(self.query(query)),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => {
                let mut scope = Scope::default();
                self.table(&update.table, &mut scope);
                if let Some(UpdateTableFromKind::AfterSet(tables) | UpdateTableFromKind::BeforeSet(tables)) =
                    &update.from
                {
                    tables.iter().for_each(|table| self.table(table, &mut scope));
                }
                scope.require(update.selection.as_ref());
                self.note(&scope);
            }
            Statement::Delete(delete) => {
                let mut scope = Scope::default();
                let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
                tables.iter().for_each(|table| self.table(table, &mut scope));
                scope.require(delete.selection.as_ref());
                self.note(&scope);
            }
            other => panic!("a house ran {other}"),
        }
    }

    /// Notes an insert's keys: those of its rows.
    fn insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else { panic!("a house inserts into a table") };
        let rows = insert.source.as_ref().map(|source| self.query(source)).unwrap_or_default();
        let Some(key) = self.columns.get(&name.to_string()) else { return };
        let place = insert.columns.iter().position(|column| column.to_string() == *key);
        let keys = place.and_then(|place| rows.get(place)).and_then(|(_, keys)| keys.clone());
        self.found.push((name.to_string(), keys));
    }

    /// The columns of a query, with the values they can have; what it touches itself is noted.
    fn query(&mut self, query: &Query) -> Vec<(String, Keys)> {
        match &*query.body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Values(values) => self.values(values),
            other => panic!("a house asked {other}"),
        }
    }

    fn values(&self, values: &Values) -> Vec<(String, Keys)> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let column = |place: usize| {
            let keys = values.rows.iter().map(|row| self.bound(&row.content[place])).collect();
            (format!("column{}", place + 1), keys)
        };
        (0..width).map(column).collect()
    }

    fn select(&mut self, select: &Select) -> Vec<(String, Keys)> {
        let mut scope = Scope::default();
        select.from.iter().for_each(|table| self.table(table, &mut scope));
        scope.require(select.selection.as_ref());
        self.note(&scope);
        let columns = select.projection.iter().map(|item| match item {
            SelectItem::UnnamedExpr(expression) => {
                (last_name(expression).unwrap_or_default(), self.keys(expression, &scope, &mut Vec::new()))
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                (alias.value.clone(), self.keys(expr, &scope, &mut Vec::new()))
            }
            other => panic!("a house selected {other}"),
        });
        columns.collect()
    }

    fn table<'s>(&mut self, tables: &'s TableWithJoins, scope: &mut Scope<'s>) {
        self.source(&tables.relation, scope);
        for join in &tables.joins {
            self.source(&join.relation, scope);
            if let JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on))
            | JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on)) = &join.join_operator
            {
                scope.require(Some(on));
            }
        }
    }

    fn source<'s>(&mut self, factor: &'s TableFactor, scope: &mut Scope<'s>) {
        let (alias, of) = match factor {
            TableFactor::Table { name, alias, .. } => (alias, Of::Table(name.to_string())),
            TableFactor::Derived { subquery, alias, .. } => (alias, Of::Rows(self.query(subquery))),
            other => panic!("a house reads from {other}"),
        };
        let name = match (&of, alias) {
            (_, Some(alias)) => alias.name.value.clone(),
            (Of::Table(name), None) => name.clone(),
            _ => String::new(),
        };
        scope.sources.push(Source { name, of });
    }

    /// Notes each table of a scope with the keys its conditions leave.
    fn note(&mut self, scope: &Scope<'_>) {
        for (index, source) in scope.sources.iter().enumerate() {
            let Of::Table(table) = &source.of else { continue };
            let Some(key) = self.columns.get(table) else { continue };
            let keys = self.column(index, key, scope, &mut Vec::new());
            self.found.push((table.clone(), keys));
        }
        // What subqueries of conditions touch.
        for condition in &scope.conditions {
            for query in subqueries(condition) {
                self.query(query);
            }
        }
    }

    /// The values that a column of a table can have in a scope.
    fn column(&self, index: usize, name: &str, scope: &Scope<'_>, seen: &mut Vec<(usize, String)>) -> Keys {
        let asked = (index, name.to_owned());
        if seen.contains(&asked) {
            return None;
        }
        seen.push(asked);
        let is_it = |side: &Expr| scope.resolve(side) == Some((index, name.to_owned()));
        scope.conditions.iter().find_map(|condition| match condition {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_it(left) => {
                self.keys(right, scope, seen)
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_it(right) => {
                self.keys(left, scope, seen)
            }
            Expr::InList { expr, list, negated: false } if is_it(expr) => {
                list.iter().map(|value| self.bound(value)).collect()
            }
            Expr::InSubquery { expr, subquery, negated: false } => {
                let place = match &**expr {
                    Expr::Tuple(parts) => parts.iter().position(is_it),
                    single => is_it(single).then_some(0),
                }?;
                let mut reader = Reader { step: self.step, columns: self.columns, found: Vec::new() };
                reader.query(subquery).get(place).and_then(|(_, keys)| keys.clone())
            }
            _ => None,
        })
    }

    /// The values that an expression can have in a scope.
    fn keys(&self, expression: &Expr, scope: &Scope<'_>, seen: &mut Vec<(usize, String)>) -> Keys {
        if let Some(value) = self.bound(expression) {
            return Some(BTreeSet::from([value]));
        }
        let (index, name) = scope.resolve(expression)?;
        match &scope.sources[index].of {
            Of::Table(_) => self.column(index, &name, scope, seen),
            Of::Rows(columns) => columns.iter().find(|(column, _)| *column == name)?.1.clone(),
        }
    }

    /// The value of a parameter or literal.
    fn bound(&self, expression: &Expr) -> Option<String> {
        let Expr::Value(value) = expression else { return None };
        let text = value.value.to_string();
        let Some(number) = text.strip_prefix('$') else { return Some(text) };
        let index = number.parse::<usize>().ok()? - 1;
        let list = || self.step.rows.iter().flatten().nth(index - self.step.fixed.len());
        let value = self.step.fixed.get(index).or_else(list)?;
        Some(match value {
            Value::Uuid(id) => id.to_string(),
            other => format!("{other:?}"),
        })
    }
}

impl<'s> Scope<'s> {
    /// Takes a condition apart at each `and`.
    fn require(&mut self, condition: Option<&'s Expr>) {
        match condition {
            Some(Expr::Nested(inner)) => self.require(Some(inner)),
            Some(Expr::BinaryOp { left, op: BinaryOperator::And, right }) => {
                self.require(Some(left));
                self.require(Some(right));
            }
            Some(other) => self.conditions.push(other),
            None => {}
        }
    }

    /// Which source's column an expression is.
    fn resolve(&self, expression: &Expr) -> Option<(usize, String)> {
        let (table, column): (Option<&Ident>, &Ident) = match expression {
            Expr::Identifier(column) => (None, column),
            Expr::CompoundIdentifier(path) => (path.first(), path.get(1)?),
            _ => return None,
        };
        let has = |source: &Source| match (&source.of, table) {
            (_, Some(table)) => source.name == table.value,
            (Of::Rows(columns), None) => columns.iter().any(|(name, _)| *name == column.value),
            _ => false,
        };
        let is_table = |source: &Source| table.is_none() && matches!(source.of, Of::Table(_));
        let found = self.sources.iter().position(has).or_else(|| self.sources.iter().position(is_table));
        found.map(|index| (index, column.value.clone()))
    }
}

/// The last part of a column's name.
fn last_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(path) => path.last().map(|name| name.value.clone()),
        _ => None,
    }
}

/// The subqueries of a condition: in lists, and asked whether they have rows.
fn subqueries(condition: &Expr) -> Vec<&Query> {
    match condition {
        Expr::InSubquery { subquery, .. } | Expr::Exists { subquery, .. } | Expr::Subquery(subquery) => {
            vec![subquery]
        }
        Expr::BinaryOp { left, right, .. } => [subqueries(left), subqueries(right)].concat(),
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => subqueries(inner),
        _ => vec![],
    }
}
