//! Figures of what was sold: whoever hears of an order, however often and in whatever order, they are those of a recount.

use std::time::Duration;

use futures::future::join_all;
use shoal_contract::orders::{
    CancelOrder, Day, Error, Fulfil, FulfilBody, ImportOrders, LineQuantity, ListSales, MarkRefunded, Order,
    OrderStatus, Orders as _, PastLine, PastOrder, RecordReturn, RecountSales, ReturnBody, Sales, SalesGroup,
};
use shoal_orders::{Orders, Zone};
use shoal_queue::Event;
use shoal_sql::{Tx, params};
use shoal_types::{Currency, Fact, Kind, Limit, Money, PageRequest, Rng, SeededRng, Timestamp};

use crate::shop::{Shop, eur};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

shoal_sql::statements! {
    mod sql {
        FORGET_SALES = "delete from sales";
        FORGET_COUNTED = "delete from counted_orders";
        FORGET_JOBS = "delete from jobs";
        FORGET_PUBLISHED = "update order_events set published = 0 where kind <> 'order.imported'";
    }
}

fn all(group: SalesGroup) -> ListSales {
    let day = |text: &str| text.parse::<Day>().ok();
    let page = PageRequest { limit: Limit::MAX, cursor: None };
    ListSales { page, group, from: day("2026-12-31"), to: day("2027-12-31"), product: None }
}

async fn sales(shop: &Shop, group: SalesGroup) -> Vec<Sales> {
    shop.orders.list_sales(&shop.staff(), all(group)).await.expect("sales").items
}

/// `what units gross units_back refunded`.
async fn rows(shop: &Shop, group: SalesGroup) -> Vec<String> {
    let row = |sales: Sales| {
        assert_eq!(sales.net.amount, sales.gross.amount - sales.refunded.amount);
        let what = match (sales.day, sales.sku, sales.product) {
            (Some(day), ..) => day.to_string(),
            (_, Some(sku), _) => sku,
            (_, _, Some(_)) => "product".to_owned(),
            (None, None, None) => "-".to_owned(),
        };
        let Sales { units, units_back, gross, refunded, .. } = sales;
        format!("{what} {units} {} {units_back} {} {}", gross.amount, refunded.amount, gross.currency)
    };
    let mut rows: Vec<_> = sales(shop, group).await.into_iter().map(row).collect();
    rows.sort();
    rows
}

async fn send(shop: &Shop, order: &Order) -> Order {
    let body = FulfilBody { lines: vec![], carrier: None, tracking: None };
    shop.orders.fulfil(&shop.staff(), Fulfil { order: order.id, body }).await.expect("sent")
}

async fn take_back(shop: &Shop, order: &Order, line: u32, quantity: i64) {
    let (id, system) = (shop.env.id(), shop.system());
    let body = ReturnBody { lines: vec![LineQuantity { line, quantity }], reason: None, restock: true };
    let goods = shop.orders.record_return(&system, RecordReturn { id, order: order.id, body }).await;
    refund(shop, order, goods.expect("taken back").refund, Some(id)).await;
}

async fn refund(
    shop: &Shop,
    order: &Order,
    amount: Money,
    for_return: Option<shoal_contract::orders::ReturnId>,
) {
    let key = format!("{}/{}", order.id, shop.env.id::<shoal_contract::orders::ReturnNoun>());
    let request = MarkRefunded { order: order.id, key, for_return, amount };
    shop.orders.mark_refunded(&shop.system(), request).await.expect("refunded");
}

async fn cancel(shop: &Shop, order: &Order) -> Order {
    let request = CancelOrder { order: order.id, reason: None };
    shop.orders.cancel_order(&shop.system(), request).await.expect("cancelled")
}

/// Three paid orders, one of them never paid, one cancelled, one returned in part, over several days.
async fn history(shop: &Shop) {
    let guest = shop.guest();
    shop.placed(&guest, &[("MUG", 9)]).await;
    let kept = shop.paid(&guest, &[("MUG", 2), ("BOWL", 1)]).await;
    let cancelled = shop.paid(&guest, &[("EBOOK", 1), ("MUG", 1)]).await;
    shop.clock.advance(DAY);
    let cancelled = cancel(shop, &cancelled).await;
    refund(shop, &cancelled, cancelled.paid, None).await;
    send(shop, &kept).await;
    shop.clock.advance(DAY);
    take_back(shop, &kept, 1, 1).await;
    refund(shop, &kept, eur(100), None).await;
}

/// The rows of [`history`], by day.
const BY_DAY: [&str; 3] =
    ["2027-01-15 5 7497 0 0 EUR", "2027-01-16 0 0 2 2499 EUR", "2027-01-17 0 0 1 2099 EUR"];

#[tokio::test]
async fn sales_count_when_they_are_paid_and_what_comes_back_when_it_does() {
    let shop = Shop::open().await;
    history(&shop).await;
    assert_eq!(rows(&shop, SalesGroup::Total).await, [""; 0], "nobody has heard of it yet");
    shop.carry_events().await;
    assert_eq!(rows(&shop, SalesGroup::Day).await, BY_DAY);
    assert_eq!(rows(&shop, SalesGroup::Total).await, ["- 5 7497 3 4598 EUR"]);
    let by_sku = ["BOWL 1 1000 0 20 EUR", "EBOOK 1 500 1 500 EUR", "MUG 3 5997 2 4078 EUR"];
    let seen = rows(&shop, SalesGroup::Sku).await;
    assert_eq!(seen, [&by_sku[..1], &by_sku[1..]].concat());
    assert_eq!(rows(&shop, SalesGroup::Product).await.len(), 3);

    let only =
        sales(&shop, SalesGroup::Sku).await.into_iter().find(|sales| sales.sku.as_deref() == Some("MUG"));
    let product = only.expect("there").product;
    let of_one = ListSales { product, ..all(SalesGroup::Total) };
    let of_one = shop.orders.list_sales(&shop.staff(), of_one).await.expect("sales").items;
    assert_eq!((of_one.len(), of_one[0].units, of_one[0].refunded.amount), (1, 3, 4078));
}

/// Every event told of orders so far, as a relay would carry it.
async fn told(shop: &Shop) -> Vec<Event> {
    let mut events = Vec::new();
    let orders = shop.orders.list_orders(&shop.system(), Default::default()).await.expect("orders").items;
    for order in orders {
        let reference = shoal_contract::orders::OrderRef { order: order.id, token: None };
        for entry in shop.orders.list_timeline(&shop.system(), reference).await.expect("a timeline") {
            let event = serde_json::json!({
                "specversion": "1.0", "id": shop.env.id::<shoal_queue::EventNoun>(), "source": "/orders",
                "type": entry.kind, "subject": order.id, "aggregate": order.id.uuid(),
                "sequence": entry.sequence, "time": entry.at, "data": {},
            });
            events.push(serde_json::from_value(event).expect("an event"));
        }
    }
    events
}

async fn hear(house: &Orders, shop: &Shop, events: &[Event]) {
    let consumer = house.consumers().remove(0);
    let wanted: Vec<_> = events.iter().filter(|event| consumer.wants(&event.kind)).cloned().collect();
    if !wanted.is_empty() {
        consumer.handle(&shop.system(), &wanted).await.expect("taken");
    }
}

#[tokio::test]
async fn repeated_and_reordered_events_heard_by_many_at_once_add_nothing() {
    let shop = Shop::open().await;
    history(&shop).await;
    let (events, rng) = (told(&shop).await, SeededRng::new(5));
    let rng: &dyn Rng = &rng;
    let other = shop.neighbour().await;
    for _ in 0..20 {
        let batch = |_| -> Vec<Event> {
            (0..rng.below(9)).map(|_| events[rng.below(events.len() as u32) as usize].clone()).collect()
        };
        let batches: Vec<Vec<Event>> = (0..4).map(batch).collect();
        let houses = [&shop.orders, other.as_ref().unwrap_or(&shop.orders)];
        let hearing =
            batches.iter().zip(houses.iter().cycle()).map(|(batch, house)| hear(house, &shop, batch));
        join_all(hearing).await;
    }
    shop.carry_events().await;
    assert_eq!(rows(&shop, SalesGroup::Day).await, BY_DAY);
}

async fn run(shop: &Shop, statements: &[&'static shoal_sql::Statement]) {
    let statements = statements.to_vec();
    let body = async move |tx: &mut Tx| {
        for statement in &statements {
            tx.execute(statement, params![]).await?;
        }
        Ok::<_, shoal_sql::Error>(())
    };
    shop.orders.database().write(&shop.system(), body).await.expect("written");
}

#[tokio::test]
async fn a_recount_and_a_replay_give_the_same_figures() {
    let shop = Shop::open().await;
    history(&shop).await;
    import(&shop, vec![past("1", OrderStatus::Paid, 3, 300)]).await;
    shop.carry_events().await;
    let before = rows(&shop, SalesGroup::Sku).await;
    // As before the update that brought the figures.
    run(&shop, &[sql::FORGET_SALES, sql::FORGET_COUNTED, sql::FORGET_JOBS]).await;
    assert_eq!(rows(&shop, SalesGroup::Sku).await, [""; 0]);
    assert_eq!(shop.orders.recount().await, Ok(4));
    assert_eq!(rows(&shop, SalesGroup::Sku).await, before);
    assert_eq!(shop.orders.recount().await, Ok(0), "it is done");
    shop.orders.recount_sales(&shop.staff(), RecountSales {}).await.expect("begun");
    assert_eq!(shop.orders.recount().await, Ok(4));
    assert_eq!(rows(&shop, SalesGroup::Sku).await, before);
    // All events once more.
    run(&shop, &[sql::FORGET_PUBLISHED]).await;
    shop.carry_events().await;
    assert_eq!(rows(&shop, SalesGroup::Sku).await, before);
}

#[tokio::test]
async fn a_recount_of_many_goes_on_where_it_stopped_while_others_count_too() {
    let shop = Shop::open().await;
    let orders = (0..450).map(|number| past(&number.to_string(), OrderStatus::Paid, 1, 100)).collect();
    import(&shop, orders).await;
    run(&shop, &[sql::FORGET_SALES, sql::FORGET_COUNTED]).await;
    let other = shop.neighbour().await;
    let (mine, others) = tokio::join!(shop.orders.recount(), async {
        match &other {
            Some(other) => other.recount().await,
            None => shop.orders.recount().await,
        }
    });
    mine.expect("counted");
    others.expect("counted");
    shop.orders.recount().await.expect("counted");
    assert_eq!(rows(&shop, SalesGroup::Total).await, ["- 450 45000 0 0 EUR"]);
}

#[tokio::test]
async fn in_another_time_zone_every_sale_moves_to_its_day_there() {
    let shop = Shop::open().await;
    history(&shop).await;
    shop.carry_events().await;
    // The shop's morning is 2027-01-15T08:00Z.
    let shop = shop.reopened_in(Zone::named("Pacific/Pago_Pago").expect("a zone")).await;
    assert_eq!(rows(&shop, SalesGroup::Day).await, BY_DAY);
    assert_eq!(shop.orders.recount().await, Ok(3));
    assert_eq!(
        rows(&shop, SalesGroup::Day).await,
        ["2027-01-14 5 7497 0 0 EUR", "2027-01-15 0 0 2 2499 EUR", "2027-01-16 0 0 1 2099 EUR"]
    );
}

fn past(number: &str, status: OrderStatus, quantity: i64, subtotal: i64) -> PastOrder {
    let line = PastLine {
        sku: "OLD".into(),
        title: "White hanging heart".into(),
        quantity,
        unit_price: None,
        subtotal: eur(subtotal),
        discounts: vec![],
    };
    PastOrder {
        source: "old-shop".into(),
        number: number.into(),
        status,
        email: None,
        placed_at: Timestamp::parse("2027-01-01T08:26:00Z").expect("a time"),
        lines: vec![line],
        shipping: None,
        shipping_address: None,
        note: None,
        tracking: None,
    }
}

async fn import(shop: &Shop, orders: Vec<PastOrder>) {
    let request = ImportOrders { orders, dry_run: false };
    shop.orders.import_orders(&shop.system(), request).await.expect("imported");
}

#[tokio::test]
async fn an_import_is_counted_in_its_own_commit_and_counted_over_when_it_is_written_over() {
    let shop = Shop::open().await;
    import(&shop, vec![past("1", OrderStatus::Paid, 6, 600), past("2", OrderStatus::Placed, 9, 900)]).await;
    assert_eq!(rows(&shop, SalesGroup::Sku).await, ["OLD 6 600 0 0 EUR"]);
    import(&shop, vec![past("1", OrderStatus::Paid, 6, 600)]).await;
    assert_eq!(rows(&shop, SalesGroup::Sku).await, ["OLD 6 600 0 0 EUR"], "unchanged");
    let mut dollars = past("2", OrderStatus::Returned, 2, 200);
    dollars.lines[0].subtotal.currency = Currency::USD;
    import(&shop, vec![past("1", OrderStatus::Fulfilled, 5, 500), dollars]).await;
    let expected = ["2027-01-01 2 200 2 200 USD", "2027-01-01 5 500 0 0 EUR"];
    assert_eq!(rows(&shop, SalesGroup::Day).await, expected);
    import(&shop, vec![past("1", OrderStatus::Cancelled, 5, 500)]).await;
    assert_eq!(rows(&shop, SalesGroup::Day).await, expected[..1]);
}

#[tokio::test]
async fn pages_hold_every_sum_once_in_the_order_of_their_keys() {
    let shop = Shop::open().await;
    shop.catalogue.sell(shop.offer("PLATE", 700));
    for _ in 0..3 {
        shop.paid(&shop.guest(), &[("MUG", 1), ("BOWL", 1), ("PLATE", 2)]).await;
        let mut pounds = past(&shop.env.now().to_string(), OrderStatus::Paid, 1, 100);
        pounds.placed_at = shop.env.now();
        pounds.lines[0].subtotal.currency = Currency::GBP;
        import(&shop, vec![pounds]).await;
        shop.clock.advance(DAY);
    }
    shop.carry_events().await;
    for (group, sums) in
        [(SalesGroup::Product, 4), (SalesGroup::Sku, 4), (SalesGroup::Day, 6), (SalesGroup::Total, 2)]
    {
        let whole = sales(&shop, group).await;
        assert_eq!(whole.len(), sums, "{group:?}");
        let (mut paged, mut cursor) = (Vec::new(), None);
        loop {
            let page = PageRequest { limit: Limit::new(1).expect("a limit"), cursor };
            let request = ListSales { page, ..all(group) };
            let page = shop.orders.list_sales(&shop.staff(), request).await.expect("a page");
            paged.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, whole, "{group:?}");
    }
}

#[tokio::test]
async fn figures_are_for_staff_and_for_a_year_at_a_time() {
    let shop = Shop::open().await;
    let kind =
        |answer: Result<_, Error>| answer.map(|_: shoal_types::Page<Sales>| ()).map_err(|error| error.kind());
    for (cx, expected) in [(shop.guest(), Kind::Unauthenticated), (shop.customer().1, Kind::Forbidden)] {
        assert_eq!(kind(shop.orders.list_sales(&cx, all(SalesGroup::Day)).await), Err(expected));
        let recount = shop.orders.recount_sales(&cx, RecountSales {}).await;
        assert_eq!(recount.map_err(|error| error.kind()), Err(expected));
    }
    let day = |text: &str| text.parse::<Day>().ok();
    for (from, to, fine) in [
        ("2026-01-01", "2026-01-01", true),
        ("2024-01-01", "2024-12-31", true),
        ("2024-01-01", "2025-01-01", false),
        ("2026-01-02", "2026-01-01", false),
    ] {
        let request = ListSales { from: day(from), to: day(to), ..ListSales::default() };
        let answer = kind(shop.orders.list_sales(&shop.staff(), request).await);
        assert_eq!(answer.is_ok(), fine, "{from} to {to}: {answer:?}");
    }
    assert_eq!(kind(shop.orders.list_sales(&shop.staff(), ListSales::default()).await), Ok(()));
}

#[tokio::test]
async fn a_batch_of_events_takes_the_same_statements_however_many_orders_it_is_of() {
    let mut counts = Vec::new();
    for orders in [1, 40] {
        let shop = Shop::open().await;
        for _ in 0..orders {
            shop.paid(&shop.guest(), &[("MUG", 1), ("BOWL", 3)]).await;
        }
        let events = told(&shop).await;
        let before = shop.statements();
        hear(&shop.orders, &shop, &events).await;
        counts.push(shop.statements() - before);
        hear(&shop.orders, &shop, &events).await;
        counts.push(shop.statements() - before);
    }
    // Two to read, two to write, and on PostgreSQL the commit's own; nothing to write for what was heard before.
    let own = u64::from(std::env::var_os(shoal_sql::testing::SERVER).is_some());
    assert_eq!(counts, [4 + own, 6 + own, 4 + own, 6 + own]);
}
