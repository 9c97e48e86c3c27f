//! What is asked at the same time is done together, and everybody gets the answer they would have got alone.
//!
//! On one thread, all that is joined has been asked for before the first round begins.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, select_all};
use futures::{FutureExt, StreamExt, stream};
use shoal_contract::products::{
    Error, Products as _, Reservation, ReservationKey, ReservationRef, ReservationState, Reserve,
    StockChange, StockLine, VariantId,
};
use shoal_products::Products;
use shoal_sql::Counters;
use shoal_types::{Fault, Timestamp};

use crate::shop::{Shop, line};

fn counters(shop: &Shop) -> Counters {
    shop.products.database().counters()
}

fn keys(shop: &Shop, count: usize) -> Vec<ReservationKey> {
    (0..count).map(|_| shop.key()).collect()
}

fn too_low(sku: &str, requested: i64, available: i64) -> Result<Reservation, Error> {
    Err(Error::StockTooLow { sku: sku.to_owned(), requested, available })
}

#[tokio::test]
async fn two_hundred_asks_for_a_hundred_pieces_hold_a_hundred() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 100).await;
    let lines = [(&*mug, 1)];
    let answers = join_all(keys(&shop, 200).into_iter().map(|key| shop.reserve(key, &lines))).await;
    // In order of arrival.
    assert!(answers[..100].iter().all(Result::is_ok));
    assert!(answers[100..].iter().all(|lost| *lost == too_low("MUG", 1, 0)));
    assert_eq!(shop.counts("MUG").await, (100, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tasks_for_a_hundred_pieces_hold_a_hundred() {
    let shop = Arc::new(Shop::open().await);
    let mug = shop.mug("mug", 100).await;
    let tasks = (0..200).map(|_| {
        let (shop, mug) = (Arc::clone(&shop), Arc::clone(&mug));
        tokio::spawn(async move { shop.reserve(shop.key(), &[(&mug, 1)]).await })
    });
    let answers = join_all(tasks).await.into_iter().map(|answer| answer.expect("no panic"));
    let (held, lost): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
    assert_eq!((held.len(), lost.len()), (100, 100));
    assert!(lost.iter().all(|lost| *lost == too_low("MUG", 1, 0)));
    assert_eq!(shop.counts("MUG").await, (100, 100));
}

#[tokio::test]
async fn a_round_costs_what_one_request_costs() {
    let shop = Shop::open().await;
    let goods = join_all(["cup", "mug", "pot"].map(|slug| shop.mug(slug, 1_000))).await;
    for count in [1, 2, 50, 200] {
        let keys = keys(&shop, 2 * count);
        let lines = |number: usize| [(&*goods[number % 3], 1), (&*goods[(number + 1) % 3], 1)];
        let start = counters(&shop);
        let held = join_all(keys.iter().enumerate().map(async |(number, key)| {
            let lines = lines(number);
            shop.reserve(*key, &lines[..1 + number % 2]).await
        }));
        assert!(held.await.iter().all(Result::is_ok));
        let held = counters(&shop);
        let sold = join_all(keys[..count].iter().map(|key| shop.confirm(*key))).await;
        let sold_at = counters(&shop);
        let back = join_all(keys[count..].iter().map(|key| shop.release(*key))).await;
        let end = counters(&shop);
        assert!(sold.iter().chain(&back).all(Result::is_ok));
        let rounds = |count: usize| u64::try_from(count.div_ceil(256)).expect("few");
        let cost = |before: Counters, after: Counters| {
            (after.statements - before.statements, after.writes - before.writes)
        };
        assert_eq!(cost(start, held), (2 * rounds(2 * count), rounds(2 * count)), "{count}");
        assert_eq!(cost(held, sold_at), (2, 1), "{count}");
        assert_eq!(cost(sold_at, end), (2, 1), "{count}");
        for sku in ["CUP", "MUG", "POT"] {
            assert_eq!(shop.counts(sku).await.1, 0, "{sku}");
        }
    }
}

#[tokio::test]
async fn each_of_a_mixed_round_gets_its_own_answer() {
    let shop = Shop::open().await;
    let (cup, mug) = (shop.mug("cup", 5).await, shop.mug("mug", 3).await);
    let (old, gone) = (shop.key(), shop.key());
    let first = shop.reserve(old, &[(&cup, 1)]).await.expect("held");
    shop.release(gone).await.expect("remembered");
    let twice = shop.key();
    let unknown = VariantId::from_digest([3; 16]);
    let absent = StockLine { variant: unknown, quantity: 1 };
    let asked: Vec<(ReservationKey, Vec<StockLine>)> = vec![
        (twice, vec![line(&cup, 2)]),
        (shop.key(), vec![line(&cup, 1), absent]),
        (shop.key(), vec![line(&cup, 1), line(&mug, 4)]),
        (twice, vec![line(&mug, 1)]),
        (old, vec![line(&mug, 3)]),
        (gone, vec![line(&cup, 1)]),
        (shop.key(), vec![line(&mug, 3)]),
        (shop.key(), vec![line(&cup, 3)]),
        (shop.key(), vec![line(&cup, 2)]),
    ];
    let answers = join_all(asked.iter().map(|(key, lines)| shop.reserve_lines(*key, lines.clone()))).await;
    let held = |place: usize| {
        let (key, lines) = asked[place].clone();
        let expires_at = first.expires_at;
        Ok(Reservation { key, state: ReservationState::Held, lines, expires_at })
    };
    assert_eq!(
        answers,
        [
            held(0),
            Err(Error::UnknownSku { sku: unknown.to_string() }),
            too_low("MUG", 4, 3),
            held(0),
            Ok(first.clone()),
            Err(Error::ReservationGone {}),
            held(6),
            too_low("CUP", 3, 2),
            held(8),
        ]
    );
    assert_eq!((shop.counts("CUP").await, shop.counts("MUG").await), ((5, 5), (3, 3)));
}

#[tokio::test]
async fn keys_settled_together_get_their_own_answers() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 10).await;
    let [held, sold, back, never] = [(); 4].map(|()| shop.key());
    for key in [held, sold, back] {
        shop.reserve(key, &[(&mug, 1)]).await.expect("held");
    }
    shop.confirm(sold).await.expect("confirmed");
    shop.release(back).await.expect("released");
    let states = |answers: Vec<Result<Reservation, Error>>| -> Vec<Result<ReservationState, Error>> {
        answers.into_iter().map(|answer| answer.map(|found| found.state)).collect()
    };
    let confirmed = join_all([held, never, sold, held, back].map(|key| shop.confirm(key))).await;
    let (gone, done) = (Err(Error::ReservationGone {}), Ok(ReservationState::Confirmed));
    assert_eq!(states(confirmed), [done.clone(), gone.clone(), done.clone(), done.clone(), gone]);
    let released = join_all([held, never, back, never, sold].map(|key| shop.release(key))).await;
    let gone = Ok(ReservationState::Released);
    assert_eq!(states(released), [done.clone(), gone.clone(), gone.clone(), gone, done]);
    assert_eq!(shop.counts("MUG").await, (8, 0));
    assert_eq!(shop.reserve(never, &[(&mug, 1)]).await, Err(Error::ReservationGone {}));
}

#[tokio::test]
async fn a_sale_that_is_over_costs_a_look_and_no_write() {
    let shop = Shop::open().await;
    let (cup, mug) = (shop.mug("cup", 1_000).await, shop.mug("mug", 1).await);
    // Twice: the first one finds out, and the engine learns that a look has two statements.
    for _ in 0..2 {
        assert_eq!(shop.reserve(shop.key(), &[(&mug, 2)]).await, too_low("MUG", 2, 1));
    }
    let start = counters(&shop);
    let two = [(&*mug, 2)];
    let lost = join_all(keys(&shop, 100).into_iter().map(|key| shop.reserve(key, &two))).await;
    assert!(lost.iter().all(|lost| *lost == too_low("MUG", 2, 1)));
    let end = counters(&shop);
    assert_eq!(
        (end.statements - start.statements, end.reads - start.reads, end.writes),
        (2, 1, start.writes)
    );
    // Others lose nothing by it.
    let both = [(&*cup, 1), (&*mug, 2)];
    let (held, lost) = tokio::join!(shop.reserve(shop.key(), &both[..1]), shop.reserve(shop.key(), &both));
    assert_eq!((held.is_ok(), lost), (true, too_low("MUG", 2, 1)));
    // One look that finds enough, and all is as before.
    shop.adjust("MUG", StockChange::Receive(9)).await.expect("booked");
    shop.reserve(shop.key(), &both).await.expect("held");
    let before = counters(&shop);
    shop.reserve(shop.key(), &both).await.expect("held");
    let after = counters(&shop);
    assert_eq!((after.statements - before.statements, after.reads), (2, before.reads));
    assert_eq!((shop.counts("CUP").await, shop.counts("MUG").await), ((1_000, 3), (10, 4)));
}

#[tokio::test]
async fn a_caller_that_went_away_leaves_the_others_their_answers() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 100).await;
    let keys = keys(&shop, 60);
    let lines = [(&*mug, 1)];
    let mut asked: Vec<_> = keys.iter().map(|key| shop.reserve(*key, &lines).boxed()).collect();
    // All are asked for, none has begun.
    for ask in &mut asked {
        assert!(ask.now_or_never().is_none());
    }
    let stayed = asked.split_off(20);
    drop(asked);
    assert!(join_all(stayed).await.iter().all(Result::is_ok));
    for key in &keys[..20] {
        let which = ReservationRef { key: *key };
        assert_eq!(shop.products.find_reservation(&shop.system(), which).await, Ok(None));
    }
    // One that goes away while its round is at work is held or not, as a whole, and the desk goes on.
    for key in &keys[..20] {
        let race = [shop.reserve(*key, &lines).map(drop).boxed(), tokio::task::yield_now().boxed()];
        drop(select_all(race).await);
    }
    let held = shop.reserve(shop.key(), &lines).await;
    assert!(held.is_ok());
    let (_, reserved) = shop.counts("MUG").await;
    let open = stream::iter(&keys).filter_map(async |key| {
        let which = ReservationRef { key: *key };
        shop.products.find_reservation(&shop.system(), which).await.expect("answers")
    });
    assert_eq!(reserved, 1 + i64::try_from(open.count().await).expect("few"));
}

#[tokio::test]
async fn who_is_out_of_time_holds_nothing_and_hinders_nobody() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let hold =
        |key| Reserve { key, lines: vec![line(&mug, 1)], expires_at: Timestamp::from_micros(i64::MAX) };
    let (late, in_time) = (shop.key(), shop.key());
    let soon = shoal_types::Context::system(&shop.env, Duration::from_secs(1));
    let mut late_ask = shop.products.reserve(&soon, hold(late));
    assert!((&mut late_ask).now_or_never().is_none());
    shop.clock.advance(Duration::from_secs(2));
    let cx = shop.system();
    let (first, second) = tokio::join!(late_ask, shop.products.reserve(&cx, hold(in_time)));
    assert_eq!(first, Err(Error::Fault(Fault::DeadlineExceeded {})));
    assert!(second.is_ok());
    assert_eq!(shop.counts("MUG").await, (5, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baskets_that_cross_are_held_sold_and_given_back_without_loss() {
    let shop = Arc::new(Shop::open().await);
    let goods = Arc::new(join_all(["cup", "jug", "mug", "pot"].map(|slug| shop.mug(slug, 150))).await);
    let buyers = (0..300_usize).map(|number| {
        let (shop, goods) = (Arc::clone(&shop), Arc::clone(&goods));
        tokio::spawn(async move {
            let basket = (0..2 + number % 3).map(|step| line(&goods[(number + step * 3) % 4], 1));
            let mut basket: Vec<StockLine> = basket.collect();
            if number % 2 == 0 {
                basket.reverse();
            }
            let key = shop.key();
            shop.reserve_lines(key, basket.clone()).await?;
            match number % 3 {
                0 => shop.release(key).await.map(|_| Vec::new()),
                _ => shop.confirm(key).await.map(|_| basket),
            }
        })
    });
    let mut sold = std::collections::HashMap::new();
    for buyer in join_all(buyers).await {
        match buyer.expect("no panic") {
            Ok(basket) => {
                basket.iter().for_each(|line| *sold.entry(line.variant).or_insert(0) += line.quantity)
            }
            Err(Error::StockTooLow { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    for product in goods.iter() {
        let variant = &product.variants[0];
        let sold = sold.get(&variant.id).copied().unwrap_or_default();
        assert_eq!(shop.counts(&variant.sku).await, (150 - sold, 0), "{}", variant.sku);
    }
}

/// What each of the nodes answers, all asked at the same time.
async fn ask_all<T, F>(nodes: &[Products; 2], count: usize, ask: impl Fn(Products, usize) -> F) -> Vec<[T; 2]>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let asks = (0..count).map(|number| nodes.each_ref().map(|node| tokio::spawn(ask(node.clone(), number))));
    let mut answers = Vec::new();
    for [one, other] in asks.collect::<Vec<_>>() {
        let answer = |asked: Result<Result<T, Error>, _>| asked.expect("no panic").expect("answers");
        answers.push([answer(one.await), answer(other.await)]);
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_want_the_same_goods_never_wait_for_each_other_in_a_circle() {
    const BASKETS: usize = 300;
    let shop = Shop::open().await;
    let goods = join_all(["cup", "jug", "mug", "pot"].map(|slug| shop.mug(slug, 10_000))).await;
    let nodes = [shop.products.clone(), shop.neighbour().await];
    let rollbacks = || nodes.each_ref().map(|node| node.database().counters().rollbacks);
    let basket = |number: usize| -> Vec<StockLine> {
        let mut lines: Vec<_> = goods.iter().map(|product| line(product, 1)).collect();
        lines.rotate_left(number % 4);
        lines
    };
    let expires_at = shop.env.now().plus(Duration::from_secs(600));
    let start = rollbacks();
    let held = ask_all(&nodes, BASKETS, |node, number| {
        let (cx, key, lines) = (shop.system(), shop.key(), basket(number));
        async move { node.reserve(&cx, Reserve { key, lines, expires_at }).await }
    });
    let keys: Vec<ReservationKey> = held.await.into_iter().flatten().map(|hold| hold.key).collect();
    // Each key at both nodes, in other orders: one of them settles it, the other one learns so.
    let sold = ask_all(&nodes, BASKETS, |node, number| {
        let (cx, key) = (shop.system(), keys[number]);
        async move { node.confirm(&cx, ReservationRef { key }).await }
    });
    assert!(sold.await.iter().all(|[one, other]| one == other));
    let back = ask_all(&nodes, BASKETS, |node, number| {
        let (cx, key) = (shop.system(), keys[2 * BASKETS - 1 - number]);
        async move { node.release(&cx, ReservationRef { key }).await }
    });
    assert!(back.await.iter().all(|[one, other]| one == other));
    // A circle would have been broken by undoing one of its transactions.
    assert_eq!(rollbacks(), start);
    // New keys at both nodes at the same time: one holds, the other one finds it held.
    let twice: Vec<ReservationKey> = (0..BASKETS).map(|_| shop.key()).collect();
    let held = ask_all(&nodes, BASKETS, |node, number| {
        let (cx, key, lines) = (shop.system(), twice[number], basket(number));
        async move { node.reserve(&cx, Reserve { key, lines, expires_at }).await }
    });
    assert!(held.await.iter().all(|[one, other]| one.key == other.key && other.lines.len() == 4));
    let (sold, held) = (i64::try_from(BASKETS).expect("few"), i64::try_from(twice.len()).expect("few"));
    for sku in ["CUP", "JUG", "MUG", "POT"] {
        assert_eq!(shop.counts(sku).await, (10_000 - sold, held), "{sku}");
    }
}

#[tokio::test]
async fn a_house_that_closes_answers_everybody() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 100).await;
    let lines = [(&*mug, 1)];
    let mut asked: Vec<_> =
        keys(&shop, 30).into_iter().map(|key| shop.reserve(key, &lines).boxed()).collect();
    for ask in &mut asked {
        assert!(ask.now_or_never().is_none());
    }
    let (answers, ()) = tokio::join!(join_all(asked), shop.products.close());
    assert!(answers.iter().all(Result::is_ok));
    let late = shop.reserve(shop.key(), &lines).await;
    assert_eq!(late, Err(Error::Fault(Fault::Unavailable { what: "the database".to_owned() })));
    assert!(shop.confirm(shop.key()).await.is_err() && shop.release(shop.key()).await.is_err());
    let shop = shop.reopen().await;
    assert_eq!(shop.counts("MUG").await, (100, 30));
}
