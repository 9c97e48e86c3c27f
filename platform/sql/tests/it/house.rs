//! A house as houses are written: an error enum of its own, store functions on a transaction, futures that move
//! between threads.

use shoal_sql::{Batch, Database, Error as SqlError, ReadTx, Tx, params};
use shoal_types::{Context, Fault};

use crate::pond::{context, pond, sql};

shoal_types::errors! {
    /// What can go wrong among fish.
    pub enum Error {
        /// The name is taken.
        NameTaken { name: String } => (Conflict, "name_taken", "{name} lives here already"),
        /// The fish would weigh less than nothing.
        TooLight {} => (Conflict, "too_light", "the fish is too light"),
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        Fault::from(error).into()
    }
}

#[derive(Clone)]
struct Ponds {
    db: Database,
}

impl Ponds {
    async fn add(&self, cx: &Context, id: i64, name: &str) -> Result<i64, Error> {
        let name = name.to_owned();
        self.db
            .write(cx, async move |tx| {
                insert(tx, id, &name).await?;
                tx.wake();
                weight(tx, id).await
            })
            .await
    }

    async fn slim(&self, cx: &Context, id: i64, by: i64) -> Result<(), Error> {
        let batch = Batch::new().guard(sql::SLIM, params![id, by], 1);
        match self.db.batch(cx, batch).await {
            Ok(_) => Ok(()),
            Err(SqlError::GuardFailed { .. }) => Err(Error::TooLight {}),
            Err(error) => Err(error.into()),
        }
    }

    async fn weight(&self, cx: &Context, id: i64) -> Result<i64, Error> {
        self.db.read(cx, async move |tx| weight(tx, id).await).await
    }
}

async fn insert(tx: &mut Tx, id: i64, name: &str) -> Result<(), Error> {
    match tx.execute(sql::ADD, params![id, name, 100]).await {
        Err(error) if error.is_unique("fish.name") => Err(Error::NameTaken { name: name.to_owned() }),
        other => other.map(|_| ()).map_err(Error::from),
    }
}

async fn weight(tx: &mut ReadTx, id: i64) -> Result<i64, Error> {
    let fish = tx.find::<(String, i64)>(sql::FIND, params![id]).await?;
    Ok(fish.map_or(0, |(_, weight)| weight))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_keeps_its_own_errors() {
    let (ponds, cx) = (Ponds { db: pond().await }, context());
    let story = tokio::spawn(async move {
        assert_eq!(ponds.add(&cx, 1, "carp").await, Ok(100));
        assert_eq!(ponds.add(&cx, 2, "carp").await, Err(Error::NameTaken { name: "carp".to_owned() }));
        assert_eq!(ponds.slim(&cx, 1, 101).await, Err(Error::TooLight {}));
        assert_eq!(ponds.slim(&cx, 1, 40).await, Ok(()));
        assert_eq!(ponds.weight(&cx, 1).await, Ok(60));
    });
    story.await.expect("no panic");
}
