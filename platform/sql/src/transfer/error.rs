use super::Compared;

/// Why a move could not be made. Unless it says otherwise, the data stands where it stood.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the database answers, or that it was moved before.
    #[error(transparent)]
    Database(#[from] crate::Error),
    /// A node, or another move, has the data open.
    #[error("{place} is in use: {by}; end that first")]
    InUse {
        /// The data.
        place: String,
        /// By whom.
        by: String,
    },
    /// There is nothing to move.
    #[error("{place} holds no data of a shop")]
    Nothing {
        /// The place.
        place: String,
    },
    /// Both places are one.
    #[error("{place} cannot be moved to itself")]
    SamePlace {
        /// The place.
        place: String,
    },
    /// The data is older than this program.
    #[error(
        "the data of {house} in {place} has an older schema than this program: run `shoal migrate` on it first"
    )]
    Behind {
        /// The house.
        house: &'static str,
        /// Where.
        place: String,
    },
    /// The target holds data of another shop, or of this one.
    #[error("{place} is not empty: {house} has rows in {table} that are not of this move")]
    NotEmpty {
        /// The target.
        place: String,
        /// The house.
        house: &'static str,
        /// The first table with rows in it.
        table: String,
    },
    /// No move has left its sign there.
    #[error("no move has begun or ended in {place}: there is nothing to undo")]
    NotMoved {
        /// The place.
        place: String,
    },
    /// The tables are not such as can be copied, or not the same on both sides.
    #[error("the tables cannot be copied: {0}")]
    Shape(String),
    /// A value that its column should not hold, or that the target cannot.
    #[error("{table}.{column} holds {found}, in the row with the key {key}")]
    Unfit {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is there.
        found: String,
        /// The row's primary key.
        key: String,
    },
    /// What arrived is not what was sent. The source may be served again; the target may not.
    #[error("the copy differs from the original: the shop stays where it was")]
    Differs(
        /// Every table.
        Vec<Compared>,
    ),
}
