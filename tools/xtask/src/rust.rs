//! Rust text taken apart just far enough for the rules: code without comments and strings, the string literals,
//! the lines that are test code, and the functions with their lengths. A parser would be slower to build than
//! everything else here together.

use std::ops::RangeInclusive;

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Where it starts, from 1.
    pub(crate) line: usize,
    /// The byte in the file at which its text starts, after the quote.
    pub(crate) at: usize,
    /// As written, without quotes; escapes stay as they are.
    pub(crate) text: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where it starts, from 1.
    pub(crate) line: usize,
    /// From `fn` to the closing brace; a text over many lines (a snapshot, a page) counts as one.
    pub(crate) lines: usize,
}

/// The parts of one Rust file.
pub(crate) struct Source {
    /// The text with comments and the insides of strings blanked, byte for byte as long as the original.
    pub(crate) code: String,
    pub(crate) literals: Vec<Literal>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut lexer = Lexer { text, code: text.as_bytes().to_vec(), at: 0, literals: Vec::new() };
        lexer.run();
        let code = String::from_utf8_lossy(&lexer.code).into_owned();
        let literals = lexer.literals;
        let tests = test_items(&code);
        Self { code, literals, tests }
    }

    /// The lines of [`Source::code`] with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether the line belongs to an item under `#[cfg(test)]`.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&line))
    }

    /// Every function that has a body, in order.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("fn ") {
            let boundary = at == 0 || !is_word(self.code.as_bytes()[at - 1]);
            let rest = &self.code[at + 3..];
            let name: String =
                rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !boundary || name.is_empty() {
                continue;
            }
            if let Some((_, end)) = block(&self.code, at) {
                let line = line_at(&self.code, at);
                let last = line_at(&self.code, end);
                let texts = self.literals.iter().filter(|literal| (line..=last).contains(&literal.line));
                let in_texts: usize = texts.map(|literal| literal.text.matches('\n').count()).sum();
                found.push(Function { name, line, lines: last - line + 1 - in_texts });
            }
        }
        found
    }
}

/// The number, from 1, of the line that holds byte `at`.
pub(crate) fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where `needle` occurs in `line` as a path or word of its own, not as the end of a longer one.
pub(crate) fn word(line: &str, needle: &str) -> bool {
    let starts_in_word = needle.bytes().next().is_some_and(is_word);
    let ends_in_word = needle.bytes().last().is_some_and(is_word);
    line.match_indices(needle).any(|(at, _)| {
        let before = line.as_bytes()[..at].last().copied().unwrap_or(b' ');
        let after = line.as_bytes().get(at + needle.len()).copied().unwrap_or(b' ');
        let longer = starts_in_word && is_word(before) || ends_in_word && is_word(after);
        !longer
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The first `{ }` block after `from` in blanked code, if one comes before the item ends with a semicolon.
/// Braces and semicolons within parentheses or brackets (`[u8; 4]`) do not count.
pub(crate) fn block(code: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = code.as_bytes();
    let mut nested = 0_i32;
    let mut open = None;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested -= 1,
            b';' if nested == 0 => return None,
            b'{' if nested == 0 => {
                open = Some(at);
                break;
            }
            _ => {}
        }
    }
    let open = open?;
    let mut depth = 0_i32;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((open, at));
        }
    }
    None
}

fn test_items(code: &str) -> Vec<RangeInclusive<usize>> {
    let mut ranges = Vec::new();
    for (at, mark) in code.match_indices("#[cfg(test)]") {
        let start = line_at(code, at);
        let end = block(code, at + mark.len()).map_or(start + 1, |(_, end)| line_at(code, end));
        ranges.push(start..=end);
    }
    ranges
}

struct Lexer<'a> {
    text: &'a str,
    code: Vec<u8>,
    at: usize,
    literals: Vec<Literal>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'/' if self.starts("//") => self.line_comment(),
                b'/' if self.starts("/*") => self.block_comment(),
                b'"' => self.string(self.at + 1),
                b'r' if !self.after_word() => self.raw_string(),
                b'\'' => self.quote(),
                _ => self.at += 1,
            }
        }
    }

    fn starts(&self, mark: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(mark.as_bytes())
    }

    /// Whether the byte before belongs to a word, other than the `b` or `c` of a byte or C string.
    fn after_word(&self) -> bool {
        let bytes = self.text.as_bytes();
        let prefix = self.at > 0 && matches!(bytes[self.at - 1], b'b' | b'c');
        let before = if prefix { self.at.checked_sub(2) } else { self.at.checked_sub(1) };
        before.is_some_and(|index| is_word(bytes[index]))
    }

    fn blank(&mut self, from: usize, to: usize) {
        for byte in &mut self.code[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn line_comment(&mut self) {
        let end = self.text[self.at..].find('\n').map_or(self.text.len(), |len| self.at + len);
        self.blank(self.at, end);
        self.at = end;
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            if self.starts("/*") {
                depth += 1;
                self.at += 2;
            } else if self.starts("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += 1;
            }
            if depth == 0 {
                break;
            }
        }
        self.blank(start, self.at);
    }

    fn string(&mut self, start: usize) {
        let bytes = self.text.as_bytes();
        let mut end = start;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.literal(start, end.min(bytes.len()));
        self.at = (end + 1).min(bytes.len());
    }

    fn raw_string(&mut self) {
        let hashes = self.text.as_bytes()[self.at + 1..].iter().take_while(|byte| **byte == b'#').count();
        let start = self.at + 1 + hashes + 1;
        if self.text.as_bytes().get(start - 1) != Some(&b'"') {
            self.at += 1;
            return;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let end = self.text[start..].find(&close).map_or(self.text.len(), |len| start + len);
        self.literal(start, end);
        self.at = (end + close.len()).min(self.text.len());
    }

    fn literal(&mut self, start: usize, end: usize) {
        let line = line_at(self.text, start);
        self.literals.push(Literal { line, at: start, text: self.text[start..end].to_owned() });
        self.blank(start, end);
    }

    /// A character literal, or the start of a lifetime.
    fn quote(&mut self) {
        let rest = &self.text[self.at + 1..];
        let mut chars = rest.chars();
        let end = match (chars.next(), chars.next()) {
            (Some('\\'), Some(escaped)) => {
                rest[1 + escaped.len_utf8()..].find('\'').map(|len| 1 + escaped.len_utf8() + len)
            }
            (Some(one), Some('\'')) => Some(one.len_utf8()),
            _ => None,
        };
        match end {
            Some(len) => {
                self.blank(self.at + 1, self.at + 1 + len);
                self.at += len + 2;
            }
            None => self.at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_lengths_stay() {
        let text = "let a = \"x // y\"; // z \"\nlet b = 'c'; /* a /* b */ c */ let d = '\\'';\nfn f<'a>(x: &'a str) {}";
        let source = Source::read(text);
        assert_eq!(source.code.len(), text.len());
        assert_eq!(source.literals, [Literal { line: 1, at: 9, text: "x // y".into() }]);
        for gone in ["x //", "z", "'c'", "a /*"] {
            assert!(!source.code.contains(gone), "{gone} in {}", source.code);
        }
        assert!(source.code.contains("fn f<'a>(x: &'a str) {}"));
    }

    #[test]
    fn raw_strings_keep_their_quotes() {
        let source = Source::read("let a = r#\"select \"x\"\"#; let r#type = b\"y\"; let c = br\"z\";");
        let texts: Vec<_> = source.literals.iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(texts, ["select \"x\"", "y", "z"]);
        assert!(source.code.contains("r#type"));
    }

    #[test]
    fn test_modules_are_known() {
        let source = Source::read("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        let test: Vec<_> = (1..=6).filter(|line| source.is_test(*line)).collect();
        assert_eq!(test, [2, 3, 4, 5]);
    }

    #[test]
    fn functions_are_measured_with_their_signature() {
        let text = "trait T { fn none(&self, x: [u8; 4]); }\nfn one(\n    x: u8,\n) -> u8 {\n    x\n}\n";
        let functions = Source::read(text).functions();
        assert_eq!(functions, [Function { name: "one".into(), line: 2, lines: 5 }]);
    }

    #[test]
    fn a_long_text_does_not_make_a_long_function() {
        let functions = Source::read("fn page() -> &'static str {\n    \"a\nb\nc\"\n}\n").functions();
        assert_eq!(functions, [Function { name: "page".into(), line: 1, lines: 3 }]);
    }

    #[test]
    fn words_have_edges() {
        assert!(word("use http::StatusCode;", "StatusCode"));
        assert!(!word("MyStatusCodes", "StatusCode"));
        assert!(word("x.dbg!(1)", "dbg!"));
        assert!(word("clock.now()", ".now()"));
    }
}
