use shoal_types::Env;

use super::encoding::Digest;
use super::end::End;
use super::table::Table;
use super::verify::digest;
use super::{Error, House};
use crate::migration::pending;
use crate::sqlite::Files;

/// Passes if the houses are not in the target, or hold nothing but what their migrations put there.
pub(super) async fn refuse_unless_fresh<T: End>(
    to: &mut T,
    houses: &[House],
    env: &Env,
) -> Result<(), Error> {
    for house in houses {
        let applied = to.applied(house).await?.unwrap_or_default();
        pending(house.name, house.migrations, &applied)?;
        // The same migrations on a database of their own show what they leave.
        let history = House { migrations: &house.migrations[..applied.len()], ..*house };
        let mut newborn = Files::in_memory(&history, env)?;
        let born_with = newborn.tables(&history).await?;
        for table in to.tables(house).await? {
            let expected = match born_with.iter().find(|born| born.name == table.name) {
                Some(born) => digest(&mut newborn, &history, born, |_| {}).await?,
                None => Digest::default(),
            };
            if !holds_only(to, house, &table, expected).await? {
                let place = to.place().to_owned();
                return Err(Error::NotEmpty { place, house: house.name, table: table.name });
            }
        }
    }
    Ok(())
}

/// Whether the table holds these few rows. No more of it is read than that takes.
async fn holds_only<T: End>(
    to: &mut T,
    house: &House,
    table: &Table,
    expected: Digest,
) -> Result<bool, Error> {
    let limit = u32::try_from(expected.rows).unwrap_or(u32::MAX).saturating_add(1);
    let mut found = Digest::default();
    to.page(house, table, None, limit).await?.iter().for_each(|row| found.add(row));
    Ok(found == expected)
}
