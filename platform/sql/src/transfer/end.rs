use super::mark::Mark;
use super::table::Table;
use super::{Error, House};
use crate::Value;

/// How far the copy of a table has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) table: String,
    /// The key of the last row that arrived, encoded; nothing before the first.
    pub(crate) last_key: Option<Vec<u8>>,
    /// Rows that arrived.
    pub(crate) rows: i64,
}

/// One end of a move: the data of a shop on one engine. Only a target is ever written to but for its mark.
pub(crate) trait End {
    /// The place, as a mark at the other end names it.
    fn place(&self) -> &str;

    /// Keeps nodes and other moves out, or finds that they are not there. Repeated after the mark was set, to find
    /// those that came in between.
    ///
    /// # Errors
    /// `InUse`.
    async fn hold(&mut self, houses: &[House]) -> Result<(), Error>;

    /// The mark of a move.
    async fn mark(&mut self, houses: &[House]) -> Result<Option<Mark>, Error>;

    /// Sets the mark or takes it away, for all houses at once.
    async fn set_mark(&mut self, houses: &[House], mark: Option<&Mark>) -> Result<(), Error>;

    /// The versions and checksums of the house's migrations, in order; `None` if the house has never been here.
    async fn applied(&mut self, house: &House) -> Result<Option<Vec<(u32, String)>>, Error>;

    /// Makes the house's tables.
    async fn migrate(&mut self, house: &House) -> Result<(), Error>;

    /// The house's tables but for the layer's own, in no particular order.
    async fn tables(&mut self, house: &House) -> Result<Vec<Table>, Error>;

    /// The number of rows of a table.
    async fn count(&mut self, house: &House, table: &Table) -> Result<u64, Error>;

    /// At most `limit` rows, those after the key `after`, in the order of the key.
    async fn page(
        &mut self,
        house: &House,
        table: &Table,
        after: Option<&[Value]>,
        limit: u32,
    ) -> Result<Vec<Vec<Value>>, Error>;

    /// Empties the house's tables and begins to note the progress of the move `id`, in one transaction.
    async fn prepare(&mut self, house: &House, tables: &[Table], id: &str) -> Result<(), Error>;

    /// How far the move `id` has come; `None` if this house was not prepared for it.
    async fn progress(&mut self, house: &House, id: &str) -> Result<Option<Vec<Done>>, Error>;

    /// Adds rows and notes the progress, in one transaction. Rows whose key is there stay as they are.
    async fn write(
        &mut self,
        house: &House,
        table: &Table,
        rows: &[Vec<Value>],
        done: &Done,
        id: &str,
    ) -> Result<(), Error>;

    /// Forgets the progress and leaves the house as if it had always been here.
    async fn settle(&mut self, house: &House, tables: &[Table]) -> Result<(), Error>;
}
