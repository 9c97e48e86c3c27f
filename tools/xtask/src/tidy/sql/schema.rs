//! The tables as a house's migrations leave them.

use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, CreateTable, Expr,
    ForeignKeyConstraint, ObjectName, ObjectType, RenameTableNameKind, Spanned, Statement, TableConstraint,
};

use crate::tree::File;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// As written: `char(3)`.
    pub(super) kind: String,
    pub(super) not_null: bool,
}

/// A rule that no two rows have the same values in these columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unique {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

/// A table.
pub(super) struct Table<'t> {
    pub(super) file: &'t File,
    /// Where it was created, from 1.
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key, and its name.
    pub(super) key: Vec<String>,
    pub(super) key_name: Option<String>,
    pub(super) unique: Vec<Unique>,
    pub(super) foreign: Vec<ForeignKeyConstraint>,
}

impl Table<'_> {
    /// The column by which its rows are spread over machines: the first of the primary key.
    pub(super) fn leading(&self) -> Option<&str> {
        self.key.first().map(String::as_str)
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|each| each.name == column)
    }
}

/// All tables of a house, the queue's among them.
#[derive(Default)]
pub(super) struct Schema<'t> {
    pub(super) tables: Vec<Table<'t>>,
}

impl<'t> Schema<'t> {
    pub(super) fn get(&self, name: &str) -> Option<&Table<'t>> {
        self.tables.iter().find(|table| table.name == name)
    }

    fn get_mut(&mut self, name: &ObjectName) -> Option<&mut Table<'t>> {
        let name = name.to_string();
        self.tables.iter_mut().find(|table| table.name == name)
    }

    /// Does what a statement of the migration `file` does.
    pub(super) fn apply(&mut self, file: &'t File, statement: &Statement) {
        match statement {
            Statement::CreateTable(create) => self.tables.push(table(file, create)),
            Statement::CreateIndex(create) if create.unique => self.add_unique(create),
            Statement::AlterTable(alter) => self.alter(alter),
            Statement::Drop { object_type, names, .. } => self.drop(*object_type, names),
            _ => {}
        }
    }

    fn add_unique(&mut self, create: &CreateIndex) {
        let columns = create.columns.iter().map(|column| column.column.expr.to_string()).collect();
        let name = create.name.as_ref().map(ObjectName::to_string).unwrap_or_default();
        if let Some(table) = self.get_mut(&create.table_name) {
            table.unique.push(Unique { name, columns });
        }
    }

    fn alter(&mut self, alter: &AlterTable) {
        let Some(table) = self.get_mut(&alter.name) else { return };
        for operation in &alter.operations {
            match operation {
                AlterTableOperation::AddColumn { column_def, .. } => table.columns.push(column(column_def)),
                AlterTableOperation::DropColumn { column_names, .. } => {
                    table.columns.retain(|column| column_names.iter().all(|name| name.value != column.name));
                }
                AlterTableOperation::RenameTable {
                    table_name: RenameTableNameKind::To(name) | RenameTableNameKind::As(name),
                } => table.name = name.to_string(),
                _ => {}
            }
        }
    }

    fn drop(&mut self, kind: ObjectType, names: &[ObjectName]) {
        for name in names.iter().map(ObjectName::to_string) {
            match kind {
                ObjectType::Table => self.tables.retain(|table| table.name != name),
                ObjectType::Index => {
                    self.tables
                        .iter_mut()
                        .for_each(|table| table.unique.retain(|unique| unique.name != name));
                }
                _ => {}
            }
        }
    }
}

fn column(definition: &ColumnDef) -> Column {
    let has = |wanted: fn(&ColumnOption) -> bool| definition.options.iter().any(|each| wanted(&each.option));
    Column {
        name: definition.name.value.clone(),
        kind: definition.data_type.to_string().to_lowercase(),
        not_null: has(|option| matches!(option, ColumnOption::NotNull)),
    }
}

fn table<'t>(file: &'t File, create: &CreateTable) -> Table<'t> {
    let line = usize::try_from(create.name.span().start.line).unwrap_or(1);
    let columns = create.columns.iter().map(column).collect();
    let (key, unique, foreign) = (Vec::new(), Vec::new(), Vec::new());
    let name = create.name.to_string();
    let mut table = Table { file, line, name, columns, key, key_name: None, unique, foreign };
    for definition in &create.columns {
        for option in &definition.options {
            match &option.option {
                ColumnOption::PrimaryKey(_) => table.key = vec![definition.name.value.clone()],
                ColumnOption::Unique(_) => {
                    let columns = vec![definition.name.value.clone()];
                    table.unique.push(Unique { name: definition.name.value.clone(), columns });
                }
                ColumnOption::ForeignKey(foreign) => {
                    let columns = vec![definition.name.clone()];
                    table.foreign.push(ForeignKeyConstraint { columns, ..foreign.clone() });
                }
                _ => {}
            }
        }
    }
    for constraint in &create.constraints {
        match constraint {
            TableConstraint::PrimaryKey(key) => {
                table.key_name = key.name.as_ref().map(|name| name.value.clone());
                table.key = key.columns.iter().map(|column| plain(&column.column.expr)).collect();
            }
            TableConstraint::Unique(unique) => table.unique.push(Unique {
                name: unique.name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
                columns: unique.columns.iter().map(|column| plain(&column.column.expr)).collect(),
            }),
            TableConstraint::ForeignKey(foreign) => table.foreign.push(foreign.clone()),
            _ => {}
        }
    }
    table
}

fn plain(expression: &Expr) -> String {
    expression.to_string()
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    use super::*;
    use crate::tree::Tree;

    #[test]
    fn a_schema_is_what_its_history_leaves() {
        let sql = "create table old (id uuid not null, constraint old_pk primary key (id));\n\
                   create table fish (pond_id uuid not null, fish_id uuid not null, name text,\n\
                   constraint fish_pk primary key (pond_id, fish_id));\n\
                   create unique index fish_name on fish (name);\ncreate unique index fish_two on fish (pond_id, name);\n\
                   alter table fish add column tank bigint not null default 0;\nalter table fish drop column name;\n\
                   drop index fish_name;\ndrop table old;";
        let tree = Tree::of(&[("services/pond/migrations/0001.sql", sql)]);
        let mut schema = Schema::default();
        for statement in Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("parses") {
            schema.apply(&tree.files()[0], &statement);
        }
        assert_eq!(schema.tables.len(), 1);
        let fish = schema.get("fish").expect("is there");
        assert_eq!(
            (fish.line, fish.leading(), fish.key_name.as_deref()),
            (2, Some("pond_id"), Some("fish_pk"))
        );
        let columns: Vec<_> =
            fish.columns.iter().map(|column| (column.name.as_str(), column.not_null)).collect();
        assert_eq!(columns, [("pond_id", true), ("fish_id", true), ("tank", true)]);
        let unique: Vec<_> = fish.unique.iter().map(|unique| unique.name.as_str()).collect();
        assert_eq!(unique, ["fish_two"]);
        assert!(fish.has("tank") && !fish.has("name"));
    }
}
