use serde::Serialize;
use shoal_sql::transfer::{Compared, Digest};

use crate::output;

/// Digits of a checksum that are shown to people.
const DIGITS: usize = 16;

/// What was compared, for standard output.
pub(super) struct Report(Vec<Row>);

/// A table on both sides.
#[derive(Serialize)]
struct Row {
    house: &'static str,
    table: String,
    from: Side,
    to: Side,
    same: bool,
}

#[derive(Serialize)]
struct Side {
    rows: u64,
    checksum: String,
}

impl From<Digest> for Side {
    fn from(digest: Digest) -> Self {
        Self { rows: digest.rows, checksum: digest.checksum() }
    }
}

impl Report {
    pub(super) fn new(compared: Vec<Compared>) -> Self {
        let row = |it: Compared| Row {
            same: it.is_same(),
            house: it.house,
            table: it.table,
            from: it.from.into(),
            to: it.to.into(),
        };
        Self(compared.into_iter().map(row).collect())
    }

    pub(super) fn print(&self, json: bool) -> std::io::Result<()> {
        if self.0.is_empty() && !json {
            return Ok(());
        }
        let head = ["HOUSE", "TABLE", "ROWS", "CHECKSUM", "ARRIVED", "CHECKSUM", ""];
        output::table(json, head, &self.0, |row| {
            let start = |side: &Side| side.checksum[..DIGITS].to_owned();
            let verdict = if row.same { "same" } else { "DIFFERS" };
            [
                row.house.to_owned(),
                row.table.clone(),
                row.from.rows.to_string(),
                start(&row.from),
                row.to.rows.to_string(),
                start(&row.to),
                verdict.to_owned(),
            ]
        })
    }

    /// `1234 rows in 5 tables`
    pub(super) fn total(&self) -> String {
        let rows: u64 = self.0.iter().map(|row| row.from.rows).sum();
        format!("{rows} rows in {} tables", self.0.len())
    }

    /// `orders.carts, users.users`
    pub(super) fn differing(&self) -> String {
        let names = self.0.iter().filter(|row| !row.same).map(|row| format!("{}.{}", row.house, row.table));
        names.collect::<Vec<_>>().join(", ")
    }
}
