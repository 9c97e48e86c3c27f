use shoal_contract::normal_email;
use shoal_contract::orders::{
    Discount, Fulfilment, LineQuantity, Order, OrderId, OrderLine, OrderStatus, PastLine, PastOrder, Totals,
};
use shoal_types::{Currency, Fault, Id, Money, Timestamp};

use super::cart::written;
use super::lifecycle::WEB;

/// The order that a past order of another system becomes here; `version` 1 until the store says otherwise.
///
/// Its sums are taken as they are: `total = subtotal - discount + shipping`, no tax is known. What a fulfilled or
/// returned order holds counts as sent, or sent and come back; orders of those and the paid states count as paid.
///
/// # Errors
/// `Invalid`: the reserved source, two currencies in one order, a negative discount, a sum beyond 64 bits.
pub(crate) fn adopted(past: PastOrder, id: OrderId, at: Timestamp) -> Result<Order, Fault> {
    if past.source == WEB {
        let message = "`web` is the source of orders placed here; choose another";
        return Err(Fault::invalid("source", "reserved", message));
    }
    let totals = totals(&past)?;
    let status = past.status;
    let (number, source, placed_at) = (past.number, past.source, past.placed_at);
    let lines: Vec<_> = (1..)
        .zip(past.lines)
        .map(|(place, line)| remembered(place, line, status))
        .collect::<Result<_, Fault>>()?;
    let zero = Money::zero(totals.total.currency);
    let paid =
        if matches!(status, OrderStatus::Placed | OrderStatus::Cancelled) { zero } else { totals.total };
    // A cancellation of its own has a negative sum: that is the money that went back, there is none beside it.
    let refunded = if status == OrderStatus::Returned && paid.amount > 0 { paid } else { zero };
    Ok(Order {
        id,
        number,
        source,
        status,
        customer: None,
        email: past.email.map(|email| normal_email(&email)),
        cart: None,
        note: written(past.note),
        shipping_address: past.shipping_address.clone(),
        billing_address: past.shipping_address,
        shipping_method: None,
        totals,
        paid,
        refunded,
        fulfilments: parcel(id, past.tracking, &lines, placed_at),
        lines,
        returns: Vec::new(),
        version: 1,
        placed_at,
        updated_at: at,
    })
}

/// The one parcel that a tracking number tells of; its id has the order's bits, so that a second run finds it.
fn parcel(id: OrderId, tracking: Option<String>, lines: &[OrderLine], at: Timestamp) -> Vec<Fulfilment> {
    let Some(tracking) = tracking else { return Vec::new() };
    let sent = lines.iter().filter(|line| line.fulfilled > 0);
    let lines = sent.map(|line| LineQuantity { line: line.line, quantity: line.fulfilled }).collect();
    vec![Fulfilment { id: Id::from_uuid(id.uuid()), lines, carrier: None, tracking: Some(tracking), at }]
}

fn totals(past: &PastOrder) -> Result<Totals, Fault> {
    // The shape's rules ask for at least one line.
    let currency = past.lines.first().map_or(Currency::EUR, |line| line.subtotal.currency);
    let mut sum = Sum { currency, subtotal: 0, discount: 0 };
    for (index, line) in past.lines.iter().enumerate() {
        sum.add(line).map_err(|(field, rule, message)| {
            Fault::invalid(format!("lines[{index}].{field}"), rule, message)
        })?;
    }
    let shipping = past.shipping.unwrap_or(Money::zero(currency));
    if shipping.currency != currency {
        return Err(Fault::invalid("shipping", "currency", ONE_CURRENCY));
    }
    let money = |amount: i128| -> Result<Money, Fault> {
        let amount = i64::try_from(amount).map_err(|_| Fault::invalid("lines", "range", TOO_LARGE))?;
        Ok(Money::new(amount, currency))
    };
    let zero = Money::zero(currency);
    Ok(Totals {
        subtotal: money(sum.subtotal)?,
        discount: money(sum.discount)?,
        shipping,
        tax_added: zero,
        tax_included: zero,
        total: money(sum.subtotal - sum.discount + i128::from(shipping.amount))?,
        taxes: Vec::new(),
    })
}

const ONE_CURRENCY: &str = "all amounts of an order are in one currency";
const TOO_LARGE: &str = "the sum is too large";

/// A field, the rule it breaks, and a sentence.
type Refusal = (&'static str, &'static str, &'static str);

struct Sum {
    currency: Currency,
    subtotal: i128,
    discount: i128,
}

impl Sum {
    fn add(&mut self, line: &PastLine) -> Result<(), Refusal> {
        let own = |money: Money| money.currency == self.currency;
        if !own(line.subtotal) {
            return Err(("subtotal", "currency", ONE_CURRENCY));
        }
        if !line.unit_price.is_none_or(own) {
            return Err(("unit_price", "currency", ONE_CURRENCY));
        }
        if !line.discounts.iter().all(|discount| own(discount.amount)) {
            return Err(("discounts", "currency", ONE_CURRENCY));
        }
        if line.discounts.iter().any(|discount| discount.amount.amount < 0) {
            return Err(("discounts", "range", "what is taken off is not negative"));
        }
        self.subtotal += i128::from(line.subtotal.amount);
        self.discount += off(&line.discounts);
        Ok(())
    }
}

fn off(discounts: &[Discount]) -> i128 {
    discounts.iter().map(|discount| i128::from(discount.amount.amount)).sum()
}

fn remembered(place: u32, line: PastLine, status: OrderStatus) -> Result<OrderLine, Fault> {
    let total = i64::try_from(i128::from(line.subtotal.amount) - off(&line.discounts))
        .map_err(|_| Fault::invalid(format!("lines[{}].discounts", place - 1), "range", TOO_LARGE))?;
    let currency = line.subtotal.currency;
    let sent = matches!(status, OrderStatus::Fulfilled | OrderStatus::Returned);
    let fulfilled = if sent { line.quantity.max(0) } else { 0 };
    Ok(OrderLine {
        line: place,
        variant: None,
        product: None,
        sku: line.sku,
        title: line.title,
        choice: String::new(),
        image: None,
        note: None,
        quantity: line.quantity,
        unit_price: line.unit_price,
        subtotal: line.subtotal,
        discounts: line.discounts,
        total: Money::new(total, currency),
        tax: Money::zero(currency),
        tax_rate_bp: 0,
        tax_included: false,
        shippable: true,
        fulfilled,
        returned: if status == OrderStatus::Returned { fulfilled } else { 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    fn line(quantity: i64, subtotal: i64, discounts: &[i64]) -> PastLine {
        let discount = |&amount: &i64| Discount { kind: "coupon".into(), amount: eur(amount) };
        PastLine {
            sku: "85123A".into(),
            title: "White hanging heart".into(),
            quantity,
            unit_price: None,
            subtotal: eur(subtotal),
            discounts: discounts.iter().map(discount).collect(),
        }
    }

    fn past(status: OrderStatus, lines: Vec<PastLine>) -> PastOrder {
        PastOrder {
            source: "old-shop".into(),
            number: "536365".into(),
            status,
            email: None,
            placed_at: Timestamp::default(),
            lines,
            shipping: Some(eur(490)),
            shipping_address: None,
            note: None,
            tracking: Some("TRACK-1".into()),
        }
    }

    fn adopt(past: PastOrder) -> Result<Order, Fault> {
        adopted(past, Id::from_digest([7; 16]), Timestamp::default())
    }

    #[test]
    fn sums_are_taken_as_they_are_and_lines_may_be_negative() {
        let lines = vec![line(6, 1530, &[100, 30]), line(-2, -510, &[]), line(0, 0, &[])];
        let order = adopt(past(OrderStatus::Fulfilled, lines)).expect("valid");
        let totals = &order.totals;
        let sums =
            [totals.subtotal, totals.discount, totals.shipping, totals.total].map(|money| money.amount);
        assert_eq!(sums, [1020, 130, 490, 1380]);
        assert_eq!(order.paid, totals.total);
        assert_eq!(order.lines.iter().map(|line| line.fulfilled).collect::<Vec<_>>(), [6, 0, 0]);
        assert_eq!(order.fulfilments[0].lines, [LineQuantity { line: 1, quantity: 6 }]);
    }

    #[test]
    fn a_cancellation_with_negative_lines_has_nothing_more_to_refund() {
        let lines = vec![line(-1, -2750, &[])];
        let order = adopt(PastOrder { shipping: None, ..past(OrderStatus::Returned, lines) }).expect("valid");
        assert_eq!((order.paid.amount, order.refunded.amount), (-2750, 0));
    }

    #[test]
    fn what_cannot_be_right_is_refused_with_its_field() {
        let field = |past: PastOrder| match adopt(past) {
            Err(Fault::Invalid { violations }) => violations[0].field.clone(),
            other => panic!("expected a violation, got {other:?}"),
        };
        let web = PastOrder { source: WEB.into(), ..past(OrderStatus::Paid, vec![line(1, 1, &[])]) };
        assert_eq!(field(web), "source");
        let mut dollars = line(1, 1, &[]);
        dollars.subtotal.currency = Currency::USD;
        assert_eq!(field(past(OrderStatus::Paid, vec![line(1, 1, &[]), dollars])), "lines[1].subtotal");
        assert_eq!(field(past(OrderStatus::Paid, vec![line(1, 1, &[-1])])), "lines[0].discounts");
        let huge = vec![line(1, i64::MAX, &[]), line(1, 1, &[])];
        assert_eq!(field(past(OrderStatus::Paid, huge)), "lines");
        assert_eq!(field(past(OrderStatus::Paid, vec![line(1, i64::MIN, &[1])])), "lines[0].discounts");
    }
}
