//! Whatever callers do at the same time, PostgreSQL and SQLite answer them the same and end up with the same.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use shoal_servers::Options as Wanted;
use shoal_sql::{Batch, Database, Error, Tx, params};
use shoal_types::Context;

use super::{SOON, database, open, sql, start, within};
use crate::pond::{self, Held, embedded, queue};

/// What a caller wants.
#[derive(Debug, Clone)]
enum Wish {
    /// A new fish; refused if there is one.
    Add {
        id: i64,
    },
    /// The same, together with what it is fed at once.
    AddAndFeed {
        id: i64,
        by: i64,
    },
    /// Food in a row of a statement that many share, and food by itself.
    Feed {
        id: i64,
        by: i64,
    },
    FeedPlainly {
        id: i64,
        by: i64,
    },
    /// Less weight, if it has as much: by a guard, by a decision after a look, by a rule of the schema.
    Slim {
        id: i64,
        by: i64,
    },
    LookAndSlim {
        id: i64,
        by: i64,
    },
    SlimUnchecked {
        id: i64,
        by: i64,
    },
    /// Food, and then a change of mind.
    GiveUp {
        id: i64,
        by: i64,
    },
}

impl Wish {
    fn fish(&self) -> i64 {
        match *self {
            Self::Add { id }
            | Self::AddAndFeed { id, .. }
            | Self::Feed { id, .. }
            | Self::FeedPlainly { id, .. }
            | Self::Slim { id, .. }
            | Self::LookAndSlim { id, .. }
            | Self::SlimUnchecked { id, .. }
            | Self::GiveUp { id, .. } => id,
        }
    }

    /// Whether another caller's wish for the same fish may come before or after it alike.
    fn is_in_any_order(&self) -> bool {
        matches!(self, Self::FeedPlainly { .. } | Self::GiveUp { .. })
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let (id, by) = (1_i64..=12, 1_i64..=9);
    (0..8, id, by).prop_map(|(kind, id, by)| match kind {
        0 => Wish::Add { id },
        1 => Wish::AddAndFeed { id, by },
        2 => Wish::Feed { id, by },
        3 => Wish::FeedPlainly { id, by },
        4 => Wish::Slim { id, by },
        5 => Wish::LookAndSlim { id, by },
        6 => Wish::SlimUnchecked { id, by },
        _ => Wish::GiveUp { id, by },
    })
}

/// Wishes made at the same time, whose answers do not hang on their order.
fn crowd() -> impl Strategy<Value = Vec<Wish>> {
    prop::collection::vec(wish(), 1..20).prop_map(|wishes| {
        let (mut first_come, mut shared) = (HashSet::new(), HashSet::new());
        let mut fits = |wish: &Wish| {
            let fish = wish.fish();
            if wish.is_in_any_order() {
                shared.insert(fish);
                return !first_come.contains(&fish);
            }
            !shared.contains(&fish) && first_come.insert(fish)
        };
        wishes.into_iter().filter(|wish| fits(wish)).collect()
    })
}

/// What the caller is told, in words that both engines share.
async fn grant(db: &Database, cx: &Context, wish: Wish) -> Result<i64, String> {
    let outcome = match wish {
        Wish::Slim { id, by } => {
            let guarded = Batch::new().guard(pond::sql::SLIM, params![id, by], 1);
            db.batch(cx, guarded).await.map(|outcome| outcome.changed.into_iter().sum::<u64>().cast_signed())
        }
        other => db.write_grouped(cx, async move |tx| serve(tx, &other).await).await,
    };
    outcome.map_err(|error| match error {
        Error::Constraint(constraint) => constraint.to_string(),
        other => other.to_string(),
    })
}

async fn serve(tx: &mut Tx, wish: &Wish) -> Result<i64, Error> {
    match *wish {
        Wish::Add { id } => add(tx, id).await,
        Wish::AddAndFeed { id, by } => Ok(add(tx, id).await? + feed(tx, id, by).await?),
        Wish::Feed { id, by } => feed(tx, id, by).await,
        Wish::FeedPlainly { id, by } => tx.execute(sql::FEED, params![id, by]).await.map(u64::cast_signed),
        Wish::LookAndSlim { id, by } => {
            let weight = tx.find::<i64>(sql::WEIGH, params![id]).await?.unwrap_or(-1);
            if weight < by {
                return Err(Error::Overloaded);
            }
            feed(tx, id, -by).await
        }
        Wish::Slim { id, by } | Wish::SlimUnchecked { id, by } => feed(tx, id, -by).await,
        Wish::GiveUp { id, by } => {
            feed(tx, id, by).await?;
            Err(Error::Busy)
        }
    }
}

async fn add(tx: &mut Tx, id: i64) -> Result<i64, Error> {
    // Of two broken rules each engine names another; so the name breaks none.
    static NAMED: AtomicU32 = AtomicU32::new(0);
    let row = [params![id, format!("fish {}", NAMED.fetch_add(1, Ordering::Relaxed)), 5]];
    tx.execute_rows(sql::ADD_ROWS, params![], &row).await.map(u64::cast_signed)
}

/// What it weighs then; -1 if there is no such fish.
async fn feed(tx: &mut Tx, id: i64, by: i64) -> Result<i64, Error> {
    let fed = tx.change_row::<(i64, i64)>(sql::FEED_ROWS, params![], params![id, by]).await?;
    Ok(fed.map_or(-1, |(_, weight)| weight))
}

/// Answers to a crowd that comes all at once.
async fn answers(db: &Database, crowd: &[Wish]) -> Vec<Result<i64, String>> {
    let cx = within(SOON);
    let held = Held::in_front_of(db).await;
    let waiting: Vec<_> = crowd.iter().map(|wish| queue(grant(db, &cx, wish.clone()))).collect();
    held.let_go().await.expect("kept");
    futures::future::join_all(waiting).await
}

async fn state(db: &Database) -> Vec<(i64, i64)> {
    let fish = db.read(&within(SOON), async |tx| tx.list::<(i64, i64)>(sql::ALL_FISH, params![]).await).await;
    fish.expect("reads")
}

#[test]
fn both_engines_answer_crowds_the_same_and_end_up_with_the_same() {
    let Some(server) = start(Wanted::default()) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (theirs, ours) = runtime.block_on(async { (open(&database(&server)).await, embedded().await) });
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(crowd(), 1..6), |crowds| {
        runtime.block_on(async {
            for db in [&theirs, &ours] {
                let cx = within(SOON);
                db.write(&cx, async |tx| tx.execute(pond::sql::REMOVE_ALL, params![]).await)
                    .await
                    .expect("an empty pond");
            }
            for crowd in &crowds {
                prop_assert_eq!(answers(&theirs, crowd).await, answers(&ours, crowd).await, "{:?}", crowd);
                prop_assert_eq!(state(&theirs).await, state(&ours).await);
            }
            Ok(())
        })
    });
    outcome.expect("they are the same");
    let counters = theirs.counters();
    assert!(counters.commits < counters.writes / 2, "they came in groups: {counters:?}");
}
