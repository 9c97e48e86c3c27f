//! The tokens of our statements, written out as each engine gets them.

/// Which engine a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Postgres,
    Sqlite,
}

/// Rows and values that stand for a list of any length.
const LIST: usize = 2;

/// The types that the columns of `{rows:..}` may name.
const TYPES: &[&str] = &["bigint", "bytea", "smallint", "text", "uuid"];

/// A part of a statement's text.
enum Piece<'t> {
    Text(&'t str),
    /// `$n`.
    Param(&'t str),
    /// What stands in braces.
    Token(&'t str),
}

/// `text` as `engine` gets it: `$n` in its placeholders, `{rows:N}` and `{in}` with two rows or values, `{lock}` as
/// `for update` where rows can be locked. Comments are dropped, lines stay where they are.
///
/// # Errors
/// A token in braces that means nothing.
pub(super) fn expanded(text: &str, engine: Engine) -> Result<String, String> {
    let pieces = pieces(text)?;
    let fixed = pieces.iter().filter_map(|piece| match piece {
        Piece::Param(number) => number.parse().ok(),
        _ => None,
    });
    let mut writer = Writer { engine, text: String::new(), last: fixed.max().unwrap_or(0) };
    for piece in pieces {
        match piece {
            Piece::Text(text) => writer.text.push_str(text),
            Piece::Param(number) => writer.param(number),
            Piece::Token(token) => writer.token(token)?,
        }
    }
    Ok(writer.text)
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '-', '$', '{']) {
        let (before, from) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        rest = match from.as_bytes()[0] {
            b'\'' => {
                let end = from[1..].find('\'').map_or(from.len(), |len| len + 2);
                pieces.push(Piece::Text(&from[..end]));
                &from[end..]
            }
            b'-' if from.starts_with("--") => from.find('\n').map_or("", |end| &from[end..]),
            b'$' => {
                let digits = from[1..].bytes().take_while(u8::is_ascii_digit).count();
                pieces.push(Piece::Param(&from[1..=digits]));
                &from[1 + digits..]
            }
            b'{' => {
                let (token, after) = from[1..].split_once('}').ok_or("a brace is not closed")?;
                pieces.push(Piece::Token(token));
                after
            }
            _ => {
                pieces.push(Piece::Text(&from[..1]));
                &from[1..]
            }
        };
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

struct Writer {
    engine: Engine,
    text: String,
    /// The highest parameter so far.
    last: usize,
}

impl Writer {
    fn param(&mut self, number: &str) {
        self.text.push(if self.engine == Engine::Postgres { '$' } else { '?' });
        self.text.push_str(number);
    }

    fn row(&mut self, width: usize) {
        self.text.push('(');
        for column in 0..width {
            if column > 0 {
                self.text.push_str(", ");
            }
            self.last += 1;
            self.param(&self.last.to_string());
        }
        self.text.push(')');
    }

    fn token(&mut self, token: &str) -> Result<(), String> {
        match token.split_once(':') {
            None if token == "in" => self.row(LIST),
            None if token == "lock" && self.engine == Engine::Postgres => self.text.push_str("for update"),
            None if token == "lock" => {}
            Some(("rows", width)) => {
                let width = columns(width).ok_or_else(|| format!("`{{{token}}}` names no columns"))?;
                for row in 0..LIST {
                    self.text.push_str(if row > 0 { ", " } else { "" });
                    self.row(width);
                }
            }
            _ => return Err(format!("`{{{token}}}` is none of {{rows:N}}, {{in}}, {{lock}}")),
        }
        Ok(())
    }
}

/// How many columns `{rows:3}` or `{rows:uuid,bigint}` has.
fn columns(width: &str) -> Option<usize> {
    let typed = width.split(',').all(|kind| TYPES.contains(&kind)).then(|| width.split(',').count());
    width.parse().ok().or(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_numbered_after_the_fixed_parameters() {
        let text = "-- $9\nselect '{in} $3' from t where a - 1 = $1 and b in {in} {lock}";
        let postgres = "\nselect '{in} $3' from t where a - 1 = $1 and b in ($2, $3) for update";
        assert_eq!(expanded(text, Engine::Postgres).as_deref(), Ok(postgres));
        let rows = "insert into t (a, b) values {rows:2} on conflict (a) do update set b = $1";
        let sqlite = "insert into t (a, b) values (?2, ?3), (?4, ?5) on conflict (a) do update set b = ?1";
        assert_eq!(expanded(rows, Engine::Sqlite).as_deref(), Ok(sqlite));
        let typed = rows.replace("{rows:2}", "{rows:uuid,bigint}");
        assert_eq!(expanded(&typed, Engine::Sqlite).as_deref(), Ok(sqlite));
    }

    #[test]
    fn a_token_that_means_nothing_is_refused() {
        for text in ["{out}", "{rows}", "{rows:x}", "{rows:uuid,}", "{in"] {
            assert!(expanded(text, Engine::Sqlite).is_err(), "{text}");
        }
    }
}
