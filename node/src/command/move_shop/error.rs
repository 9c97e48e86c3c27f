use shoal_sql::transfer;

shoal_types::errors! {
    /// Why a shop was not moved.
    pub(crate) enum Error {
        /// A node serves the data, or another move is at work on it; the message says where that was seen. Stop the node,
        /// in good order, and run the move again. On PostgreSQL, a connection that a lost machine has left behind is
        /// ended with `select pg_terminate_backend(PROCESS)`. Nothing was moved.
        InUse { detail: String } => (Conflict, "move_in_use", "{detail}"),
        /// The place that the move is to begin in has no file, or no schema, of a shop. Name the directory or URL that
        /// `shoal serve` has as `--data`. Nothing was written.
        Nothing { detail: String } => (NotFound, "move_nothing", "{detail}"),
        /// Both places are the same. Nothing was written.
        SamePlace { detail: String } => (Invalid, "move_same_place", "{detail}"),
        /// The data was last served by an older Shoal. Both sides of a move have the schema of this version: run
        /// `shoal migrate --data PLACE` first. Nothing was written.
        Behind { detail: String } => (Conflict, "move_behind", "{detail}"),
        /// The target holds data of another shop, or of this one after it was served there. A move only fills an empty
        /// place: name another directory or database. Nothing was written.
        NotEmpty { detail: String } => (Conflict, "move_not_empty", "{detail}"),
        /// There is no mark of a move in this place, so that it is served without further ado. Nothing was changed.
        NotMoved { detail: String } => (NotFound, "move_not_begun", "{detail}"),
        /// The tables of both sides are not the same, or not such as can be copied: somebody added one, or changed one,
        /// by hand. Nothing is lost by leaving it out only if you say so: remove it, then run the move again. Or give the
        /// move up with `shoal move --undo PLACE`.
        Shape { detail: String } => (Conflict, "move_tables", "{detail}"),
        /// A row holds something that its column should not hold, or that the target cannot keep. Somebody wrote it by
        /// hand: the API takes no such values. Give the move up with `shoal move --undo PLACE`, correct the row, and run
        /// the move again.
        Unfit { detail: String } => (Invalid, "move_value", "{detail}"),
        /// After everything was copied, tables were not the same on both sides: something else wrote to one of them, or a
        /// disk or a program is faulty. The shop stays where it was and may be served there; what was copied may not. Run
        /// the move again: it begins anew. If it ends like this again, please report it with the table that was printed.
        Differs { tables: String } => (Internal, "move_differs",
            "the copy differs from the original in {tables}: the shop stays where it was"),
    }
}

/// What an error of the move means here; those of a database have pages of their own.
pub(super) fn of(error: transfer::Error) -> anyhow::Error {
    let detail = error.to_string();
    match error {
        transfer::Error::Database(error) => of_database(error),
        transfer::Error::InUse { .. } => Error::InUse { detail }.into(),
        transfer::Error::Nothing { .. } => Error::Nothing { detail }.into(),
        transfer::Error::SamePlace { .. } => Error::SamePlace { detail }.into(),
        transfer::Error::Behind { .. } => Error::Behind { detail }.into(),
        transfer::Error::NotEmpty { .. } => Error::NotEmpty { detail }.into(),
        transfer::Error::NotMoved { .. } => Error::NotMoved { detail }.into(),
        transfer::Error::Shape(_) => Error::Shape { detail }.into(),
        transfer::Error::Unfit { .. } => Error::Unfit { detail }.into(),
        transfer::Error::Differs(_) => Error::Differs { tables: detail }.into(),
    }
}

fn of_database(error: shoal_sql::Error) -> anyhow::Error {
    use shoal_sql::Error::{Busy, Full, OutcomeUnknown, Unavailable};
    let passes = matches!(error, Unavailable { .. } | OutcomeUnknown | Full { .. } | Busy);
    let error = anyhow::Error::new(error);
    if passes { error.context("the move has not ended; run it again to go on") } else { error }
}
