//! What the tables of a shop say afterwards, asked of the new primary itself and of no part of Shoal.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::load::{Finding, Purchase};
use super::rig::wait;
use super::sql::Psql;

/// A saga whose node forgot it is taken up when its lease has run out.
const SAGAS_MAX: Duration = Duration::from_secs(90);
const UNFINISHED: &str = "select count(*) from checkout.sagas where done = 0";
/// Every order, with the idempotency key that its buyer wrote into its note.
const ORDERS: &str = "select document::json ->> 'note', number, status, paid = total from orders.orders
    where source = 'web' and status <> 'cancelled'";

/// What must not be there, and how to count it.
const WRONGS: &[(&str, &str)] = &[
    (
        "items whose stock is not what was sold",
        "select count(*) from products.stock s where s.reserved <> 0 or s.on_hand <>
           (select coalesce(sum(m.on_hand_change), 0) from products.movements m
             where m.variant_id = s.variant_id and m.kind <> 'restock')
           - (select coalesce(sum(h.quantity), 0) from products.holds h
               join orders.orders o on o.order_id = h.reservation_id and o.status <> 'cancelled'
             where h.variant_id = s.variant_id and h.state = 'confirmed')",
    ),
    (
        "orders that took other pieces than they say",
        "select count(*) from orders.orders o where o.status <> 'cancelled' and
           (select coalesce(sum(l.quantity), 0) from orders.order_lines l where l.order_id = o.order_id) <>
           (select coalesce(sum(h.quantity), 0) from products.holds h
             where h.reservation_id = o.order_id and h.state = 'confirmed')",
    ),
    (
        "cents taken without an order",
        "select abs((select coalesce(sum(amount - refunded), 0) from test_provider.payments where status = 'captured')
           - (select coalesce(sum(paid - refunded), 0) from orders.orders where status <> 'cancelled'))",
    ),
    (
        "payments held without an end",
        "select count(*) from test_provider.payments where status in ('authorised', 'pending')",
    ),
];

/// An order as its table has it.
struct Order {
    number: String,
    paid: bool,
}

/// Waits until no saga is under way, then holds the tables against what buyers were told.
pub(super) fn audit(psql: &Psql, purchases: &[Purchase]) -> io::Result<Vec<Finding>> {
    let start = Instant::now();
    let unfinished = || psql.number(UNFINISHED);
    let ended = wait("every saga ends", SAGAS_MAX, || Ok((unfinished()? == 0).then_some(())));
    let left = unfinished()?;
    let mut findings = vec![Finding {
        what: "sagas without an end".to_owned(),
        figure: format!("{left}, {:.1} s after the last purchase", start.elapsed().as_secs_f64()),
        well: ended.is_ok() && left == 0,
    }];
    findings.extend(against(&orders(&psql.rows(ORDERS)?), purchases));
    for (what, statement) in WRONGS {
        findings.push(none(what, psql.number(statement)?.unsigned_abs()));
    }
    Ok(findings)
}

/// Orders by the key they were bought under.
fn orders(rows: &[Vec<String>]) -> HashMap<String, Vec<Order>> {
    let mut orders: HashMap<String, Vec<Order>> = HashMap::new();
    for row in rows {
        if let [key, number, status, covered] = &row[..] {
            let paid = status == "paid" && covered == "t";
            orders.entry(key.clone()).or_default().push(Order { number: number.clone(), paid });
        }
    }
    orders
}

fn against(orders: &HashMap<String, Vec<Order>>, purchases: &[Purchase]) -> Vec<Finding> {
    let known: HashSet<&str> = purchases.iter().map(|purchase| purchase.key.as_str()).collect();
    let of = |purchase: &Purchase| orders.get(&purchase.key).map_or(&[][..], Vec::as_slice);
    let mut lost = 0;
    for purchase in purchases {
        let Some(receipt) = purchase.receipt() else { continue };
        lost += u64::from(!of(purchase).iter().any(|order| order.number == receipt.number));
    }
    let all = || orders.values().flatten();
    let strange = orders.keys().filter(|key| !known.contains(key.as_str())).count();
    vec![
        none("acknowledged orders lost", lost),
        none("orders not paid", all().filter(|order| !order.paid).count() as u64),
        none("orders too many for their key", (all().count() - orders.len()) as u64),
        none("orders that nobody asked for", strange as u64),
    ]
}

fn none(what: &str, count: u64) -> Finding {
    Finding { what: what.to_owned(), figure: count.to_string(), well: count == 0 }
}

#[cfg(test)]
mod tests {
    use super::super::load::{Bought, Receipt};
    use super::*;

    fn purchase(key: &str, number: &str) -> Purchase {
        let now = Instant::now();
        let outcome = match number {
            "" => Bought::Unknown(String::new()),
            _ => Bought::Acknowledged(Receipt { number: number.to_owned(), path: String::new() }),
        };
        Purchase { key: key.to_owned(), begun: now, ended: now, attempts: 1, outcome }
    }

    fn counts(rows: &[[&str; 4]], purchases: &[Purchase]) -> Vec<String> {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|&text| text.to_owned()).collect()).collect();
        against(&orders(&rows), purchases).into_iter().map(|finding| finding.figure).collect()
    }

    #[test]
    fn an_acknowledged_order_must_be_there_once_and_paid() {
        let purchases = [purchase("a", "1"), purchase("b", "2"), purchase("c", "")];
        let rows = [["a", "1", "paid", "t"], ["b", "2", "paid", "t"], ["c", "3", "paid", "t"]];
        assert_eq!(counts(&rows, &purchases), ["0", "0", "0", "0"]);
        let rows = [
            ["a", "9", "paid", "t"],
            ["b", "2", "placed", "f"],
            ["b", "4", "paid", "t"],
            ["d", "5", "paid", "f"],
        ];
        assert_eq!(counts(&rows, &purchases), ["1", "2", "1", "1"]);
    }
}
