//! Rows of a CSV file: RFC 4180, a byte order mark tolerated, what cannot be read named row by row.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, StringRecord};

use crate::kind::Delimiter;
use crate::{Error, Reject};

/// The longest row, bytes. A quote that stays open would otherwise take the rest of the file into memory.
const ROW_BYTES_MAX: u64 = 4 << 20;

/// What was read.
#[derive(Debug)]
pub(crate) enum Read {
    /// A row with a cell for each column.
    Row { line: u64, cells: StringRecord },
    /// A row that cannot be read; its cells as far as they can be guessed at.
    Broken { reject: Reject, cells: StringRecord },
}

/// A CSV file, row by row.
pub(crate) struct CsvRows {
    file: PathBuf,
    reader: csv::Reader<Watched>,
    watch: Rc<RefCell<Watch>>,
    header: Vec<String>,
    record: ByteRecord,
    done: bool,
}

/// What is seen of the bytes as they pass. The parser's own count of lines is late by one where lines end in CR LF or
/// are blank, so lines are counted here.
#[derive(Debug, Default)]
struct Watch {
    bytes: u64,
    quotes: u64,
    ended: bool,
    /// Where the row at hand begins.
    row_start: u64,
    /// Lines that have ended.
    lines: u64,
    after_cr: bool,
    line_has_text: bool,
    /// Offset and number of each line with text, from the row at hand on.
    starts: VecDeque<(u64, u64)>,
}

impl Watch {
    fn see(&mut self, bytes: &[u8]) {
        for (offset, &byte) in (self.bytes..).zip(bytes) {
            match byte {
                b'\n' if self.after_cr => {}
                b'\n' | b'\r' => (self.lines, self.line_has_text) = (self.lines + 1, false),
                _ if self.line_has_text => {}
                _ => {
                    self.line_has_text = true;
                    self.starts.push_back((offset, self.lines + 1));
                }
            }
            self.after_cr = byte == b'\r';
            self.quotes += u64::from(byte == b'"');
        }
        self.bytes += bytes.len() as u64;
        self.ended = bytes.is_empty();
    }

    /// Forgets the lines before `offset`, where a row begins.
    fn begin_row(&mut self, offset: u64) {
        self.row_start = offset;
        while self.starts.front().is_some_and(|(start, _)| *start < offset) {
            self.starts.pop_front();
        }
    }

    /// The line in which the row at hand begins.
    fn line(&self) -> u64 {
        self.starts.front().map_or(self.lines + 1, |(_, line)| *line)
    }

    /// Whether the row that ends at `end` goes over several lines.
    fn spans(&self, end: u64) -> bool {
        self.starts.get(1).is_some_and(|(start, _)| *start < end)
    }
}

struct Watched {
    file: File,
    watch: Rc<RefCell<Watch>>,
}

impl io::Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut watch = self.watch.borrow_mut();
        if watch.bytes - watch.row_start > ROW_BYTES_MAX {
            let message = format!("a row is longer than {} MiB; is a quote left open?", ROW_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.file.read(buffer)?;
        watch.see(&buffer[..count]);
        Ok(count)
    }
}

impl CsvRows {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// `File` if it cannot be read, `Header` if it has none or names a column twice.
    pub(crate) fn open(path: &Path, delimiter: Delimiter) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::file(path, "open it", &error))?;
        let watch = Rc::new(RefCell::new(Watch::default()));
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter.byte())
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(64 << 10)
            .from_reader(Watched { file, watch: Rc::clone(&watch) });
        let file = path.to_owned();
        let mut rows =
            Self { file, reader, watch, header: Vec::new(), record: ByteRecord::new(), done: false };
        rows.header = rows.read_header()?;
        Ok(rows)
    }

    fn read_header(&mut self) -> Result<Vec<String>, Error> {
        let wrong = |problem: String| Error::Header { file: self.file.clone(), problem };
        let mut record = ByteRecord::new();
        let found =
            self.reader.read_byte_record(&mut record).map_err(|error| unreadable(&self.file, error))?;
        if !found {
            return Err(wrong("it is empty; the first row must name the columns".into()));
        }
        let text = StringRecord::from_byte_record(record)
            .map_err(|_| wrong("the header is not UTF-8; save the file as UTF-8".into()))?;
        let names: Vec<String> = text.iter().map(|name| name.trim().to_owned()).collect();
        for (place, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..place].contains(name) {
                return Err(wrong(format!("it names the column {name} twice; rename one")));
            }
        }
        Ok(names)
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Bytes dealt with.
    pub(crate) fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The next row; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Read>, Error> {
        if self.done {
            return Ok(None);
        }
        self.watch.borrow_mut().begin_row(self.reader.position().byte());
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(self.judge())),
            Ok(false) => Ok(None),
            Err(error) => {
                self.done = true;
                Err(unreadable(&self.file, error))
            }
        }
    }

    fn judge(&mut self) -> Read {
        let line = self.watch.borrow().line();
        let record = std::mem::take(&mut self.record);
        let cells = match StringRecord::from_byte_record(record) {
            Ok(cells) => cells,
            Err(error) => {
                let place = error.utf8_error().field();
                let record = error.into_byte_record();
                let value = String::from_utf8_lossy(record.get(place).unwrap_or_default()).into_owned();
                let reason = "the cell is not UTF-8 text; save the file as UTF-8";
                let reject = Reject::new(line, "invalid_utf8", reason);
                let reject = reject.at(self.header.get(place).map(String::as_str), Some(&value));
                return Read::Broken { reject, cells: StringRecord::from_byte_record_lossy(record) };
            }
        };
        match self.fault(line, &cells) {
            Some(reject) => Read::Broken { reject, cells },
            None => Read::Row { line, cells },
        }
    }

    /// What is wrong with a row that is text.
    fn fault(&self, line: u64, cells: &StringRecord) -> Option<Reject> {
        let watch = self.watch.borrow();
        if watch.ended && watch.quotes % 2 == 1 && watch.spans(self.reader.position().byte()) {
            let reason = "a quote opens in this row and never closes, so the rest of the file is one cell";
            return Some(Reject::new(line, "open_quote", reason));
        }
        let (found, wanted) = (cells.len(), self.header.len());
        if found != wanted {
            let reason = format!("the row has {found} cells, the header {wanted}");
            let shown = cells.iter().collect::<Vec<_>>().join("|");
            return Some(Reject::new(line, "wrong_cell_count", reason).at(None, Some(&shown)));
        }
        let place = cells.iter().position(|cell| cell.contains('\0'))?;
        let reject = Reject::new(line, "invalid_text", "the cell holds a NUL character");
        Some(reject.at(self.header.get(place).map(String::as_str), cells.get(place)))
    }
}

fn unreadable(file: &Path, error: csv::Error) -> Error {
    Error::File { file: file.to_owned(), problem: format!("cannot read it: {error}") }
}
