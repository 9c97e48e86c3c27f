//! What strace writes, line by line: `THREAD name(arguments) = result`, or that in two halves.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// A system call of a recorded process.
#[derive(Debug)]
pub(crate) struct Call {
    /// `pwrite64`.
    pub(crate) name: String,
    /// As text: numbers, `"quoted strings"`, `7</path/of/the/file>`.
    pub(crate) arguments: String,
    /// What it answered, negative for an error; nothing if the process was killed inside.
    pub(crate) result: Option<i64>,
    /// The line on which it began.
    pub(crate) entered: usize,
    /// The line on which it ended.
    pub(crate) left: Option<usize>,
}

/// The calls of one log, in the order in which they began.
///
/// The tracer sees one event at a time and lets no thread go on before it has written the event down. So if one call
/// had ended before another could begin, whatever the threads, the log says so too.
///
/// # Errors
/// The line that is no line of strace.
pub(crate) fn calls(log: impl BufRead) -> Result<Vec<Call>, String> {
    let (mut ended, mut begun) = (Vec::new(), HashMap::new());
    for (number, line) in log.lines().enumerate() {
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        let strange = || format!("line {number} is none of strace: {}", excerpt(&line));
        let (thread, said) = line.split_once(' ').ok_or_else(strange)?;
        let said = said.trim_start();
        if said.starts_with("+++ ") || said.starts_with("--- ") {
            continue;
        }
        if let Some(first) = said.strip_suffix(" <unfinished ...>") {
            begun.insert(thread.to_owned(), (number, first.to_owned()));
            continue;
        }
        let (entered, whole) = match resumed(said) {
            Some(rest) => {
                let (entered, first) = begun.remove(thread).ok_or_else(strange)?;
                (entered, first + rest)
            }
            None => (number, said.to_owned()),
        };
        ended.push(call(&whole, entered, number).ok_or_else(strange)?);
    }
    for (entered, first) in begun.into_values() {
        let (name, arguments) = first.split_once('(').unwrap_or((&first, ""));
        let (name, arguments) = (name.to_owned(), arguments.to_owned());
        ended.push(Call { name, arguments, result: None, entered, left: None });
    }
    ended.sort_by_key(|call| call.entered);
    Ok(ended)
}

/// The second half of a call: what follows `<... name resumed>`.
fn resumed(said: &str) -> Option<&str> {
    said.strip_prefix("<... ")?.split_once(" resumed>").map(|(_, rest)| rest)
}

fn call(whole: &str, entered: usize, left: usize) -> Option<Call> {
    let (name, rest) = whole.split_once('(')?;
    let (arguments, answer) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end();
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments).to_owned();
    // "? ERESTARTSYS" is a call that did nothing and is made again; "?" alone one that nobody saw the end of.
    let result = match answer.strip_prefix('?') {
        Some("") => None,
        Some(_) => Some(-1),
        None => Some(number(answer)?),
    };
    let left = result.map(|_| left);
    Some(Call { name: name.to_owned(), arguments, result, entered, left })
}

/// The number a text begins with.
fn number(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        return u64::from_str_radix(&digits[..end], 16).ok().map(|address| address as i64);
    }
    let digit = |(at, c): (usize, char)| !(c.is_ascii_digit() || (at == 0 && c == '-'));
    let end = text.char_indices().find(|&place| digit(place)).map_or(text.len(), |(at, _)| at);
    text[..end].parse().ok()
}

fn excerpt(line: &str) -> String {
    line.chars().take(160).collect()
}

impl Call {
    /// The descriptor that is its first argument, and what that stands for: a path, or the like of `socket:[7]`.
    pub(crate) fn descriptor(&self) -> Option<(i64, &str)> {
        described(&self.arguments)
    }

    /// The descriptor in the argument at `place`, counted over those outside quotes.
    pub(crate) fn descriptor_at(&self, place: usize) -> Option<(i64, &str)> {
        described(self.plain(place)?)
    }

    /// The number that is its last argument.
    pub(crate) fn last_number(&self) -> Option<i64> {
        number(self.arguments.rsplit_once(", ")?.1)
    }

    /// The argument at `place` as written.
    pub(crate) fn plain(&self, place: usize) -> Option<&str> {
        let (mut quoted, mut escaped, mut start, mut passed) = (false, false, 0, 0);
        for (at, byte) in self.arguments.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                b',' if !quoted => {
                    if passed == place {
                        return Some(self.arguments[start..at].trim());
                    }
                    (start, passed) = (at + 1, passed + 1);
                }
                _ => {}
            }
        }
        (passed == place).then(|| self.arguments[start..].trim())
    }

    /// Its quoted strings one after the other: what is written, or a path.
    ///
    /// # Errors
    /// If strace left some of it out.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        let cut = || format!("{} was written down in part: {}", self.name, excerpt(&self.arguments));
        let (mut bytes, mut rest) = (Vec::new(), self.arguments.as_bytes());
        while let Some(start) = rest.iter().position(|&byte| byte == b'"') {
            rest = unquote(&rest[start + 1..], &mut bytes).ok_or_else(cut)?;
            if rest.starts_with(b"...") {
                return Err(cut());
            }
        }
        Ok(bytes)
    }

    /// The path in the argument at `place`, relative to the folder that is described before it, if any.
    pub(crate) fn path(&self, place: usize) -> Option<PathBuf> {
        let mut name = Vec::new();
        unquote(self.plain(place)?.as_bytes().strip_prefix(b"\"")?, &mut name)?;
        let name = String::from_utf8(name).ok()?;
        let folder = place.checked_sub(1).and_then(|before| self.descriptor_at(before));
        Some(folder.map_or_else(|| Path::new(&name).to_owned(), |(_, folder)| Path::new(folder).join(&name)))
    }
}

/// `7</data/orders.db>`, `AT_FDCWD</home>`.
fn described(argument: &str) -> Option<(i64, &str)> {
    let (descriptor, rest) = argument.split_once('<')?;
    let number = match descriptor {
        "AT_FDCWD" => -100,
        digits => digits.parse().ok()?,
    };
    let end = rest.find('>')?;
    Some((number, &rest[..end]))
}

/// Appends what a quoted string stands for, up to its closing quote; what follows that.
fn unquote<'a>(text: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut at = 0;
    loop {
        let plain = text[at..].iter().position(|&byte| byte == b'"' || byte == b'\\')?;
        bytes.extend_from_slice(&text[at..at + plain]);
        at += plain;
        if text[at] == b'"' {
            return Some(&text[at + 1..]);
        }
        let escape = *text.get(at + 1)?;
        at += 2;
        bytes.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'0'..=b'7' => {
                let mut value = u32::from(escape - b'0');
                let digits =
                    text[at..].iter().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                for digit in &text[at..at + digits] {
                    value = value * 8 + u32::from(digit - b'0');
                }
                at += digits;
                u8::try_from(value).ok()?
            }
            other => other,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> Vec<Call> {
        calls(log.as_bytes()).expect("it is a log")
    }

    #[test]
    fn a_write_has_its_bytes_and_its_place() {
        let calls = read(r#"7 pwrite64(12</d/a.db>, "a\0\1772\"\\\n\3,", 9, 4096) = 9"#);
        assert_eq!(calls[0].bytes().expect("whole"), b"a\0\x7f2\"\\\n\x03,");
        assert_eq!(calls[0].descriptor(), Some((12, "/d/a.db")));
        assert_eq!((calls[0].last_number(), calls[0].result), (Some(4096), Some(9)));
    }

    #[test]
    fn halves_become_one_call_between_its_lines() {
        let log = "7 fdatasync(3</d/a> <unfinished ...>\n8 ftruncate(4</d/b>, 3) = 0\n7 <... fdatasync resumed>) = 0";
        let calls = read(log);
        let lines: Vec<_> = calls.iter().map(|call| (&*call.name, call.entered, call.left)).collect();
        assert_eq!(lines, [("fdatasync", 0, Some(2)), ("ftruncate", 1, Some(1))]);
        assert_eq!(calls[0].descriptor(), Some((3, "/d/a")));
    }

    #[test]
    fn a_call_in_which_the_process_was_killed_has_no_result() {
        let log = "7 fsync(3</d/a>) = ?\n8 fsync(4</d/b> <unfinished ...>\n8 +++ killed by SIGKILL +++";
        assert!(read(log).iter().all(|call| call.result.is_none() && call.left.is_none()));
    }

    #[test]
    fn paths_are_found_with_and_without_a_folder() {
        let calls =
            read("7 renameat(AT_FDCWD</w>, \"/d/a\", AT_FDCWD</w>, \"b\") = 0\n7 unlink(\"/d/a\") = 0");
        assert_eq!(calls[0].path(1).expect("a path"), Path::new("/d/a"));
        assert_eq!(calls[0].path(3).expect("a path"), Path::new("/w/b"));
        assert_eq!(calls[1].path(0).expect("a path"), Path::new("/d/a"));
    }

    #[test]
    fn several_buffers_are_one_text() {
        let calls = read(
            r#"7 writev(9<socket:[1]>, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}], 2) = 3"#,
        );
        assert_eq!(calls[0].bytes().expect("whole"), b"abc");
    }

    #[test]
    fn what_was_left_out_or_is_not_understood_is_an_error() {
        assert!(read(r#"7 write(9</d/a>, "ab"..., 99) = 99"#)[0].bytes().is_err());
        assert!(calls("7 who knows".as_bytes()).is_err());
        assert!(calls("7 <... write resumed>) = 3".as_bytes()).is_err());
    }
}
