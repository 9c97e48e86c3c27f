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
}

/// What the list in braces holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// `{rows:width}`: rows of so many columns.
    Rows { width: usize },
    /// `{in}`: a list of single values.
    In,
}

/// A statement's text, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    /// Parameters before those of the list.
    pub(crate) fixed: usize,
    pub(crate) list: Option<List>,
}

impl Template {
    /// Takes `text` apart. Comments go, white space outside quotes shrinks.
    ///
    /// # Errors
    /// A sentence about what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { pieces: Vec::new(), text: String::new(), list: None };
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = match letter {
                '\'' | '"' => reader.quoted(rest, letter)?,
                '-' if rest.starts_with("--") => rest.find('\n').map_or("", |end| &rest[end..]),
                '$' => reader.param(&rest[1..])?,
                '{' => reader.list(&rest[1..])?,
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

    /// The text with SQLite's placeholders and, if it has a list, `count` rows or values in it.
    pub(crate) fn sqlite(&self, count: usize) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Param(number) => placeholder(&mut text, *number),
                Piece::List => self.write_list(&mut text, count),
            }
        }
        text
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

struct Reader {
    pieces: Vec<Piece>,
    text: String,
    list: Option<List>,
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

    fn list<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let (token, after) = rest.split_once('}').ok_or("a brace is not closed")?;
        let list = match token.split_once(':') {
            None if token == "in" => List::In,
            Some(("rows", width)) => {
                let width = width.parse().ok().filter(|width| (1..=100).contains(width));
                List::Rows { width: width.ok_or("{rows:N} holds 1 to 100 columns")? }
            }
            _ => return Err(format!("{{{token}}} is neither {{rows:N}} nor {{in}}")),
        };
        if self.list.replace(list).is_some() {
            return Err("a statement holds one list in braces".to_owned());
        }
        self.piece(Piece::List);
        Ok(after)
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
        Ok(Template { pieces: self.pieces, fixed, list: self.list })
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

    #[test]
    fn a_text_that_cannot_work_is_refused() {
        let texts = ["", " ;", "-- only", "select '", "select $", "select $0", "select $1000", "select {in"];
        let lists = ["{out}", "{rows}", "{rows:0}", "{rows:-1}", "{in:1}", "{in} {in}"];
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
