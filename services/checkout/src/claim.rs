//! Which saga a buyer's key stands for: the first one, unless it failed for a reason that may pass.

use shoal_sql::Tx;
use shoal_types::{Fact, Fault};

use crate::saga::Stage;
use crate::store::{self, Kind, NewSaga, Saga};

/// How the write of a new saga went.
pub(crate) enum Begun {
    /// It has its claim.
    Here(Box<Saga>),
    /// Its key has another one.
    Before(Box<Saga>),
}

/// Writes the saga under its claim, unless a saga has it whose answer stands.
pub(crate) async fn take_claim(tx: &mut Tx, new: &NewSaga) -> Result<Begun, Fault> {
    let mut attempt = 0;
    loop {
        if store::insert(tx, new, attempt).await? {
            return Ok(Begun::Here(Box::new(new.as_saga(attempt))));
        }
        let last = store::find_last_attempt(tx, new).await?.ok_or(Fault::Internal {})?;
        // Written by a commit whose answer was lost.
        if last.id == new.id {
            return Ok(Begun::Here(Box::new(last)));
        }
        if !frees_key(&last)? {
            return Ok(Begun::Before(Box::new(last)));
        }
        attempt = last.place.attempt + 1;
    }
}

/// Whether the saga's key may begin another: it failed, and what was refused may be allowed later.
fn frees_key(saga: &Saga) -> Result<bool, Fault> {
    // Only a saga that has ended has such a stage, but one under way need not be read.
    if !saga.done {
        return Ok(false);
    }
    Ok(match saga.stage()? {
        Stage::Failed { error } => error.kind().retry_may_help() || saga.kind == Kind::Cancellation,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use shoal_contract::checkout::{CheckoutId, Error};
    use shoal_sql::Database;
    use shoal_types::{Context, Env};

    use super::*;
    use crate::store::{Key, MIGRATIONS};

    const RACING: usize = 32;

    struct House {
        env: Env,
        cx: Context,
        db: Database,
    }

    impl House {
        async fn open() -> Self {
            let env = Env::system();
            let db = Database::temporary("checkout", MIGRATIONS, &env).await.expect("it opens");
            Self { cx: Context::system(&env, Duration::from_secs(30)), env, db }
        }

        /// A purchase under a key, or under none.
        fn purchase(&self, key: Option<u8>) -> NewSaga {
            let key = key.map(|key| Key { hash: [key; 32], fingerprint: [0; 32] });
            let (owner, at) = (self.env.id::<shoal_types::User>().uuid(), self.env.now());
            let stage = store::text(&Stage::Reserving).expect("it is JSON");
            NewSaga {
                id: self.env.id(),
                kind: Kind::Purchase,
                key,
                owner,
                wake_at: at,
                input: "{}".into(),
                stage,
                at,
            }
        }

        /// Begins it; its saga, and whether that is its own.
        async fn begin(&self, new: NewSaga) -> (Saga, bool) {
            let body = async move |tx: &mut Tx| take_claim(tx, &new).await;
            match self.db.write(&self.cx, body).await.expect("it is written") {
                Begun::Here(saga) => (*saga, true),
                Begun::Before(saga) => (*saga, false),
            }
        }

        /// As many at once; the saga that all have found, which one of them has begun.
        async fn race(&self, key: u8) -> Saga {
            let begun = join_all((0..RACING).map(|_| self.begin(self.purchase(Some(key))))).await;
            let own: Vec<&Saga> = begun.iter().filter(|(_, own)| *own).map(|(saga, _)| saga).collect();
            assert_eq!(own.len(), 1, "one of them has the key");
            assert!(begun.iter().all(|(saga, _)| saga.id == own[0].id), "and the others find it");
            own[0].clone()
        }

        async fn fail(&self, saga: &Saga, error: Error) {
            let (handle, now) = (saga.handle(), self.env.now());
            let stage = store::text(&Stage::Failed { error }).expect("it is JSON");
            let body = async move |tx: &mut Tx| store::finish(tx, handle, &stage, now).await;
            assert!(self.db.write(&self.cx, body).await.expect("it is written"), "it was under way");
        }
    }

    #[tokio::test]
    async fn of_many_with_one_key_one_begins_and_the_others_find_it() {
        let house = House::open().await;
        let (first, second) = (house.race(1).await, house.race(2).await);
        assert_ne!(first.id, second.id);
        assert_eq!((first.place.attempt, second.place.attempt), (0, 0));
    }

    #[tokio::test]
    async fn a_key_that_is_free_again_is_raced_for_again() {
        let house = House::open().await;
        let mut ids: Vec<CheckoutId> = Vec::new();
        for attempt in 0..4 {
            let saga = house.race(1).await;
            assert_eq!(saga.place.attempt, attempt);
            assert!(!ids.contains(&saga.id), "each attempt is a saga of its own");
            ids.push(saga.id);
            house.fail(&saga, Error::PaymentUnavailable {}).await;
        }
    }

    #[tokio::test]
    async fn a_refusal_for_good_keeps_its_key() {
        let house = House::open().await;
        let saga = house.race(1).await;
        house.fail(&saga, Error::UnknownCheckout {}).await;
        let (found, own) = house.begin(house.purchase(Some(1))).await;
        assert_eq!((found.id, own), (saga.id, false));
    }

    #[tokio::test]
    async fn the_same_write_twice_is_one_saga() {
        let house = House::open().await;
        let new = house.purchase(Some(1));
        let (first, again) = (house.begin(new.clone()).await, house.begin(new).await);
        assert!(first.1 && again.1, "a commit whose answer was lost is found to be its own");
        assert_eq!(first.0.place, again.0.place);
    }

    #[tokio::test]
    async fn sagas_without_a_key_do_not_meet() {
        let house = House::open().await;
        let (one, two) = (house.begin(house.purchase(None)).await, house.begin(house.purchase(None)).await);
        assert!(one.1 && two.1 && one.0.place.claim != two.0.place.claim);
    }
}
