//! Rows of a CSV file: RFC 4180, a byte order mark tolerated, what cannot be read named row by row.

use std::cell::Cell;
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
    watch: Rc<Watch>,
    header: Vec<String>,
    record: ByteRecord,
    done: bool,
}

/// What is seen of the bytes as they pass.
#[derive(Debug, Default)]
struct Watch {
    bytes: Cell<u64>,
    quotes: Cell<u64>,
    row_start: Cell<u64>,
}

struct Watched {
    file: File,
    watch: Rc<Watch>,
}

impl io::Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let watch = &self.watch;
        if watch.bytes.get() - watch.row_start.get() > ROW_BYTES_MAX {
            let message = format!("a row is longer than {} MiB; is a quote left open?", ROW_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.file.read(buffer)?;
        watch.bytes.set(watch.bytes.get() + count as u64);
        let quotes = buffer[..count].iter().filter(|&&byte| byte == b'"').count();
        watch.quotes.set(watch.quotes.get() + quotes as u64);
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
        let watch = Rc::new(Watch::default());
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
        self.watch.row_start.set(self.reader.position().byte());
        let begins = self.reader.position().line();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                self.done = true;
                return Err(unreadable(&self.file, error));
            }
        }
        let line = self.record.position().map_or(begins, csv::Position::line);
        Ok(Some(self.judge(line)))
    }

    fn judge(&mut self, line: u64) -> Read {
        let (found, wanted) = (self.record.len(), self.header.len());
        let cells = match StringRecord::from_byte_record(self.record.clone()) {
            Ok(cells) => cells,
            Err(error) => {
                let place = error.utf8_error().field();
                let value = String::from_utf8_lossy(self.record.get(place).unwrap_or_default()).into_owned();
                let reject =
                    Reject::new(line, "invalid_utf8", "the cell is not UTF-8 text; save the file as UTF-8")
                        .at(self.header.get(place).map(String::as_str), Some(&value));
                return Read::Broken {
                    reject,
                    cells: StringRecord::from_byte_record_lossy(self.record.clone()),
                };
            }
        };
        // A quote that never closes makes the rest of the file one cell.
        let spans = self.reader.position().line() > line + 1;
        if spans && self.watch.quotes.get() % 2 == 1 && self.reader.is_done() {
            let reason = "a quote opens in this row and never closes, so the rest of the file is one cell";
            return Read::Broken { reject: Reject::new(line, "open_quote", reason), cells };
        }
        if found != wanted {
            let reason = format!("the row has {found} cells, the header {wanted}");
            let short = cells.iter().collect::<Vec<_>>().join("|");
            let reject = Reject::new(line, "wrong_cell_count", reason).at(None, Some(&short));
            return Read::Broken { reject, cells };
        }
        if let Some(place) = cells.iter().position(|cell| cell.contains('\0')) {
            let reject = Reject::new(line, "invalid_text", "the cell holds a NUL character")
                .at(self.header.get(place).map(String::as_str), cells.get(place));
            return Read::Broken { reject, cells };
        }
        Read::Row { line, cells }
    }
}

fn unreadable(file: &Path, error: csv::Error) -> Error {
    Error::File { file: file.to_owned(), problem: format!("cannot read it: {error}") }
}
