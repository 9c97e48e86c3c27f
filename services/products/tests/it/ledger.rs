//! The ledger says how stock came to be what it is.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shoal_contract::products::{
    Error, ListMovements, Movement, MovementKind, Product, Products as _, ReservationKey, Restock,
    StockChange, StockLine,
};
use shoal_types::{Cursor, Fault, Limit, PageRequest};

use crate::shop::{Shop, line};

shoal_sql::statements! {
    mod sql {
        SUMS = "select s.on_hand, s.reserved,
            (select coalesce(cast(sum(m.on_hand_change) as bigint), 0) from movements as m where m.variant_id = s.variant_id)
            - (select coalesce(cast(sum(h.quantity) as bigint), 0) from holds as h where h.variant_id = s.variant_id and h.state = 'confirmed'),
            (select coalesce(cast(sum(h.quantity) as bigint), 0) from holds as h where h.variant_id = s.variant_id and h.state = 'held')
            from stock as s";
    }
}

/// Every shelf is what its ledger sums to.
async fn assert_sums(shop: &Shop) {
    let db = shop.products.database();
    let sums = db.read(&shop.system(), async |tx| tx.list::<(i64, i64, i64, i64)>(sql::SUMS, []).await).await;
    for (on_hand, reserved, booked, held) in sums.expect("answers") {
        assert_eq!((on_hand, reserved), (booked, held));
    }
}

/// The whole ledger of a SKU, newest first, by pages of `limit`.
async fn history(shop: &Shop, sku: &str, limit: u32) -> Vec<Movement> {
    let mut all = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = PageRequest { limit: Limit::new(limit).expect("in range"), cursor };
        let asked = ListMovements { sku: sku.to_owned(), page };
        let page = shop.products.list_movements(&shop.staff(), asked).await.expect("answers");
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn every_change_leaves_a_line() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 10).await;
    let tick = || shop.clock.advance(Duration::from_secs(1));
    let keys: Vec<ReservationKey> = (0..3).map(|_| shop.key()).collect();
    tick();
    shop.adjust("MUG", StockChange::Receive(5)).await.expect("booked");
    tick();
    shop.adjust("MUG", StockChange::Correct(-1)).await.expect("booked");
    tick();
    shop.adjust("MUG", StockChange::Count(20)).await.expect("booked");
    for key in &keys {
        tick();
        shop.reserve(*key, &[(&mug, 2)]).await.expect("held");
    }
    tick();
    shop.confirm(keys[0]).await.expect("confirmed");
    tick();
    shop.release(keys[1]).await.expect("released");
    shop.clock.advance(Duration::from_secs(700));
    shop.products.expire_holds(&shop.system()).await.expect("expired");
    tick();
    let restock = Restock { key: keys[0], lines: vec![line(&mug, 1)], reason: Some("returned".into()) };
    shop.products.restock(&shop.system(), restock).await.expect("restocked");

    use MovementKind::{Confirm, Correct, Count, Expire, Receive, Release, Reserve, Restock as Back};
    let lines = history(&shop, "MUG", 100).await;
    let told: Vec<(MovementKind, i64, i64)> =
        lines.iter().map(|line| (line.kind, line.on_hand_change, line.reserved_change)).collect();
    assert_eq!(
        told,
        [
            (Back, 1, 0),
            (Expire, 0, -2),
            (Release, 0, -2),
            (Confirm, -2, -2),
            (Reserve, 0, 2),
            (Reserve, 0, 2),
            (Reserve, 0, 2),
            (Count, 6, 0),
            (Correct, -1, 0),
            (Receive, 5, 0),
            (Receive, 10, 0),
        ]
    );
    assert_eq!(lines[0].reason.as_deref(), Some("returned"));
    assert_eq!(lines[0].reservation, Some(keys[0]));
    for limit in [1, 2, 3, 10] {
        assert_eq!(history(&shop, "MUG", limit).await, lines, "pages of {limit}");
    }
    let mut ids: Vec<_> = lines.iter().map(|line| line.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), lines.len());
    assert_sums(&shop).await;
}

#[tokio::test]
async fn lines_of_the_same_moment_are_paged_without_loss() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 100).await;
    for _ in 0..4 {
        let key = shop.key();
        shop.reserve(key, &[(&mug, 1)]).await.expect("held");
        shop.confirm(key).await.expect("confirmed");
        shop.adjust("MUG", StockChange::Receive(1)).await.expect("booked");
    }
    let whole = history(&shop, "MUG", 100).await;
    assert_eq!(whole.len(), 13);
    for limit in 1..=5 {
        assert_eq!(history(&shop, "MUG", limit).await, whole, "pages of {limit}");
    }
}

#[tokio::test]
async fn the_ledger_is_for_staff() {
    let shop = Shop::open().await;
    shop.mug("mug", 1).await;
    let asked = |sku: &str| ListMovements { sku: sku.to_owned(), page: PageRequest::default() };
    let denied = shop.products.list_movements(&shop.customer(), asked("MUG")).await;
    assert_eq!(denied, Err(Error::Fault(Fault::Forbidden {})));
    let unknown = shop.products.list_movements(&shop.staff(), asked("CUP")).await;
    assert_eq!(unknown, Err(Error::UnknownSku { sku: "CUP".into() }));
}

/// Something that is done to stock; numbers pick a product and a reservation.
#[derive(Debug, Clone)]
enum Deed {
    Reserve { key: usize, lines: Vec<(usize, i64)> },
    Confirm { key: usize },
    Release { key: usize },
    Restock { key: usize, product: usize, quantity: i64 },
    Adjust { product: usize, change: StockChange },
    Wait,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let change = prop_oneof![
        (1_i64..6).prop_map(StockChange::Receive),
        (-6_i64..6).prop_map(StockChange::Correct),
        (0_i64..12).prop_map(StockChange::Count),
    ];
    let deed = prop_oneof![
        4 => (0_usize..8, prop::collection::vec((0_usize..3, 1_i64..5), 1..4))
            .prop_map(|(key, lines)| Deed::Reserve { key, lines }),
        3 => (0_usize..8).prop_map(|key| Deed::Confirm { key }),
        2 => (0_usize..8).prop_map(|key| Deed::Release { key }),
        1 => (0_usize..8, 0_usize..3, 1_i64..4)
            .prop_map(|(key, product, quantity)| Deed::Restock { key, product, quantity }),
        2 => (0_usize..3, change).prop_map(|(product, change)| Deed::Adjust { product, change }),
        1 => Just(Deed::Wait),
    ];
    prop::collection::vec(deed, 1..40)
}

async fn perform(shop: &Shop, goods: &[std::sync::Arc<Product>], keys: &[ReservationKey], deed: Deed) {
    // What is refused changes nothing, which the sums show.
    match deed {
        Deed::Reserve { key, lines } => {
            let lines = lines.into_iter().map(|(product, quantity)| line(&goods[product], quantity));
            drop(shop.reserve_lines(keys[key], lines.collect::<Vec<StockLine>>()).await);
        }
        Deed::Confirm { key } => drop(shop.confirm(keys[key]).await),
        Deed::Release { key } => drop(shop.release(keys[key]).await),
        Deed::Restock { key, product, quantity } => {
            let lines = vec![line(&goods[product], quantity)];
            let restock = Restock { key: keys[key], lines, reason: None };
            drop(shop.products.restock(&shop.system(), restock).await);
        }
        Deed::Adjust { product, change } => {
            drop(shop.adjust(&goods[product].variants[0].sku, change).await);
        }
        Deed::Wait => {
            shop.clock.advance(Duration::from_secs(400));
            shop.products.expire_holds(&shop.system()).await.expect("sweeps");
        }
    }
}

#[test]
fn the_ledger_always_sums_to_the_stock() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("starts");
    let shop = runtime.block_on(Shop::open());
    let mut round = 0;
    let story = |deeds: Vec<Deed>| {
        round += 1;
        runtime.block_on(async {
            let mut goods = Vec::new();
            for name in ["cup", "mug", "pot"] {
                goods.push(shop.mug(&format!("{name}-{round}"), 5).await);
            }
            let keys: Vec<ReservationKey> = (0..8).map(|_| shop.key()).collect();
            for deed in deeds {
                perform(&shop, &goods, &keys, deed).await;
            }
            assert_sums(&shop).await;
            for product in &goods {
                let sku = &product.variants[0].sku;
                let lines = history(&shop, sku, 7).await;
                let on_hand: i64 = lines.iter().map(|line| line.on_hand_change).sum();
                let reserved: i64 = lines.iter().map(|line| line.reserved_change).sum();
                assert_eq!(shop.counts(sku).await, (on_hand, reserved));
            }
        });
    };
    let story = std::cell::RefCell::new(story);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let result = runner.run(&deeds(), |deeds| {
        (story.borrow_mut())(deeds);
        Ok(())
    });
    result.expect("the ledger sums to the stock");
}
