use shoal_contract::orders::{
    Discount, Fulfil, FulfilBody, ImportOrders, Imported, ListOrders, Order, OrderId, OrderRef, OrderStatus,
    Orders as _, PastLine, PastOrder,
};
use shoal_types::{Currency, Fact, Kind, Money, Timestamp};

use crate::shop::{Shop, eur};

fn past(number: &str, lines: Vec<PastLine>) -> PastOrder {
    PastOrder {
        source: "old-shop".into(),
        number: number.into(),
        status: OrderStatus::Fulfilled,
        email: Some("Ada@example.com".into()),
        placed_at: Timestamp::parse("2010-12-01T08:26:00Z").expect("a time"),
        lines,
        shipping: Some(eur(490)),
        shipping_address: None,
        note: Some("store 367".into()),
        tracking: Some("TRACK-1".into()),
    }
}

fn line(sku: &str, quantity: i64, subtotal: i64) -> PastLine {
    PastLine {
        sku: sku.into(),
        title: "White hanging heart".into(),
        quantity,
        unit_price: None,
        subtotal: eur(subtotal),
        discounts: vec![],
    }
}

async fn import(shop: &Shop, orders: Vec<PastOrder>) -> Vec<Imported> {
    shop.orders
        .import_orders(&shop.system(), ImportOrders { orders, dry_run: false })
        .await
        .expect("imported")
}

async fn list(shop: &Shop) -> Vec<Order> {
    let request = ListOrders { source: Some("old-shop".into()), ..ListOrders::default() };
    shop.orders.list_orders(&shop.staff(), request).await.expect("a page").items
}

#[tokio::test]
async fn importing_twice_changes_nothing() {
    let shop = Shop::open().await;
    let mut first = line("85123A", 6, 1530);
    first.discounts = vec![Discount { kind: "loyalty".into(), amount: eur(30) }];
    let orders = vec![
        past("536365", vec![first, line("CARRIAGE", 1, 500)]),
        past("C536379", vec![line("D", -1, -2750), line("ZERO", 0, 0)]),
    ];
    let (dry, cx) = (ImportOrders { orders: orders.clone(), dry_run: true }, shop.system());
    assert_eq!(shop.orders.import_orders(&cx, dry).await, Ok(vec![Imported::Created, Imported::Created]));
    assert_eq!(list(&shop).await, []);
    assert_eq!(import(&shop, orders.clone()).await, [Imported::Created, Imported::Created]);
    let there = list(&shop).await;
    assert_eq!(import(&shop, orders).await, [Imported::Unchanged, Imported::Unchanged]);
    assert_eq!(list(&shop).await, there);

    let order = there.iter().find(|order| order.number == "536365").expect("there");
    assert_eq!(
        (order.totals.subtotal, order.totals.discount, order.totals.total),
        (eur(2030), eur(30), eur(2490))
    );
    assert_eq!(
        (order.email.as_deref(), order.placed_at),
        (Some("ada@example.com"), past("", vec![]).placed_at)
    );
    assert_eq!(order.fulfilments[0].tracking.as_deref(), Some("TRACK-1"));
    let credit = there.iter().find(|order| order.number == "C536379").expect("there");
    assert_eq!((credit.totals.total, credit.lines[0].quantity), (eur(-2260), -1));
}

#[tokio::test]
async fn a_changed_order_is_written_over() {
    let shop = Shop::open().await;
    import(&shop, vec![past("1", vec![line("A", 1, 100), line("B", 1, 100)])]).await;
    let paid = PastOrder { status: OrderStatus::Paid, ..past("1", vec![line("A", 2, 200)]) };
    assert_eq!(import(&shop, vec![paid.clone()]).await, [Imported::Updated]);
    let order = list(&shop).await.remove(0);
    assert_eq!(
        (order.status, order.lines.len(), order.totals.total, order.version),
        (OrderStatus::Paid, 1, eur(690), 2)
    );
    assert_eq!(import(&shop, vec![paid]).await, [Imported::Unchanged]);
}

#[tokio::test]
async fn an_order_that_was_changed_here_is_not_written_over() {
    let shop = Shop::open().await;
    let paid = PastOrder { status: OrderStatus::Paid, tracking: None, ..past("1", vec![line("A", 1, 100)]) };
    import(&shop, vec![paid.clone()]).await;
    let order = list(&shop).await.remove(0);
    let body = FulfilBody { lines: vec![], carrier: None, tracking: None };
    let sent = shop.orders.fulfil(&shop.staff(), Fulfil { order: order.id, body }).await.expect("sent");
    assert_eq!(import(&shop, vec![paid.clone()]).await, [Imported::Unchanged]);
    let other = PastOrder { note: None, ..paid };
    assert!(matches!(&import(&shop, vec![other]).await[..], [Imported::Refused { .. }]));
    assert_eq!(shop.order(order.id).await, sent);
}

#[tokio::test]
async fn bad_orders_are_refused_while_the_good_go_in() {
    let shop = Shop::open().await;
    let good = || past("good", vec![line("A", 1, 100)]);
    let mut dollars = line("B", 1, 100);
    dollars.subtotal = Money::new(100, Currency::USD);
    let orders = vec![
        PastOrder { source: "web".into(), ..good() },
        past("mixed", vec![line("A", 1, 100), dollars]),
        past("empty", vec![]),
        past("blank", vec![line(" ", 1, 1)]),
        PastOrder { email: Some("nobody".into()), ..good() },
        good(),
        good(),
    ];
    let outcomes = import(&shop, orders).await;
    let fields: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Imported::Refused { code, field, message } => {
                assert!(code == "invalid_request" && !message.is_empty());
                field.clone().unwrap_or_default()
            }
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        fields,
        ["source", "lines[1].subtotal", "lines", "lines[0].sku", "email", "Created", "number"]
    );
    assert_eq!(list(&shop).await.len(), 1);
}

#[tokio::test]
async fn a_thousand_orders_come_in_with_a_handful_of_statements() {
    let shop = Shop::open().await;
    let many = |count: usize| -> Vec<PastOrder> {
        (0..count)
            .map(|number| past(&number.to_string(), vec![line("A", 1, 100), line("B", 2, 50)]))
            .collect()
    };
    let before = shop.statements();
    assert_eq!(import(&shop, many(1_000)).await.len(), 1_000);
    assert_eq!(shop.statements() - before, 8);
    let too_many = ImportOrders { orders: many(1_001), dry_run: false };
    let refused = shop.orders.import_orders(&shop.system(), too_many).await.expect_err("too many");
    assert_eq!(refused.kind(), Kind::Invalid);
}

#[tokio::test]
async fn an_imported_order_tells_its_history_and_nobody_is_told_of_it() {
    let shop = Shop::open().await;
    import(&shop, vec![past("1", vec![line("A", 1, 100)])]).await;
    let order = list(&shop).await.remove(0).id;
    let request = OrderRef { order, token: None };
    let entries = shop.orders.list_timeline(&shop.staff(), request).await.expect("a timeline");
    assert_eq!(entries.iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["order.imported"]);
    let (outbox, cx) = (shoal_orders::Orders::outbox(), shop.system());
    let waiting = shop
        .orders
        .database()
        .read(&cx, async move |tx| tx.list::<OrderId>(outbox.unpublished, shoal_sql::params![10]).await);
    assert_eq!(waiting.await, Ok(vec![]));
}
