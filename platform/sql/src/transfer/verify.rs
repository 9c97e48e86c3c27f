use super::copy::Pages;
use super::encoding::Digest;
use super::end::End;
use super::passage::{Cargo, Tell};
use super::table::Table;
use super::{Compared, Error, House, Phase, Progress};

/// Reads every table on both sides.
pub(super) async fn verify<F: End, T: End>(
    from: &mut F,
    to: &mut T,
    cargo: &Cargo,
    tell: &mut Tell<'_>,
) -> Result<Vec<Compared>, Error> {
    let mut rows_total = 0;
    for (house, tables) in cargo {
        for table in tables {
            rows_total += from.count(house, table).await? + to.count(house, table).await?;
        }
    }
    let mut rows = 0;
    let mut compared = Vec::new();
    for (house, tables) in cargo {
        for table in tables {
            let mut seen = |more| {
                rows += more;
                let (house, table) = (house.name, table.name.clone());
                tell(&Progress { phase: Phase::Verifying, house, table, rows, rows_total });
            };
            let from = digest(from, house, table, &mut seen).await?;
            let to = digest(to, house, table, &mut seen).await?;
            compared.push(Compared { house: house.name, table: table.name.clone(), from, to });
        }
    }
    Ok(compared)
}

/// The digest of a whole table; `seen` is told of the rows of each page.
pub(super) async fn digest<E: End>(
    end: &mut E,
    house: &House,
    table: &Table,
    mut seen: impl FnMut(u64),
) -> Result<Digest, Error> {
    let mut digest = Digest::default();
    let mut pages = Pages::after(None);
    while let Some(rows) = pages.next(end, house, table).await? {
        rows.iter().for_each(|row| digest.add(row));
        seen(rows.len() as u64);
    }
    Ok(digest)
}
