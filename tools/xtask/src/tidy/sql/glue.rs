//! Reads the texts that a store registers, also those glued together by a macro of the same file: as much of
//! `macro_rules!` as `concat!` of literals needs.

use crate::rust::Source;

/// A piece of Rust code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Sign(char),
    /// A string literal, as Rust reads it.
    Text(String),
}

/// The tokens of `source` between two bytes, each with the byte at which it starts.
pub(super) fn tokens(source: &Source, from: usize, to: usize) -> Vec<(usize, Token)> {
    let code = source.code.as_bytes();
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    let mut at = from;
    while at < to {
        let literal = source.literals.iter().find(|literal| code[at] == b'"' && literal.at == at + 1);
        if let Some(literal) = literal {
            let raw = tokens.pop_if(|(start, token)| *start + 1 == at && *token == Token::Word("r".into()));
            let text = if raw.is_some() { literal.text.clone() } else { unescaped(&literal.text) };
            tokens.push((at, Token::Text(text)));
            at += literal.text.len() + 2;
        } else if code[at].is_ascii_alphanumeric() || code[at] == b'_' {
            let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            let len = code[at..to].iter().take_while(is_word).count();
            tokens.push((at, Token::Word(source.code[at..at + len].to_owned())));
            at += len;
        } else {
            if !code[at].is_ascii_whitespace() {
                tokens.push((at, Token::Sign(char::from(code[at]))));
            }
            at += 1;
        }
    }
    tokens
}

/// The literal's text as Rust reads it.
fn unescaped(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let escaped = after.chars().next();
        rest = &after[escaped.map_or(0, char::len_utf8)..];
        match escaped {
            Some('\n') => rest = rest.trim_start(),
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            other => text.extend(other),
        }
    }
    text + rest
}

/// The inside of the brackets that open at `tokens[0]`, and what comes after them.
pub(super) fn group(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then(|| (&tokens[1..at], &tokens[at + 1..]));
        }
    }
    None
}

/// One arm of a macro.
#[derive(Debug)]
struct Arm {
    name: String,
    pattern: Vec<Token>,
    body: Vec<Token>,
}

/// The macros of a file.
#[derive(Debug)]
pub(super) struct Macros {
    arms: Vec<Arm>,
}

impl Macros {
    /// Reads each `macro_rules!` among `tokens`.
    pub(super) fn read(tokens: &[Token]) -> Self {
        let mut arms = Vec::new();
        for at in 0..tokens.len() {
            if let [Token::Word(word), Token::Sign('!'), Token::Word(name), rest @ ..] = &tokens[at..]
                && word == "macro_rules"
                && let Some((mut inside, _)) = group(rest)
            {
                while let Some((arm, after)) = arm(name, inside) {
                    arms.push(arm);
                    inside = after;
                }
            }
        }
        Self { arms }
    }

    /// The text that an expression gives: a literal, `include_str!` of a file, `concat!`, or a macro of the file.
    pub(super) fn text(&self, tokens: &[Token], file: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        match tokens {
            [Token::Text(text)] => Some(text.clone()),
            [Token::Word(name), Token::Sign('!'), rest @ ..] => {
                let (arguments, after) = group(rest)?;
                match (name.as_str(), arguments) {
                    _ if !after.is_empty() => None,
                    ("include_str", [Token::Text(path)]) => file(path),
                    ("concat", parts) => {
                        let parts = parts.split(|token| *token == Token::Sign(','));
                        parts.filter(|part| !part.is_empty()).map(|part| self.text(part, file)).collect()
                    }
                    (name, arguments) => {
                        let arms = self.arms.iter().filter(|arm| arm.name == name);
                        let body = arms.filter_map(|arm| arm.filled(arguments)).next()?;
                        self.text(&body, file)
                    }
                }
            }
            _ => None,
        }
    }
}

/// The first arm in the body of a macro, and what comes after it.
fn arm<'t>(name: &str, tokens: &'t [Token]) -> Option<(Arm, &'t [Token])> {
    let (pattern, rest) = group(tokens)?;
    let rest = rest.strip_prefix(&[Token::Sign('='), Token::Sign('>')])?;
    let (body, rest) = group(rest)?;
    let rest = rest.strip_prefix(&[Token::Sign(';')]).unwrap_or(rest);
    Some((Arm { name: name.to_owned(), pattern: pattern.to_vec(), body: body.to_vec() }, rest))
}

impl Arm {
    /// The body with `arguments` in it, if they fit the pattern.
    fn filled(&self, arguments: &[Token]) -> Option<Vec<Token>> {
        let (mut pattern, mut arguments) = (self.pattern.as_slice(), arguments);
        let mut bound: Vec<(&str, &Token)> = Vec::new();
        while let Some((first, rest)) = arguments.split_first() {
            pattern = match pattern {
                [Token::Sign('$'), Token::Word(name), Token::Sign(':'), Token::Word(_), after @ ..]
                    if matches!(first, Token::Text(_)) =>
                {
                    bound.push((name, first));
                    after
                }
                [expected, after @ ..] if expected == first => after,
                _ => return None,
            };
            arguments = rest;
        }
        pattern.is_empty().then(|| fill(&self.body, &bound))
    }
}

fn fill(body: &[Token], bound: &[(&str, &Token)]) -> Vec<Token> {
    let mut filled = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let name = match (first, after.first()) {
            (Token::Sign('$'), Some(Token::Word(name))) => Some(name),
            _ => None,
        };
        match bound.iter().find(|(bound, _)| name.is_some_and(|name| name == bound)) {
            Some((_, token)) => {
                filled.push((*token).clone());
                rest = &after[1..];
            }
            None => filled.push(first.clone()),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Token> {
        tokens(&Source::read(text), 0, text.len()).into_iter().map(|(_, token)| token).collect()
    }

    fn text(macros: &str, expression: &str) -> Option<String> {
        let file = |path: &str| Some(format!("the file {path}"));
        Macros::read(&all(macros)).text(&all(expression), &file)
    }

    #[test]
    fn literals_are_read_as_rust_reads_them() {
        assert_eq!(
            text(
                "",
                r#""a \"b\" \
            c""#
            )
            .as_deref(),
            Some("a \"b\" c")
        );
        assert_eq!(text("", r#"r"a \b""#).as_deref(), Some(r"a \b"));
        assert_eq!(text("", "include_str!(\"x.sql\")").as_deref(), Some("the file x.sql"));
        assert_eq!(text("", "concat!(\"a\", \"b\",)").as_deref(), Some("ab"));
    }

    #[test]
    fn a_macro_glues_texts() {
        let macros = "macro_rules! list {
            ($from:literal, by $key:literal) => { concat!(\"select \", $key, \" from \", $from) };
            ($from:literal) => { concat!(\"select 1 from \", $from) };
        }";
        assert_eq!(text(macros, "list!(\"t\", by \"k\")").as_deref(), Some("select k from t"));
        assert_eq!(text(macros, "list!(\"t\")").as_deref(), Some("select 1 from t"));
        assert_eq!(text(macros, "list!(\"t\", at \"k\")"), None);
    }

    #[test]
    fn what_gives_no_text_is_none() {
        for expression in ["NAME", "format!(\"a\")", "\"a\" + \"b\"", "concat!(\"a\", NAME)", "concat!(\"a\""]
        {
            assert_eq!(text("", expression), None, "{expression}");
        }
    }
}
