use super::Error;
use crate::Value;

/// The layer's own tables, which belong to their place and not to the shop.
const OWN: [&str; 4] = ["schema_migrations", "commits", MARK_TABLE, PROGRESS_TABLE];
/// On PostgreSQL: says in each schema that its data is on its way, or gone.
pub(crate) const MARK_TABLE: &str = "move_mark";
/// In the place that data arrives in: how far it has come.
pub(crate) const PROGRESS_TABLE: &str = "move_progress";

/// A table of a house, as the engine's catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// In the order of their names, so that it is the same on every engine.
    pub(crate) columns: Vec<Column>,
    /// The positions of the primary key's columns, in the key's order.
    pub(crate) key: Vec<usize>,
    /// The tables that its foreign keys point at, in the order of their names.
    pub(crate) needs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// The types a column may have: those of `SQL.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Smallint,
    Integer,
    Bigint,
    Text,
    Char,
    Bytes,
    Uuid,
}

impl Kind {
    /// The type of this name in either engine's catalogue.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.split('(').next()?.trim() {
            "smallint" | "int2" => Some(Self::Smallint),
            "integer" | "int" | "int4" => Some(Self::Integer),
            "bigint" | "int8" => Some(Self::Bigint),
            "text" => Some(Self::Text),
            "char" | "bpchar" => Some(Self::Char),
            "bytea" => Some(Self::Bytes),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    /// Passes a value that a column of this type may hold.
    ///
    /// # Errors
    /// What it is instead.
    pub(crate) fn check(self, value: Value) -> Result<Value, &'static str> {
        let whole = |fits| if fits { Ok(()) } else { Err("a number that is too large for its type") };
        match (&value, self) {
            (Value::Null, _)
            | (Value::I64(_), Self::Bigint)
            | (Value::Text(_), Self::Text | Self::Char)
            | (Value::Blob(_), Self::Bytes)
            | (Value::Uuid(_), Self::Uuid) => Ok(()),
            (Value::I64(number), Self::Smallint) => whole(i16::try_from(*number).is_ok()),
            (Value::I64(number), Self::Integer) => whole(i32::try_from(*number).is_ok()),
            (Value::Blob(bytes), Self::Uuid) if bytes.len() == 16 => Ok(()),
            (Value::Blob(_), Self::Uuid) => Err("bytes that are no id"),
            (Value::I64(_), _) => Err("a number"),
            (Value::Text(_), _) => Err("text"),
            (Value::Blob(_) | Value::Uuid(_), _) => Err("bytes"),
        }?;
        Ok(value)
    }

    /// Its name among PostgreSQL's types.
    pub(crate) fn postgres(self) -> &'static str {
        match self {
            Self::Smallint => "int2",
            Self::Integer => "int4",
            Self::Bigint => "int8",
            Self::Text => "text",
            Self::Char => "bpchar",
            Self::Bytes => "bytea",
            Self::Uuid => "uuid",
        }
    }
}

/// A column as it is found in a catalogue.
pub(crate) struct Found {
    pub(crate) column: String,
    pub(crate) of: String,
    /// Its place in the primary key, from 1; 0 if it is not in it.
    pub(crate) key_place: i64,
}

impl Table {
    /// Whether the table is the layer's own.
    pub(crate) fn is_own(name: &str) -> bool {
        OWN.contains(&name)
    }

    /// The table of these columns.
    ///
    /// # Errors
    /// `Shape` for a type that is not known and for a table without a primary key.
    pub(crate) fn new(name: &str, mut found: Vec<Found>, mut needs: Vec<String>) -> Result<Self, Error> {
        found.sort_by(|one, other| one.column.cmp(&other.column));
        needs.sort();
        needs.dedup();
        let mut columns = Vec::with_capacity(found.len());
        for Found { column, of, .. } in &found {
            let kind = Kind::named(&of.to_lowercase())
                .ok_or_else(|| Error::Shape(format!("{name}.{column} has the type {of}")))?;
            columns.push(Column { name: column.clone(), kind });
        }
        let mut key: Vec<usize> = (0..found.len()).filter(|index| found[*index].key_place > 0).collect();
        key.sort_by_key(|index| found[*index].key_place);
        if key.is_empty() {
            return Err(Error::Shape(format!("{name} has no primary key")));
        }
        Ok(Self { name: name.to_owned(), columns, key, needs })
    }

    /// The error of a value that cannot be copied.
    pub(crate) fn unfit(&self, column: usize, found: &str, row: &[Value]) -> Error {
        let key = self.key.iter().map(|index| shown(&row[*index])).collect::<Vec<_>>().join(", ");
        let column = self.columns[column].name.clone();
        Error::Unfit { table: self.name.clone(), column, found: found.to_owned(), key }
    }

    /// The names of its columns, quoted, with commas between.
    pub(crate) fn column_list(&self) -> String {
        list(self.columns.iter())
    }

    /// The names of the key's columns, quoted, with commas between.
    pub(crate) fn key_list(&self) -> String {
        list(self.key.iter().map(|index| &self.columns[*index]))
    }

    /// The text that reads rows of the table `at` in the order of its key: from the first one, or after a key. Its
    /// parameters, `sign` and a number, are the key and the number of rows.
    pub(crate) fn page_text(&self, at: &str, sign: char, after: bool) -> String {
        let (columns, key) = (self.column_list(), self.key_list());
        let given = if after { self.key.len() } else { 0 };
        let params: Vec<_> = (1..=given).map(|number| format!("{sign}{number}")).collect();
        let beyond = if after { format!("where ({key}) > ({}) ", params.join(", ")) } else { String::new() };
        format!("select {columns} from {at} {beyond}order by {key} limit {sign}{}", given + 1)
    }
}

fn list<'c>(columns: impl Iterator<Item = &'c Column>) -> String {
    columns.map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

/// A value of a key, for people; of a long one the beginning.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::I64(number) => number.to_string(),
        Value::Text(text) => text.chars().take(64).collect(),
        Value::Blob(bytes) => bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect(),
        Value::Uuid(uuid) => uuid.to_string(),
    }
}

/// A name as it stands in a statement.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The tables, each after those that its foreign keys point at, else by name.
///
/// # Errors
/// `Shape` if they point in a circle: then no order will do.
pub(crate) fn in_order(mut tables: Vec<Table>) -> Result<Vec<Table>, Error> {
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let ready = |table: &Table| table.needs.iter().all(|need| ordered.iter().any(|it| it.name == *need));
        let Some(next) = tables.iter().position(ready) else {
            let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
            return Err(Error::Shape(format!("the foreign keys of {} form a circle", names.join(", "))));
        };
        ordered.push(tables.remove(next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, needs: &[&str]) -> Table {
        let found = vec![
            Found { column: "b".into(), of: "uuid".into(), key_place: 1 },
            Found { column: "a".into(), of: "CHAR(3)".into(), key_place: 2 },
            Found { column: "c".into(), of: "bigint".into(), key_place: 0 },
        ];
        Table::new(name, found, needs.iter().map(|need| (*need).to_owned()).collect()).expect("a table")
    }

    #[test]
    fn a_page_is_read_in_the_order_of_the_key() {
        assert_eq!(
            table("t", &[]).page_text("\"t\"", '?', true),
            r#"select "a", "b", "c" from "t" where ("b", "a") > (?1, ?2) order by "b", "a" limit ?3"#
        );
        assert_eq!(
            table("t", &[]).page_text("\"s\".\"t\"", '$', false),
            r#"select "a", "b", "c" from "s"."t" order by "b", "a" limit $1"#
        );
    }

    #[test]
    fn a_table_comes_after_those_it_points_at() {
        let names = |tables: Vec<Table>| tables.into_iter().map(|table| table.name).collect::<Vec<_>>();
        let tables = vec![table("lines", &["carts", "skus"]), table("carts", &[]), table("skus", &["taxes"])];
        let ordered = in_order([tables.clone(), vec![table("taxes", &[])]].concat()).expect("an order");
        assert_eq!(names(ordered), ["carts", "taxes", "skus", "lines"]);
        let circle = in_order([tables, vec![table("taxes", &["lines"])]].concat());
        assert!(circle.is_err_and(|error| error.to_string().contains("lines, skus, taxes form a circle")));
    }

    #[test]
    fn a_table_without_a_key_or_of_an_unknown_type_is_refused() {
        let found = |of: &str, key_place| vec![Found { column: "a".into(), of: of.into(), key_place }];
        let refusal = |found| Table::new("t", found, Vec::new()).expect_err("it is refused").to_string();
        assert!(refusal(found("real", 1)).contains("t.a has the type real"));
        assert!(refusal(found("text", 0)).contains("t has no primary key"));
    }

    #[test]
    fn a_value_of_another_type_is_found() {
        assert_eq!(Kind::Smallint.check(Value::I64(40_000)), Err("a number that is too large for its type"));
        assert_eq!(Kind::Uuid.check(Value::Blob(vec![1])), Err("bytes that are no id"));
        assert_eq!(Kind::Bigint.check(Value::Text("1".into())), Err("text"));
        assert_eq!(Kind::Text.check(Value::I64(1)), Err("a number"));
        assert_eq!(Kind::Bigint.check(Value::I64(i64::MIN)), Ok(Value::I64(i64::MIN)));
        let error =
            table("t", &[]).unfit(2, "text", &["one".into(), Value::Blob(vec![10, 255]), Value::Null]);
        assert_eq!(error.to_string(), "t.c holds text, in the row with the key 0aff, one");
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
