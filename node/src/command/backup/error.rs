use std::io;
use std::path::Path;

shoal_types::errors! {
    /// Why a backup or restore was not done.
    pub(crate) enum Error {
        /// `shoal backup` and `shoal restore` are for data in a directory. PostgreSQL has tools of its own, which know how
        /// to restore any instant; docs/operations.md says how. `shoal export --all` gives a logical copy of either.
        NotEmbedded { data: String } => (Invalid, "backup_not_embedded",
            "{data} is no directory: back PostgreSQL up with its own tools, see docs/operations.md"),
        /// There is no file of a shop in the directory. Name the directory that `shoal serve` has as `--data`; that of
        /// `shoal demo` is `data/demo` if nothing else was said.
        NoData { data: String } => (NotFound, "no_data", "there is no data of a shop in {data}"),
        /// Something is there already under the name of the backup or export. Choose another name: nothing is
        /// overwritten.
        Exists { path: String } => (Conflict, "backup_exists", "{path} is there already, and nothing is overwritten"),
        /// Another process is making a backup or export of the same name. Wait for it, or choose another name.
        UnderWay { path: String } => (Conflict, "backup_under_way", "another process is writing {path}"),
        /// A transaction on the data took so long that no instant could be fixed. Nothing was written. Look for a program
        /// that has a file of the data open, such as `sqlite3` within a transaction, or try again when imports are over.
        DataBusy { data: String } => (Unavailable, "data_busy", "a write on {data} did not end for seconds"),
        /// The folder is no backup: `manifest.json` is missing or cannot be read. A backup that was cut short has a name
        /// that ends in `.part`, and is of no use.
        NoBackup { path: String, reason: String } => (NotFound, "no_backup", "{path} is no backup: {reason}"),
        /// A file of the backup is not as it was written: its medium is failing, or somebody changed it. Nothing was
        /// restored. Take another backup.
        Damaged { path: String, reason: String } => (Invalid, "backup_damaged", "the backup is damaged: {path} {reason}"),
        /// The backup was made by a newer Shoal, and this one does not know all of it. Restore it with that version.
        Newer { path: String, reason: String } => (Conflict, "backup_too_new",
            "{path} is of a newer Shoal: {reason}"),
        /// The directory holds data already. Restore into another one, or say `--replace`: what is there is then moved
        /// into a folder of the directory, and not removed.
        DataExists { data: String } => (Conflict, "data_exists",
            "{data} holds data already; --replace moves it aside"),
        /// The disk is full. Nothing was made, and nothing of what was there is changed.
        NoRoom { detail: String } => (Full, "no_room", "there is no room left: {detail}"),
        /// The operating system does not let this file or folder be read or written. Nothing was made, and nothing of what
        /// was there is changed. The message has its reason.
        Refused { detail: String } => (Unavailable, "file_refused", "{detail}"),
        /// It was told to end early, by Ctrl-C. Nothing was made, and nothing of what was there is changed.
        Cancelled {} => (Unavailable, "ended_early", "ended early; nothing was made"),
    }
}

/// What became of a file or folder that was read or written.
pub(super) fn io(error: &io::Error, path: &Path) -> Error {
    let detail = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoRoom { detail },
        _ => Error::Refused { detail },
    }
}

/// What an error of the data at `path` means here; some have pages of their own.
pub(super) fn of(error: shoal_sql::Error, path: &Path) -> anyhow::Error {
    let shown = path.display().to_string();
    // The system's errors name the file, the engine's do not.
    let named = |text: String| if text.contains(&shown) { text } else { format!("{shown}: {text}") };
    match error {
        shoal_sql::Error::Busy => Error::DataBusy { data: shown }.into(),
        shoal_sql::Error::Full { detail } => Error::NoRoom { detail: named(detail) }.into(),
        shoal_sql::Error::ReadOnly { detail } => Error::Refused { detail: named(detail) }.into(),
        shoal_sql::Error::Closed => Error::Cancelled {}.into(),
        other if other.to_string().contains(&shown) => other.into(),
        other => anyhow::Error::new(other).context(shown),
    }
}
