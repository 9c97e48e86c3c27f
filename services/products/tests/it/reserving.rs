//! Stock that is held, sold and given back.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use shoal_contract::products::{
    Error, NewProduct, Products as _, ReplaceProduct, ReservationRef, ReservationState, Reserve, Restock,
    StockChange, VariantId,
};
use shoal_types::{Fault, Timestamp};
use tokio::sync::watch;

use crate::shop::{Shop, line, mug, until};

#[tokio::test]
async fn two_carts_race_for_the_last_unit_and_one_wins() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 1).await;
    let lines = [(&*mug, 1)];
    let (first, second) = tokio::join!(shop.reserve(shop.key(), &lines), shop.reserve(shop.key(), &lines));
    let won = [&first, &second].into_iter().filter(|result| result.is_ok()).count();
    let lost = first.err().or(second.err());
    assert_eq!(won, 1);
    assert_eq!(lost, Some(Error::StockTooLow { sku: "MUG".into(), requested: 1, available: 0 }));
    assert_eq!(shop.counts("MUG").await, (1, 1));
}

#[tokio::test]
async fn two_lines_of_one_sku_are_summed_before_the_check() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let refused = shop.reserve(shop.key(), &[(&mug, 3), (&mug, 3)]).await;
    assert_eq!(refused, Err(Error::StockTooLow { sku: "MUG".into(), requested: 6, available: 5 }));
    let held = shop.reserve(shop.key(), &[(&mug, 3), (&mug, 2)]).await.expect("held");
    assert_eq!(held.lines, [line(&mug, 5)]);
    assert_eq!(shop.counts("MUG").await, (5, 5));
}

#[tokio::test]
async fn all_lines_are_held_or_none_and_the_first_short_one_is_named() {
    let shop = Shop::open().await;
    let (cup, mug, pot) = (shop.mug("cup", 4).await, shop.mug("mug", 1).await, shop.mug("pot", 0).await);
    let refused = shop.reserve(shop.key(), &[(&cup, 3), (&mug, 2), (&pot, 1)]).await;
    assert_eq!(refused, Err(Error::StockTooLow { sku: "MUG".into(), requested: 2, available: 1 }));
    for (sku, stock) in [("CUP", 4), ("MUG", 1), ("POT", 0)] {
        assert_eq!(shop.counts(sku).await, (stock, 0), "{sku}");
    }
    let unknown = VariantId::from_digest([3; 16]);
    let absent = shoal_contract::products::StockLine { variant: unknown, quantity: 1 };
    let refused = shop.reserve_lines(shop.key(), vec![line(&cup, 1), absent]).await;
    assert_eq!(refused, Err(Error::UnknownSku { sku: unknown.to_string() }));
    assert_eq!(shop.counts("CUP").await, (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_shoppers_get_fifty_pieces() {
    let shop = Arc::new(Shop::open().await);
    let mug = shop.mug("mug", 50).await;
    let shoppers = (0..200).map(|_| {
        let (shop, mug) = (Arc::clone(&shop), Arc::clone(&mug));
        tokio::spawn(async move {
            let key = shop.key();
            match shop.reserve(key, &[(&mug, 1)]).await {
                Ok(_) => shop.confirm(key).await.map(|_| ()),
                Err(error) => Err(error),
            }
        })
    });
    let results = join_all(shoppers).await.into_iter().map(|result| result.expect("no panic"));
    let (sold, lost): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((sold.len(), lost.len()), (50, 150));
    assert!(lost.iter().all(|lost| matches!(lost, Err(Error::StockTooLow { .. }))));
    assert_eq!(shop.counts("MUG").await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_bundles_never_sell_more_than_there_is() {
    let shop = Arc::new(Shop::open().await);
    let goods = join_all(["cup", "mug", "pot"].map(|slug| shop.mug(slug, 50))).await;
    let bundles = (0..200_usize).map(|number| {
        let shop = Arc::clone(&shop);
        // Pairs of neighbours, in both orders.
        let (mut a, mut b) = (Arc::clone(&goods[number % 3]), Arc::clone(&goods[(number + 1) % 3]));
        if number % 2 == 0 {
            std::mem::swap(&mut a, &mut b);
        }
        tokio::spawn(async move { shop.reserve(shop.key(), &[(&a, 1), (&b, 1)]).await.is_ok() })
    });
    let held = join_all(bundles).await.into_iter().filter(|held| *held.as_ref().expect("no panic")).count();
    let mut reserved = 0;
    for sku in ["CUP", "MUG", "POT"] {
        let (on_hand, held) = shop.counts(sku).await;
        assert!(on_hand == 50 && held <= 50, "{sku}");
        reserved += held;
    }
    assert_eq!(reserved, 2 * i64::try_from(held).expect("small"));
    // No bundle that would still fit was refused: at most one kind of goods is left.
    let left = join_all(["CUP", "MUG", "POT"].map(|sku| shop.stock(sku))).await;
    assert!(left.iter().filter(|stock| stock.available > 0).count() <= 1);
}

#[tokio::test]
async fn a_direct_call_cannot_oversell() {
    shoal_sql::statements! {
        mod sql {
            HOLD = "update stock set reserved = reserved + 2";
            LOSE = "update stock set on_hand = on_hand - 2";
            GIVE_BACK = "update stock set reserved = reserved - 1";
        }
    }
    let shop = Shop::open().await;
    shop.mug("mug", 1).await;
    for statement in [sql::HOLD, sql::LOSE, sql::GIVE_BACK] {
        let db = shop.products.database();
        let result = db.write(&shop.system(), async move |tx| tx.execute(statement, []).await).await;
        assert!(result.is_err_and(|error: shoal_sql::Error| error.is_check("stock_covers_reserved")));
    }
    assert_eq!(shop.counts("MUG").await, (1, 0));
}

#[tokio::test]
async fn stock_never_goes_below_what_is_held_whatever_path_writes_it() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    shop.reserve(shop.key(), &[(&mug, 3)]).await.expect("held");
    let too_low = |requested| Err(Error::StockTooLow { sku: "MUG".into(), requested, available: 2 });
    assert_eq!(shop.adjust("MUG", StockChange::Correct(-3)).await, too_low(3));
    assert_eq!(shop.adjust("MUG", StockChange::Count(2)).await, too_low(3));
    assert_eq!(shop.adjust("MUG", StockChange::Count(0)).await, too_low(5));
    assert!(shop.adjust("MUG", StockChange::Correct(i64::MIN)).await.is_err());
    assert_eq!(shop.adjust("MUG", StockChange::Correct(-2)).await.map(|stock| stock.on_hand), Ok(3));
    assert_eq!(shop.adjust("MUG", StockChange::Count(3)).await.map(|stock| stock.available), Ok(0));
    assert_eq!(shop.adjust("MUG", StockChange::Receive(4)).await.map(|stock| stock.available), Ok(4));
    assert_eq!(
        shop.adjust("CUP", StockChange::Receive(1)).await,
        Err(Error::UnknownSku { sku: "CUP".into() })
    );
}

#[tokio::test]
async fn lines_and_pieces_do_not_grow_the_work() {
    let shop = Shop::open().await;
    let mut goods = Vec::new();
    for number in 0..100 {
        goods.push(shop.mug(&format!("mug-{number}"), 10_000).await);
    }
    let all: Vec<(&shoal_contract::products::Product, i64)> =
        goods.iter().map(|product| (&**product, 2)).collect();
    let mut counts = Vec::new();
    for lines in [&[(&*goods[0], 1)][..], &[(&*goods[0], 9_990 - 3)], &all] {
        let key = shop.key();
        let start = shop.statements();
        shop.reserve(key, lines).await.expect("held");
        let held = shop.statements();
        shop.confirm(key).await.expect("confirmed");
        let confirmed = shop.statements();
        let second = shop.key();
        shop.reserve(second, &[(&goods[1], 1)]).await.expect("held");
        let before_release = shop.statements();
        shop.release(second).await.expect("released");
        counts.push((held - start, confirmed - held, shop.statements() - before_release));
    }
    assert_eq!(counts, [(2, 2, 2); 3]);
}

#[tokio::test]
async fn a_repeated_reserve_answers_the_first_one_as_it_is_now() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let key = shop.key();
    let first = shop.reserve(key, &[(&mug, 2)]).await.expect("held");
    assert_eq!(shop.reserve(key, &[(&mug, 4)]).await.as_ref(), Ok(&first));
    assert_eq!(shop.counts("MUG").await, (5, 2));
    shop.release(key).await.expect("released");
    let repeated = shop.reserve(key, &[(&mug, 2)]).await.expect("answers");
    assert_eq!((repeated.state, &repeated.lines), (ReservationState::Released, &first.lines));
    assert_eq!(shop.counts("MUG").await, (5, 0));
}

#[tokio::test]
async fn confirming_twice_sells_once() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let key = shop.key();
    shop.reserve(key, &[(&mug, 2)]).await.expect("held");
    let first = shop.confirm(key).await.expect("confirmed");
    assert_eq!(first.state, ReservationState::Confirmed);
    assert_eq!(shop.confirm(key).await, Ok(first.clone()));
    assert_eq!(shop.counts("MUG").await, (3, 0));
    // A sale is not undone by giving back the hold it came from.
    assert_eq!(shop.release(key).await, Ok(first));
    assert_eq!(shop.counts("MUG").await, (3, 0));
}

#[tokio::test]
async fn releasing_twice_gives_back_once() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let key = shop.key();
    shop.reserve(key, &[(&mug, 2)]).await.expect("held");
    let first = shop.release(key).await.expect("released");
    assert_eq!(first.state, ReservationState::Released);
    assert_eq!(shop.release(key).await, Ok(first));
    assert_eq!(shop.counts("MUG").await, (5, 0));
    assert_eq!(shop.confirm(key).await, Err(Error::ReservationGone {}));
}

#[tokio::test]
async fn a_reserve_that_comes_after_its_release_holds_nothing() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let key = shop.key();
    for _ in 0..2 {
        let released = shop.release(key).await.expect("remembered");
        assert_eq!((released.state, released.lines.len()), (ReservationState::Released, 0));
    }
    assert_eq!(shop.reserve(key, &[(&mug, 1)]).await, Err(Error::ReservationGone {}));
    assert_eq!(shop.confirm(key).await, Err(Error::ReservationGone {}));
    assert_eq!(shop.counts("MUG").await, (5, 0));
}

#[tokio::test]
async fn an_expired_hold_returns_its_stock() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let keys = [shop.key(), shop.key(), shop.key()];
    for key in keys {
        shop.reserve(key, &[(&mug, 1)]).await.expect("held");
    }
    shop.confirm(keys[0]).await.expect("confirmed");
    assert_eq!(shop.products.expire_holds(&shop.system()).await, Ok(0));
    shop.clock.advance(Duration::from_secs(601));
    // Not swept yet, so its stock is still held and can be sold.
    shop.confirm(keys[1]).await.expect("confirmed late");
    let cx = shop.system();
    assert_eq!(shop.products.expire_holds(&cx).await, Ok(1));
    assert_eq!(shop.products.expire_holds(&cx).await, Ok(0));
    assert_eq!(shop.counts("MUG").await, (3, 0));
    assert_eq!(shop.confirm(keys[2]).await, Err(Error::ReservationGone {}));
    assert_eq!(shop.release(keys[2]).await.map(|gone| gone.state), Ok(ReservationState::Expired));
    assert_eq!(
        shop.reserve(keys[2], &[(&mug, 1)]).await.map(|gone| gone.state),
        Ok(ReservationState::Expired)
    );
}

#[tokio::test]
async fn many_expired_holds_are_swept_in_one_go() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 500).await;
    let lines = [(&*mug, 3)];
    let holds = join_all((0..150).map(|_| shop.reserve(shop.key(), &lines))).await;
    assert!(holds.iter().all(Result::is_ok));
    shop.clock.advance(Duration::from_secs(601));
    assert_eq!(shop.products.expire_holds(&shop.system()).await, Ok(150));
    assert_eq!(shop.counts("MUG").await, (500, 0));
}

#[tokio::test]
async fn the_job_ends_a_hold_without_being_asked() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let (stop, stopped) = watch::channel(false);
    let jobs = tokio::spawn({
        let products = shop.products.clone();
        async move { products.run_jobs(stopped).await }
    });
    // The job sleeps by now or will: either way this hold, which has run out already, wakes it.
    let past = Timestamp::from_micros(1);
    let request = Reserve { key: shop.key(), lines: vec![line(&mug, 2)], expires_at: past };
    shop.products.reserve(&shop.system(), request).await.expect("held");
    until(async || shop.counts("MUG").await == (5, 0)).await;
    stop.send_replace(true);
    jobs.await.expect("ends");
}

#[tokio::test]
async fn sold_goods_come_back_once() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let key = shop.key();
    shop.reserve(key, &[(&mug, 2)]).await.expect("held");
    shop.confirm(key).await.expect("confirmed");
    let restock = Restock { key, lines: vec![line(&mug, 1), line(&mug, 1)], reason: None };
    for _ in 0..2 {
        shop.products.restock(&shop.system(), restock.clone()).await.expect("restocked");
    }
    assert_eq!(shop.counts("MUG").await, (5, 0));
}

#[tokio::test]
async fn a_variant_with_open_holds_stays_and_a_removed_one_takes_its_goods_back() {
    let shop = Shop::open().await;
    let old = shop.mug("mug", 5).await;
    let key = shop.key();
    shop.reserve(key, &[(&old, 1)]).await.expect("held");
    let replaced = NewProduct { variants: vec![crate::shop::variant("MUG-2", &[], 7)], ..mug("mug", 0) };
    let request = ReplaceProduct { id: old.id, expected_version: None, product: replaced };
    let result = shop.products.replace_product(&shop.staff(), request.clone()).await;
    assert_eq!(result, Err(Error::VariantInUse { sku: "MUG".into() }));
    shop.confirm(key).await.expect("confirmed");
    shop.products.replace_product(&shop.staff(), request).await.expect("replaced");
    assert_eq!(shop.counts("MUG-2").await, (7, 0));
    let late = shop.reserve(shop.key(), &[(&old, 1)]).await;
    assert_eq!(late, Err(Error::UnknownSku { sku: old.variants[0].id.to_string() }));
    let restock = Restock { key, lines: vec![line(&old, 1)], reason: None };
    assert_eq!(shop.products.restock(&shop.system(), restock).await, Ok(()));
}

#[tokio::test]
async fn only_the_system_moves_reservations() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 5).await;
    let which = ReservationRef { key: shop.key() };
    for (cx, fault) in [
        (shop.anonymous(), Fault::Unauthenticated {}),
        (shop.customer(), Fault::Forbidden {}),
        (shop.staff(), Fault::Forbidden {}),
    ] {
        let error = Error::Fault(fault);
        let lines = vec![line(&mug, 1)];
        let reserve = Reserve { key: which.key, lines: lines.clone(), expires_at: shop.env.now() };
        let restock = Restock { key: which.key, lines, reason: None };
        assert_eq!(shop.products.reserve(&cx, reserve).await.err(), Some(error.clone()));
        assert_eq!(shop.products.confirm(&cx, which).await.err(), Some(error.clone()));
        assert_eq!(shop.products.release(&cx, which).await.err(), Some(error.clone()));
        assert_eq!(shop.products.restock(&cx, restock).await.err(), Some(error.clone()));
        assert_eq!(shop.products.find_reservation(&cx, which).await.err(), Some(error));
    }
    assert_eq!(shop.products.find_reservation(&shop.system(), which).await, Ok(None));
}
