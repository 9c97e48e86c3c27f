//! Sagas from before they were kept under their claims.

use shoal_contract::checkout::CheckoutId;
use shoal_sql::{Error, FromRow, Row, Tx, Value, params};
use shoal_types::Timestamp;
use uuid::Uuid;

use super::{claim_of, sql};

/// A row as it was kept, with its new place before it.
struct Earlier {
    id: CheckoutId,
    row: [Value; 14],
}

impl FromRow for Earlier {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let id: CheckoutId = row.get(0)?;
        let key: Option<[u8; 32]> = row.get(2)?;
        let row = params![
            // One whose key is free again, or that never had one, stands for itself.
            key.as_ref().map_or(id.uuid(), claim_of),
            0_i64,
            id,
            row.get::<String>(1)?,
            row.get::<Option<Vec<u8>>>(3)?,
            row.get::<Uuid>(4)?,
            row.get::<i64>(5)?,
            row.get::<Timestamp>(6)?,
            row.get::<bool>(7)?,
            row.get::<String>(8)?,
            row.get::<Option<String>>(9)?,
            row.get::<String>(10)?,
            row.get::<Timestamp>(11)?,
            row.get::<Timestamp>(12)?,
        ];
        Ok(Self { id, row })
    }
}

/// Keeps at most `limit` earlier sagas under their claims; how many there were.
pub(crate) async fn carry_over(tx: &mut Tx, limit: i64) -> Result<usize, Error> {
    let earlier: Vec<Earlier> = tx.list(sql::LIST_EARLIER_SAGAS, params![limit]).await?;
    let (ids, rows): (Vec<_>, Vec<_>) = earlier.into_iter().map(|each| (params![each.id], each.row)).unzip();
    tx.execute_rows(sql::KEEP_SAGAS, params![], &rows).await?;
    tx.execute_rows(sql::REMOVE_EARLIER_SAGAS, params![], &ids).await?;
    Ok(rows.len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shoal_sql::testing::Place;
    use shoal_sql::{Database, Migration, statements};
    use shoal_types::{Context, Env};

    use super::*;
    use crate::store::{self, Kind, MIGRATIONS, Saga};

    /// The schema of the version before.
    static BEFORE: &[Migration] = MIGRATIONS.split_at(2).0;

    statements! {
        mod old {
            INSERT = "insert into sagas (saga_id, kind, key_hash, fingerprint, owner, epoch, wake_at, done, input,
                stage, created_at, updated_at) values ($1, $2, $3, $4, $5, 3, 8, $6, '{}', '\"reserving\"', 7, 9)";
            LEFT = "select count(*) from earlier_sagas";
        }
    }

    async fn insert(db: &Database, cx: &Context, id: CheckoutId, kind: Kind, key: Option<[u8; 32]>) {
        let fingerprint = key.map(|_| vec![5_u8; 32]);
        let done = kind == Kind::Refund;
        let row = params![id, kind.as_str(), key.map(Vec::from), fingerprint, id.uuid(), done];
        db.write(cx, async move |tx: &mut Tx| tx.execute(old::INSERT, &row).await).await.expect("inserted");
    }

    async fn carry(db: &Database, cx: &Context) -> usize {
        db.write(cx, async |tx: &mut Tx| carry_over(tx, 2).await).await.expect("carried over")
    }

    #[tokio::test]
    async fn earlier_sagas_are_kept_under_their_keys() {
        let env = Env::system();
        let cx = Context::system(&env, Duration::from_secs(30));
        let place = Place::migrated(&[], &env).await.expect("a place");
        let ids: [CheckoutId; 3] = [env.id(), env.id(), env.id()];
        let key = [200_u8; 32];
        let before = Database::open(place.options("checkout", BEFORE, &env)).await.expect("it opens");
        insert(&before, &cx, ids[0], Kind::Purchase, Some(key)).await;
        insert(&before, &cx, ids[1], Kind::Purchase, None).await;
        insert(&before, &cx, ids[2], Kind::Refund, None).await;
        before.close().await;

        let db = Database::open(place.options("checkout", MIGRATIONS, &env)).await.expect("it is migrated");
        assert_eq!([carry(&db, &cx).await, carry(&db, &cx).await, carry(&db, &cx).await], [2, 1, 0]);
        let left = db.read(&cx, async |tx| tx.find::<i64>(old::LEFT, params![]).await).await;
        assert_eq!(left.expect("counted"), Some(0));
        for (id, claim, kind) in [
            (ids[0], claim_of(&key), Kind::Purchase),
            (ids[1], ids[1].uuid(), Kind::Purchase),
            (ids[2], ids[2].uuid(), Kind::Refund),
        ] {
            let found = db.read(&cx, async move |tx| store::find(tx, id).await).await.expect("read");
            let saga: Saga = found.expect("it is there");
            assert_eq!((saga.place, saga.kind), (store::Place { claim, attempt: 0 }, kind));
            assert_eq!((saga.epoch, saga.done, saga.created_at.as_micros()), (3, kind == Kind::Refund, 7));
        }
        db.close().await;
    }
}
