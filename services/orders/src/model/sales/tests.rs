use proptest::prelude::*;
use shoal_contract::orders::{LineQuantity, Totals};
use shoal_types::Id;

use super::*;

const MORNING: &str = "2026-11-20T08:00:00Z";
const NEXT_DAY: &str = "2026-11-21T08:00:00Z";
const DAY_AFTER: &str = "2026-11-22T08:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn line(place: u32, quantity: i64, total: i64, tax: i64, tax_included: bool) -> OrderLine {
    OrderLine {
        line: place,
        variant: None,
        product: Some(Id::from_digest([u8::try_from(place).expect("few lines"); 16])),
        sku: format!("SKU-{place}"),
        title: "Mug".into(),
        choice: String::new(),
        image: None,
        note: None,
        quantity,
        unit_price: None,
        subtotal: eur(total),
        discounts: Vec::new(),
        total: eur(total),
        tax: eur(tax),
        tax_rate_bp: 0,
        tax_included,
        shippable: true,
        fulfilled: 0,
        returned: 0,
    }
}

/// A paid order of these lines that ships for 4.90.
fn order(lines: Vec<OrderLine>) -> Order {
    let total = eur(lines.iter().map(cost).sum::<i64>() + 490);
    let zero = eur(0);
    Order {
        id: Id::from_digest([7; 16]),
        number: "S-1".into(),
        source: "web".into(),
        status: OrderStatus::Paid,
        customer: None,
        email: None,
        cart: None,
        lines,
        note: None,
        shipping_address: None,
        billing_address: None,
        shipping_method: None,
        totals: Totals {
            subtotal: zero,
            discount: zero,
            shipping: eur(490),
            tax_added: zero,
            tax_included: zero,
            total,
            taxes: Vec::new(),
        },
        paid: total,
        refunded: zero,
        fulfilments: Vec::new(),
        returns: Vec::new(),
        version: 2,
        placed_at: at(MORNING),
        updated_at: at(MORNING),
    }
}

fn paid() -> History {
    History { paid_at: Some(at(MORNING)), ..History::default() }
}

fn goods_back(order: &mut Order, line: u32, quantity: i64, time: &str) -> ReturnId {
    let id = Id::from_digest([u8::try_from(order.returns.len()).expect("few returns"); 16]);
    order.returns.push(Return {
        id,
        lines: vec![LineQuantity { line, quantity }],
        reason: None,
        restock: true,
        refund: eur(0),
        refunded: true,
        at: at(time),
    });
    id
}

/// `day sku units gross units_back refunded`, shipping's SKU as `-`.
fn rows(order: &Order, history: &History) -> Vec<String> {
    let tally = figures(order, history, &Zone::utc());
    let row = |(key, figures): (&Key, &Figures)| {
        let sku = if key.sku.is_empty() { "-" } else { &key.sku };
        let Figures { units, gross, units_back, refunded } = figures;
        format!("{} {sku} {units} {gross} {units_back} {refunded}", key.day)
    };
    let mut rows: Vec<_> = tally.entries().map(row).collect();
    rows.sort();
    rows
}

#[test]
fn an_order_counts_once_it_is_paid_on_that_day_with_added_tax_and_shipping_apart() {
    let mut order = order(vec![line(1, 2, 2000, 380, false), line(2, 1, 500, 80, true)]);
    assert_eq!(
        rows(&order, &paid()),
        ["2026-11-20 - 0 490 0 0", "2026-11-20 SKU-1 2 2380 0 0", "2026-11-20 SKU-2 1 500 0 0"]
    );
    order.status = OrderStatus::Placed;
    assert_eq!(rows(&order, &History::default()), [""; 0]);
}

#[test]
fn a_cancelled_order_comes_back_whole_on_the_day_of_it() {
    let mut order = order(vec![line(1, 2, 2000, 0, false)]);
    order.status = OrderStatus::Cancelled;
    order.refunded = order.paid;
    let refund = Refund { of: None, amount: order.paid.amount, at: at(DAY_AFTER) };
    let history = History { cancelled_at: Some(at(NEXT_DAY)), refunds: vec![refund], ..paid() };
    assert_eq!(
        rows(&order, &history),
        [
            "2026-11-20 - 0 490 0 0",
            "2026-11-20 SKU-1 2 2000 0 0",
            "2026-11-21 SKU-1 0 0 2 0",
            "2026-11-22 - 0 0 0 490",
            "2026-11-22 SKU-1 0 0 0 2000"
        ]
    );
    let never_paid = History { cancelled_at: Some(at(NEXT_DAY)), ..History::default() };
    order.paid = eur(0);
    order.refunded = eur(0);
    assert_eq!(rows(&order, &never_paid), [""; 0]);
}

#[test]
fn a_return_is_of_its_lines_and_money_without_goods_of_all() {
    let mut order = order(vec![line(1, 4, 2000, 0, false), line(2, 1, 510, 0, false)]);
    order.status = OrderStatus::Fulfilled;
    order.lines[0].returned = 1;
    let goods = goods_back(&mut order, 1, 1, NEXT_DAY);
    let of_goods = Refund { of: Some(goods), amount: 500, at: at(DAY_AFTER) };
    let goodwill = Refund { of: None, amount: 300, at: at(DAY_AFTER) };
    order.refunded = eur(800);
    let history = History { refunds: vec![of_goods, goodwill], ..paid() };
    assert_eq!(
        rows(&order, &history),
        [
            "2026-11-20 - 0 490 0 0",
            "2026-11-20 SKU-1 4 2000 0 0",
            "2026-11-20 SKU-2 1 510 0 0",
            "2026-11-21 SKU-1 0 0 1 0",
            "2026-11-22 - 0 0 0 49",
            "2026-11-22 SKU-1 0 0 0 700",
            "2026-11-22 SKU-2 0 0 0 51"
        ]
    );
}

#[test]
fn an_imported_order_is_of_the_day_it_was_placed_and_less_than_none_came_back() {
    let mut credit = order(vec![line(1, 3, 3000, 0, false), line(2, -1, -500, 0, false)]);
    credit.source = "old-shop".into();
    assert_eq!(
        rows(&credit, &History::default()),
        ["2026-11-20 - 0 490 0 0", "2026-11-20 SKU-1 3 3000 0 0", "2026-11-20 SKU-2 0 0 1 500"]
    );
    let mut returned = order(vec![line(1, 3, 3000, 0, false)]);
    returned.source = "old-shop".into();
    returned.status = OrderStatus::Returned;
    returned.refunded = returned.paid;
    returned.lines[0].returned = 3;
    assert_eq!(
        rows(&returned, &History::default()),
        ["2026-11-20 - 0 490 0 490", "2026-11-20 SKU-1 3 3000 3 3000"]
    );
}

#[test]
fn what_no_sum_could_hold_is_not_counted() {
    let mut huge = order(vec![line(1, i64::MAX, 1, 0, false)]);
    huge.source = "old-shop".into();
    assert_eq!(rows(&huge, &paid()), [""; 0]);
    huge.lines[0].quantity = 1;
    huge.lines[0].total = eur(i64::MIN);
    assert_eq!(rows(&huge, &paid()), [""; 0]);
}

/// An order as it is after each thing that happened to it.
fn life(lines: Vec<(i64, i64, i64, bool)>, steps: Vec<(bool, usize, i64)>) -> Vec<(Order, History)> {
    let lines = (1..)
        .zip(lines)
        .map(|(place, (quantity, total, tax, included))| line(place, quantity, total, tax, included));
    let (mut order, mut history) = (order(lines.collect()), paid());
    let unpaid = Order { status: OrderStatus::Placed, paid: eur(0), ..order.clone() };
    let mut states = vec![(unpaid, History::default()), (order.clone(), history.clone())];
    order.status = OrderStatus::Fulfilled;
    for (with_goods, index, amount) in steps {
        let place = index % order.lines.len();
        let left = order.lines[place].quantity - order.lines[place].returned;
        let of = (with_goods && left > 0).then(|| {
            order.lines[place].returned += 1;
            let line = order.lines[place].line;
            goods_back(&mut order, line, 1, NEXT_DAY)
        });
        let amount = amount.min(order.paid.amount - order.refunded.amount);
        order.refunded.amount += amount;
        history.refunds.push(Refund { of, amount, at: at(DAY_AFTER) });
        states.push((order.clone(), history.clone()));
    }
    states
}

prop_compose! {
    fn any_life()(
        lines in prop::collection::vec((1_i64..50, 0_i64..1_000_000, 0_i64..1_000, any::<bool>()), 1..6),
        steps in prop::collection::vec((any::<bool>(), 0_usize..6, 0_i64..100_000), 0..8),
    ) -> Vec<(Order, History)> {
        life(lines, steps)
    }
}

fn sums(tally: &Tally) -> Figures {
    let mut sum = Figures::default();
    tally.entries().for_each(|(_, figures)| sum += *figures);
    sum
}

proptest! {
    #[test]
    fn all_money_and_all_pieces_are_counted(states in any_life()) {
        let (order, history) = states.last().expect("a state");
        let returned = order.lines.iter().map(|line| line.returned).sum();
        prop_assert_eq!(sums(&figures(order, history, &Zone::utc())), Figures {
            units: order.lines.iter().map(|line| line.quantity).sum(),
            gross: order.paid.amount,
            units_back: returned,
            refunded: order.refunded.amount,
        });
    }

    /// Whichever states of orders are seen, in which order and how often: once each was seen last as it is, the sums are
    /// those of a recount.
    #[test]
    fn late_repeated_and_reordered_looks_come_to_the_same_sums(
        lives in prop::collection::vec(any_life(), 1..4),
        looks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..30),
    ) {
        let last = |life: &Vec<(Order, History)>| life.len() - 1;
        let looks = looks.into_iter().map(|(life, state)| {
            let life = life.index(lives.len());
            (life, state.index(lives[life].len()))
        });
        let at_last = lives.iter().map(last).enumerate();
        let mut counted = vec![Tally::default(); lives.len()];
        let mut kept = Tally::default();
        for (life, state) in looks.chain(at_last) {
            let (order, history) = &lives[life][state];
            let now = figures(order, history, &Zone::utc());
            kept.replace(std::mem::replace(&mut counted[life], now.clone()), &now);
        }
        let mut recount = Tally::default();
        for life in &lives {
            let (order, history) = life.last().expect("a state");
            recount.replace(Tally::default(), &figures(order, history, &Zone::utc()));
        }
        let entries = |tally: &Tally| tally.entries().map(|(key, figures)| (key.clone(), *figures)).collect::<Vec<_>>();
        prop_assert_eq!(entries(&kept), entries(&recount));
    }
}
