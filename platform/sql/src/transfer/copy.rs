use super::encoding::{decode, encode, size};
use super::end::{Done, End};
use super::passage::{Cargo, Tell};
use super::table::Table;
use super::{Error, House, Phase, Progress};
use crate::Value;

/// The most rows of a page.
const ROWS_MAX: u32 = 2_000;
/// What the rows of a page may take, about: the next page is sized by the one before.
const PAGE_BYTES: usize = 4 << 20;
/// The first page of a table, whose rows may be large.
const ROWS_FIRST: u32 = 100;

/// The rows of a table, a page at a time.
pub(super) struct Pages {
    after: Option<Vec<Value>>,
    limit: u32,
    last: bool,
}

impl Pages {
    /// Those after this key, or all.
    pub(super) fn after(key: Option<Vec<Value>>) -> Self {
        Self { after: key, limit: ROWS_FIRST, last: false }
    }

    /// The next page; nothing after the last.
    pub(super) async fn next<E: End>(
        &mut self,
        end: &mut E,
        house: &House,
        table: &Table,
    ) -> Result<Option<Vec<Vec<Value>>>, Error> {
        if self.last {
            return Ok(None);
        }
        let rows = end.page(house, table, self.after.as_deref(), self.limit).await?;
        self.last = rows.len() < self.limit as usize;
        let Some(end) = rows.last() else { return Ok(None) };
        self.after = Some(table.key.iter().map(|index| end[*index].clone()).collect());
        self.limit = limit_after(&rows);
        Ok(Some(rows))
    }

    /// The key of the last row of the last page, encoded.
    fn encoded_key(&self) -> Option<Vec<u8>> {
        self.after.as_ref().map(|key| {
            let mut bytes = Vec::new();
            encode(key, &mut bytes);
            bytes
        })
    }
}

/// How many rows the page after these may have.
fn limit_after(rows: &[Vec<Value>]) -> u32 {
    let bytes: usize = rows.iter().flatten().map(size).sum();
    let fitting = PAGE_BYTES * rows.len() / bytes.max(1);
    u32::try_from(fitting).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
}

/// Copies what has not arrived yet.
pub(super) async fn copy<F: End, T: End>(
    from: &mut F,
    to: &mut T,
    cargo: &Cargo,
    id: &str,
    tell: &mut Tell<'_>,
) -> Result<(), Error> {
    let mut rows_total = 0;
    for (house, tables) in cargo {
        for table in tables {
            rows_total += from.count(house, table).await?;
        }
    }
    let mut rows = 0;
    for (house, tables) in cargo {
        let progress = to.progress(house, id).await?.unwrap_or_default();
        for table in tables {
            let done = progress.iter().find(|done| done.table == table.name).cloned();
            let nothing = Done { table: table.name.clone(), last_key: None, rows: 0 };
            let mut done = done.unwrap_or(nothing);
            rows += done.rows.unsigned_abs();
            let mut pages = Pages::after(done.last_key.as_deref().map(read_key).transpose()?);
            while let Some(page) = pages.next(from, house, table).await? {
                done.rows += page.len() as i64;
                done.last_key = pages.encoded_key();
                to.write(house, table, &page, &done, id).await?;
                rows += page.len() as u64;
                let (house, table) = (house.name, table.name.clone());
                tell(&Progress { phase: Phase::Copying, house, table, rows, rows_total });
            }
        }
    }
    Ok(())
}

fn read_key(bytes: &[u8]) -> Result<Vec<Value>, crate::Error> {
    let detail = || "the progress of a move cannot be read".to_owned();
    decode(bytes).ok_or_else(|| crate::Error::Corrupt { detail: detail() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_large_rows_are_short() {
        let rows = |size: usize| vec![vec![Value::Text("x".repeat(size))]; 10];
        assert_eq!(limit_after(&rows(1)), ROWS_MAX);
        assert_eq!(limit_after(&rows(1 << 20)), 3);
        assert_eq!(limit_after(&rows(PAGE_BYTES * 2)), 1);
    }
}
