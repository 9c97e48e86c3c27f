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
        if !self.text.is_empty() || !self.pieces.is_empty() {
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
