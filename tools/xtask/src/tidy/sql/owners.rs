//! Whose tables a statement speaks of.

use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Statement, Visit, Visitor};

use super::parsed::Parsed;

/// The tables that a statement names, and the names it gives to subqueries.
#[derive(Default)]
struct Names {
    tables: Vec<String>,
    with: Vec<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.with.extend(tables.map(|table| table.alias.name.value.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.push(relation.to_string());
        ControlFlow::Continue(())
    }
}

/// No house reads another's tables, and none speaks of a table that is not there.
pub(super) fn own_tables(parsed: &Parsed<'_>) -> Vec<String> {
    if matches!(parsed.statement, Statement::Drop { .. } | Statement::AlterTable(_)) {
        return vec![];
    }
    let mut names = Names::default();
    let _ = parsed.statement.visit(&mut names);
    let strange =
        names.tables.iter().filter(|name| parsed.schema.get(name).is_none() && !names.with.contains(name));
    let message = |name: &String| match parsed.others.get(name) {
        Some(house) => format!("`{name}` belongs to {house}: ask through the contract"),
        None => format!("no migration makes a table `{name}`"),
    };
    strange.map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::in_store;
    use super::*;

    #[test]
    fn a_house_does_not_read_anothers_tables() {
        for sql in [
            "select id from lakes where id = $1",
            "select fish.id from fish join lakes on lakes.id = fish.pond_id",
            "update fish set a = 1 where exists (select 1 from lakes)",
            "insert into lakes (id) values ($1)",
            "delete from lakes",
        ] {
            let expected = ["`lakes` belongs to services/lakes: ask through the contract"];
            assert_eq!(in_store(own_tables, sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_table_that_is_not_there_is_found() {
        assert_eq!(in_store(own_tables, "select id from seas"), ["no migration makes a table `seas`"]);
        let sql =
            "with some as (select id from fish) select d.id from some as d join ponds on ponds.id = d.id";
        assert_eq!(in_store(own_tables, sql), [""; 0]);
    }
}
