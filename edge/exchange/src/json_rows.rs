//! Documents of a JSON lines file, one a line, in our own shape.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::{Error, Reject};

/// The longest line, bytes.
const LINE_BYTES_MAX: usize = 4 << 20;

/// What stands on a line: a document, or why there is none.
pub(crate) type Line<D> = Result<(u64, D), Box<Reject>>;

/// A JSON lines file, document by document.
pub(crate) struct JsonRows {
    path: PathBuf,
    reader: BufReader<File>,
    line: u64,
    bytes: u64,
}

impl JsonRows {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::file(path, "open it", &error))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(64 << 10, file),
            line: 0,
            bytes: 0,
        })
    }

    /// Bytes dealt with.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next document with its line, or why there is none on it; none at the end. Blank lines are passed over.
    pub(crate) fn next<D: DeserializeOwned>(&mut self) -> Result<Option<Line<D>>, Error> {
        loop {
            let mut text = Vec::new();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut text);
            let count = read.map_err(|error| Error::file(&self.path, "read it", &error))?;
            if count == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.bytes += count as u64;
            if count > LINE_BYTES_MAX && !text.ends_with(b"\n") {
                self.pass_line()?;
                let reason = format!("the line is longer than {} MiB", LINE_BYTES_MAX >> 20);
                return Ok(Some(Err(Box::new(Reject::new(self.line, "line_too_long", reason)))));
            }
            let text =
                if self.line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text) } else { &text };
            if !text.trim_ascii().is_empty() {
                return Ok(Some(document(text, self.line).map(|document| (self.line, document))));
            }
        }
    }

    /// Passes over the rest of a line.
    fn pass_line(&mut self) -> Result<(), Error> {
        loop {
            let buffer =
                self.reader.fill_buf().map_err(|error| Error::file(&self.path, "read it", &error))?;
            let (count, ends) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.reader.consume(count);
            self.bytes += count as u64;
            if ends {
                return Ok(());
            }
        }
    }
}

/// Reads one document; a field that it does not have is a mistake, not something to pass over.
fn document<D: DeserializeOwned>(text: &[u8], line: u64) -> Result<D, Box<Reject>> {
    let mut unknown: Option<String> = None;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut note = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string());
    };
    let read = serde_path_to_error::deserialize(serde_ignored::Deserializer::new(&mut reader, &mut note));
    let document = read.map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let code = if inner.is_data() { "invalid_value" } else { "invalid_json" };
        let path = Some(path).filter(|path| path != "." && path != "?");
        // The line within the text is always 1; the report has the file's own.
        let reason = inner.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        Box::new(Reject::new(line, code, reason).at(path.as_deref(), None))
    })?;
    if let Err(error) = reader.end() {
        let reason = format!("more follows the document: {error}");
        return Err(Box::new(Reject::new(line, "invalid_json", reason)));
    }
    match unknown {
        Some(path) => {
            let reject = Reject::new(line, "unknown_field", format!("there is no field {path}"));
            Err(Box::new(reject.at(Some(&path), None)))
        }
        None => Ok(document),
    }
}
