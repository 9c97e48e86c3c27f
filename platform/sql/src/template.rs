//! The text of a statement, taken apart so that each engine can write its own placeholders.

use std::fmt::Write;

/// A part of a statement's text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `$n`.
    Param(usize),
    /// `{rows:..}` or `{in}`.
    List,
    /// `{lock}`.
    Lock,
}

/// What the list in braces holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// `{rows:width}`: rows of so many columns.
    Rows { width: usize },
    /// `{in}`: a list of single values.
    In,
}

/// The types of columns that `{rows:..}` may name.
const TYPES: [&str; 5] = ["bigint", "bytea", "smallint", "text", "uuid"];

/// A statement's text, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    /// Parameters before those of the list.
    pub(crate) fixed: usize,
    pub(crate) list: Option<List>,
    /// The types of the rows' columns, where the text names them.
    pub(crate) types: Vec<String>,
}

impl Template {
    /// Takes `text` apart. Comments go, white space outside quotes shrinks.
    ///
    /// # Errors
    /// A sentence about what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { pieces: Vec::new(), text: String::new(), list: None, types: Vec::new() };
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = match letter {
                '\'' | '"' => reader.quoted(rest, letter)?,
                '-' if rest.starts_with("--") => rest.find('\n').map_or("", |end| &rest[end..]),
                '$' => reader.param(&rest[1..])?,
                '{' => reader.token(&rest[1..])?,
                _ if letter.is_whitespace() => {
                    reader.space();
                    rest.trim_start()
                }
                _ => {
                    reader.text.push(letter);
                    &rest[letter.len_utf8()..]
                }
            };
        }
        reader.finish()
    }

    /// Whether it begins with this word.
    pub(crate) fn starts_with(&self, word: &str) -> bool {
        matches!(self.pieces.first(), Some(Piece::Text(text)) if text.starts_with(word))
    }

    /// Whether it is an insert of its list and nothing else.
    pub(crate) fn inserts_all(&self) -> bool {
        self.starts_with("insert") && self.probe().is_some() && self.pieces.last() == Some(&Piece::List)
    }

    /// Whether it has `{rows}`.
    pub(crate) fn has_rows(&self) -> bool {
        matches!(self.list, Some(List::Rows { .. }))
    }

    /// The text with SQLite's placeholders and, if it has a list, `count` rows or values in it.
    pub(crate) fn sqlite(&self, count: usize) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Param(number) => placeholder(&mut text, *number),
                Piece::List => self.write_list(&mut text, count),
                Piece::Lock => {}
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The text with PostgreSQL's placeholders. A list is one parameter an array: a parameter for each column of
    /// `{rows}`, one for `{in}`. So one text, and one plan, serves any number of rows.
    pub(crate) fn postgres(&self, types: &[String]) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Param(number) => dollar(&mut text, *number),
                Piece::Lock => text.push_str("for update"),
                Piece::List => match self.list {
                    Some(List::Rows { width }) => self.write_unnested(&mut text, width, types),
                    _ => self.write_any(&mut text),
                },
            }
        }
        text
    }

    /// The text of an `insert` with one row of plain parameters, by which PostgreSQL tells their types. `None` if
    /// the rows stand elsewhere, where it cannot.
    pub(crate) fn probe(&self) -> Option<String> {
        let Some(List::Rows { width }) = self.list else { return None };
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Param(number) => dollar(&mut text, *number),
                Piece::Lock => {}
                Piece::List if text.ends_with("(values ") || !text.starts_with("insert ") => return None,
                Piece::List => {
                    for column in 1..=width {
                        text.push_str(if column == 1 { "(" } else { ", " });
                        dollar(&mut text, self.fixed + column);
                    }
                    text.push(')');
                }
            }
        }
        Some(text)
    }

    /// `values {rows:2}` as `select column1, column2 from unnest($1::uuid[], $2::bigint[]) as given (..)`.
    fn write_unnested(&self, text: &mut String, width: usize, types: &[String]) {
        if let Some(before) = text.strip_suffix("values ") {
            text.truncate(before.len());
        }
        let names: Vec<String> = (1..=width).map(|column| format!("column{column}")).collect();
        let names = names.join(", ");
        // Writing to a `String` cannot fail.
        let _ = write!(text, "select {names} from unnest(");
        for column in 0..width {
            let comma = if column == 0 { "" } else { ", " };
            let of = types.get(column).map_or("text", String::as_str);
            let _ = write!(text, "{comma}${}::{of}[]", self.fixed + column + 1);
        }
        let _ = write!(text, ") as given ({names})");
    }

    /// `in {in}` as `= any($1)`.
    fn write_any(&self, text: &mut String) {
        let (before, operator) = match text.strip_suffix("not in ") {
            Some(before) => (before.len(), "<> all("),
            None => (text.strip_suffix("in ").map_or(text.len(), str::len), "= any("),
        };
        text.truncate(before);
        text.push_str(operator);
        dollar(text, self.fixed + 1);
        text.push(')');
    }

    fn write_list(&self, text: &mut String, count: usize) {
        let (rows, width) = match self.list {
            Some(List::Rows { width }) => (count, width),
            Some(List::In) => (1, count),
            None => return,
        };
        let mut number = self.fixed;
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                if column > 0 {
                    text.push_str(", ");
                }
                number += 1;
                placeholder(text, number);
            }
            text.push(')');
        }
    }
}

fn placeholder(text: &mut String, number: usize) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "?{number}");
}

fn dollar(text: &mut String, number: usize) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "${number}");
}

struct Reader {
    pieces: Vec<Piece>,
    text: String,
    list: Option<List>,
    types: Vec<String>,
}

impl Reader {
    /// Copies a literal or a quoted name; `rest` starts with the quote.
    fn quoted<'t>(&mut self, rest: &'t str, quote: char) -> Result<&'t str, String> {
        let end = rest[1..].find(quote).ok_or("a quote is not closed")? + 2;
        self.text.push_str(&rest[..end]);
        Ok(&rest[end..])
    }

    fn param<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let number = rest[..digits].parse().ok().filter(|number| (1..=999).contains(number));
        let number = number.ok_or("a dollar sign starts a parameter from $1 to $999")?;
        self.piece(Piece::Param(number));
        Ok(&rest[digits..])
    }

    fn token<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let (token, after) = rest.split_once('}').ok_or("a brace is not closed")?;
        let list = match token.split_once(':') {
            None if token == "lock" => {
                self.piece(Piece::Lock);
                return Ok(after);
            }
            None if token == "in" => List::In,
            Some(("rows", columns)) => List::Rows { width: self.width(columns)? },
            _ => return Err(format!("{{{token}}} is none of {{rows:N}}, {{in}} and {{lock}}")),
        };
        if self.list.replace(list).is_some() {
            return Err("a statement holds one list in braces".to_owned());
        }
        self.piece(Piece::List);
        Ok(after)
    }

    /// Reads `3` or `uuid,bigint,text`.
    fn width(&mut self, columns: &str) -> Result<usize, String> {
        let width = match columns.parse() {
            Ok(width) => width,
            Err(_) => {
                self.types = columns.split(',').map(|name| name.trim().to_owned()).collect();
                if let Some(unknown) = self.types.iter().find(|name| !TYPES.contains(&name.as_str())) {
                    return Err(format!("{unknown:?} is no type of a column: {}", TYPES.join(", ")));
                }
                self.types.len()
            }
        };
        if (1..=100).contains(&width) { Ok(width) } else { Err("{rows:N} holds 1 to 100 columns".to_owned()) }
    }

    fn space(&mut self) {
        let first = self.text.is_empty() && self.pieces.is_empty();
        if !first && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    fn piece(&mut self, piece: Piece) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text)));
        }
        self.pieces.push(piece);
    }

    fn finish(mut self) -> Result<Template, String> {
        let end = self.text.trim_end_matches([' ', ';']).len();
        self.text.truncate(end);
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(self.text));
        }
        let numbers = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(number) => Some(*number),
            _ => None,
        });
        let fixed = numbers.max().unwrap_or(0);
        if self.pieces.is_empty() {
            return Err("the statement is empty".to_owned());
        }
        Ok(Template { pieces: self.pieces, fixed, list: self.list, types: self.types })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sqlite(text: &str, count: usize) -> Result<String, String> {
        Template::parse(text).map(|template| template.sqlite(count))
    }

    #[test]
    fn placeholders_are_rewritten_outside_quotes_only() {
        let text =
            "-- Finds $9.\nselect  '$1 -- {in} ''$2''', \"a$b\"\n  from fish -- why\n where id = $1;\n";
        let expected = "select '$1 -- {in} ''$2''', \"a$b\" from fish where id = ?1";
        assert_eq!(sqlite(text, 0).as_deref(), Ok(expected));
    }

    #[test]
    fn lists_are_numbered_after_the_fixed_parameters() {
        let text = "insert into t values {rows:2} on conflict (a) do update set b = $1";
        let expected = "insert into t values (?2, ?3), (?4, ?5) on conflict (a) do update set b = ?1";
        assert_eq!(sqlite(text, 2).as_deref(), Ok(expected));
        assert_eq!(sqlite("select $2 in {in}", 3).as_deref(), Ok("select ?2 in (?3, ?4, ?5)"));
    }

    fn postgres(text: &str, types: &[&str]) -> Result<String, String> {
        let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
        Template::parse(text).map(|template| template.postgres(&types))
    }

    #[test]
    fn a_list_is_an_array_a_column_on_postgresql() {
        let text = "insert into t (a, b) values {rows:2} on conflict (a) do update set b = $1";
        let expected = "insert into t (a, b) select column1, column2 from unnest($2::uuid[], $3::bigint[]) \
                        as given (column1, column2) on conflict (a) do update set b = $1";
        assert_eq!(postgres(text, &["uuid", "bigint"]).as_deref(), Ok(expected));
        let text = "update t set b = d.column2 from (values {rows:uuid,text}) as d where a = d.column1";
        let template = Template::parse(text).expect("a template");
        assert_eq!((template.types.join(" "), template.probe()), ("uuid text".to_owned(), None));
        let expected = "update t set b = d.column2 from (select column1, column2 from \
                        unnest($1::uuid[], $2::text[]) as given (column1, column2)) as d where a = d.column1";
        assert_eq!(template.postgres(&template.types), expected);
        assert_eq!(
            template.sqlite(1),
            "update t set b = d.column2 from (values (?1, ?2)) as d where a = d.column1"
        );
        assert_eq!(postgres("select $1 where a in {in}", &[]).as_deref(), Ok("select $1 where a = any($2)"));
        assert_eq!(
            postgres("select 1 where a not in {in}", &[]).as_deref(),
            Ok("select 1 where a <> all($1)")
        );
    }

    #[test]
    fn an_insert_tells_the_types_of_its_rows() {
        let probe = |text: &str| Template::parse(text).expect("a template").probe();
        let text = "insert into t (a, b) values {rows:2} on conflict (a) do update set b = $1";
        let expected = "insert into t (a, b) values ($2, $3) on conflict (a) do update set b = $1";
        assert_eq!(probe(text).as_deref(), Some(expected));
        assert_eq!(probe("insert into t (a) select column1 from (values {rows:1}) as d"), None);
        assert_eq!(probe("delete from t where a in (values {rows:1})"), None);
    }

    #[test]
    fn only_postgresql_locks_rows() {
        let text = "select a from t where b = $1 order by a {lock}";
        assert_eq!(sqlite(text, 0).as_deref(), Ok("select a from t where b = ?1 order by a"));
        assert_eq!(postgres(text, &[]).as_deref(), Ok("select a from t where b = $1 order by a for update"));
    }

    #[test]
    fn a_text_that_cannot_work_is_refused() {
        let texts = ["", " ;", "-- only", "select '", "select $", "select $0", "select $1000", "select {in"];
        let lists = ["{out}", "{rows}", "{rows:0}", "{rows:-1}", "{rows:uuid,date}", "{in:1}", "{in} {in}"];
        for text in texts.into_iter().chain(lists) {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_or_a_reason(text in "[a-z $'\"{}:;0-9\n-]{0,60}|.{0,40}") {
            let _ = sqlite(&text, 2);
        }

        #[test]
        fn a_list_holds_each_parameter_once_and_in_order(
            fixed in 0_usize..5,
            width in 1_usize..8,
            count in 1_usize..40,
        ) {
            let head: String = (1..=fixed).map(|number| format!("${number} ")).collect();
            let text = sqlite(&format!("f {head} {{rows:{width}}}"), count).map_err(TestCaseError::fail)?;
            let numbers: Vec<usize> = text
                .split(|letter: char| !letter.is_ascii_digit())
                .filter_map(|digits| digits.parse().ok())
                .collect();
            prop_assert_eq!(numbers, (1..=fixed + width * count).collect::<Vec<_>>());
            prop_assert_eq!(text.matches('(').count(), count);
        }
    }
}
