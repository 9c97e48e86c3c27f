use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::{self, Error};

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// The names of the databases in a folder, in order; none if there is no such folder.
pub(super) fn databases_in(folder: &Path) -> Result<Vec<String>, Error> {
    let refused = |error: io::Error| error::io(&error, folder);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(refused)?.file_name().to_string_lossy().into_owned();
        names.extend(name.ends_with(".db").then_some(name));
    }
    names.sort_unstable();
    Ok(names)
}

/// The size and the SHA-256 of a file. `goes_on` is told the bytes so far; false ends it.
///
/// # Errors
/// `Refused`, `Cancelled`.
pub(super) fn hash(path: &Path, goes_on: &mut dyn FnMut(u64) -> bool) -> Result<(u64, String), Error> {
    let mut from = File::open(path).map_err(|error| error::io(&error, path))?;
    pour(&mut from, path, &mut io::sink(), path, goes_on)
}

/// Copies a file; its size and the SHA-256 of what was read. The copy is on the disk when this answers.
///
/// # Errors
/// `NoRoom`, `Refused`, `Cancelled`.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    goes_on: &mut dyn FnMut(u64) -> bool,
) -> Result<(u64, String), Error> {
    let mut source = File::open(from).map_err(|error| error::io(&error, from))?;
    let mut copy = File::create_new(to).map_err(|error| error::io(&error, to))?;
    let read = pour(&mut source, from, &mut copy, to, goes_on)?;
    copy.sync_all().map_err(|error| error::io(&error, to))?;
    Ok(read)
}

fn pour(
    source: &mut File,
    from: &Path,
    sink: &mut dyn Write,
    to: &Path,
    goes_on: &mut dyn FnMut(u64) -> bool,
) -> Result<(u64, String), Error> {
    let (mut piece, mut digest, mut bytes) = (vec![0; PIECE], Sha256::new(), 0);
    loop {
        let read = source.read(&mut piece).map_err(|error| error::io(&error, from))?;
        if read == 0 {
            return Ok((bytes, hex::encode(digest.finalize())));
        }
        digest.update(&piece[..read]);
        sink.write_all(&piece[..read]).map_err(|error| error::io(&error, to))?;
        bytes += read as u64;
        if !goes_on(bytes) {
            return Err(Error::Cancelled {});
        }
    }
}

/// Brings the names in a folder to the disk.
///
/// # Errors
/// `NoRoom`, `Refused`.
pub(super) fn sync(folder: &Path) -> Result<(), Error> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| error::io(&error, folder))
}
