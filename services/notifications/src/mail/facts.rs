//! What a mail tells: asked of the houses that know it, when it is made.

use lettre::message::Mailbox;
use serde::Serialize;
use serde_json::{Value, json};
use shoal_contract::notifications::MailKind;
use shoal_contract::orders::{self, Fulfilment, LineQuantity, Order, OrderId, OrderRef, OrderStatus};
use shoal_contract::users::{IssuePasswordReset, User, UserId, UserRef};
use shoal_types::{Context, Fact, Kind, Money};

use super::Mailer;
use crate::House;
use crate::model::mail::{Kept, Outcome};

impl House {
    /// To whom a mail goes, and what its templates are given.
    ///
    /// # Errors
    /// What comes of the try instead.
    pub(super) async fn facts(
        &self,
        cx: &Context,
        mailer: &Mailer,
        kept: &Kept,
    ) -> Result<(Mailbox, Value), Outcome> {
        let (to, mut facts) = match kept.mail.kind {
            MailKind::Welcome => {
                let user = self.user(cx, kept).await?;
                (to(&user.email, Some(&user.name))?, json!({ "name": user.name }))
            }
            MailKind::PasswordReset => self.reset(cx, mailer, kept).await?,
            MailKind::OrderPlaced | MailKind::OrderShipped | MailKind::OrderRefunded => {
                let order = self.order(cx, kept).await?;
                let email = order.email.as_deref().ok_or_else(|| dropped("no_address"))?;
                (to(email, recipient(&order))?, of_order(mailer, &order, kept)?)
            }
        };
        facts["shop"] = json!({ "name": mailer.shop_name, "url": mailer.shop_url });
        facts["account_url"] = json!(format!("{}/account", mailer.shop_url));
        Ok((to, facts))
    }

    async fn user(&self, cx: &Context, kept: &Kept) -> Result<User, Outcome> {
        let user: UserId = kept.mail.about.parse().map_err(|_| dropped("unknown_user"))?;
        self.users.get_user(cx, UserRef { user }).await.map_err(|error| trouble(&error))
    }

    async fn order(&self, cx: &Context, kept: &Kept) -> Result<Order, Outcome> {
        let order: OrderId = kept.mail.about.parse().map_err(|_| dropped("unknown_order"))?;
        self.orders.get_order(cx, OrderRef { order, token: None }).await.map_err(|error| trouble(&error))
    }

    /// A mail with a token, minted for this try.
    async fn reset(&self, cx: &Context, mailer: &Mailer, kept: &Kept) -> Result<(Mailbox, Value), Outcome> {
        let user = self.user(cx, kept).await?;
        let issue = IssuePasswordReset { user: user.id };
        let reset = self.users.issue_password_reset(cx, issue).await.map_err(|error| trouble(&error))?;
        let minutes = reset.expires_at.since(self.env.now()).as_secs().div_ceil(60);
        let url = format!("{}/password/new?token={}", mailer.shop_url, reset.token.expose());
        let facts = json!({ "name": user.name, "reset": { "url": url, "minutes": minutes } });
        Ok((to(&user.email, Some(&user.name))?, facts))
    }
}

fn dropped(code: &str) -> Outcome {
    Outcome::Dropped(code.to_owned())
}

/// What another house's error means for a mail.
fn trouble(error: &impl Fact) -> Outcome {
    match error.kind() {
        Kind::Unavailable | Kind::Timeout | Kind::Limited | Kind::Full | Kind::Internal => {
            Outcome::Later(error.code().to_owned())
        }
        _ => dropped(error.code()),
    }
}

fn to(email: &str, name: Option<&str>) -> Result<Mailbox, Outcome> {
    let email = email.parse().map_err(|_| dropped("address_unusable"))?;
    Ok(Mailbox::new(name.map(str::to_owned), email))
}

/// As whom the buyer wants to be addressed.
fn recipient(order: &Order) -> Option<&str> {
    let address = order.shipping_address.as_ref().or(order.billing_address.as_ref());
    address.map(|address| address.name.as_str())
}

/// A line of a mail about an order.
#[derive(Serialize)]
struct Line<'o> {
    quantity: i64,
    title: &'o str,
    choice: &'o str,
    sku: &'o str,
    subtotal: String,
}

fn line(line: &orders::OrderLine, quantity: i64) -> Line<'_> {
    let (title, choice, sku) = (line.title.as_str(), line.choice.as_str(), line.sku.as_str());
    Line { quantity, title, choice, sku, subtotal: line.subtotal.for_people() }
}

fn of_order(mailer: &Mailer, order: &Order, kept: &Kept) -> Result<Value, Outcome> {
    let some = |money: Money| (money.amount != 0).then(|| money.for_people());
    let totals = &order.totals;
    let lines: Vec<_> = order.lines.iter().map(|it| line(it, it.quantity)).collect();
    let mut facts = json!({
        "name": recipient(order),
        "order": {
            "number": order.number,
            "url": format!("{}/orders/{}", mailer.shop_url, order.id),
            "placed_on": order.placed_at.day_for_people(),
            "guest": order.customer.is_none(),
            "lines": lines,
            "subtotal": totals.subtotal.for_people(),
            "discount": some(totals.discount),
            "shipping": some(totals.shipping),
            "tax_added": some(totals.tax_added),
            "tax_included": some(totals.tax_included),
            "total": totals.total.for_people(),
            "address": order.shipping_address.as_ref().map(address).unwrap_or_default(),
        },
    });
    match kept.mail.kind {
        MailKind::OrderPlaced if order.status == OrderStatus::Cancelled => {
            return Err(dropped("order_cancelled"));
        }
        MailKind::OrderShipped => {
            facts["parcel"] = parcel(order, kept).ok_or_else(|| dropped("no_parcel"))?
        }
        MailKind::OrderRefunded => {
            let amount = kept.detail.amount.map(Money::for_people);
            facts["refund"] = json!({ "amount": amount, "so_far": order.refunded.for_people() });
        }
        _ => {}
    }
    Ok(facts)
}

/// The parcel that was sent: the one the event names, else the latest.
fn parcel(order: &Order, kept: &Kept) -> Option<Value> {
    let named = |it: &&Fulfilment| Some(it.id) == kept.detail.fulfilment;
    let parcel = order.fulfilments.iter().find(named).or(order.fulfilments.last())?;
    let of = |piece: &LineQuantity| {
        let found = order.lines.iter().find(|it| it.line == piece.line)?;
        Some(line(found, piece.quantity))
    };
    let lines: Vec<_> = parcel.lines.iter().filter_map(of).collect();
    let last = order.lines.iter().all(|it| it.fulfilled >= it.quantity);
    Some(json!({ "carrier": parcel.carrier, "tracking": parcel.tracking, "lines": lines, "last": last }))
}

fn address(address: &shoal_contract::Address) -> Vec<String> {
    let town = [address.postal_code.as_deref(), Some(&address.city), address.region.as_deref()];
    let town = town.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lines = [Some(&address.name), Some(&address.line1), address.line2.as_ref()];
    let lines = lines.into_iter().flatten().cloned().chain([town, address.country.clone()]);
    lines.collect()
}

/// What templates are tried on: a mail that has everything, and one that has as little as can be.
pub(super) fn samples(kind: MailKind) -> [Value; 2] {
    let shop = json!({ "name": "The Shop", "url": "https://shop.example" });
    let common = |full: bool| {
        let text = |text: &str| full.then(|| text.to_owned());
        let line = json!({ "quantity": 2, "title": "Mug", "choice": if full { "Sand" } else { "" }, "sku": "MUG",
            "subtotal": "€44.00" });
        json!({
            "shop": shop,
            "account_url": "https://shop.example/account",
            "name": text("Ann"),
            "order": {
                "number": "S-1", "url": "https://shop.example/orders/order_1", "placed_on": "2 November 2026",
                "guest": full, "lines": [line], "subtotal": "€44.00", "discount": text("€1.00"),
                "shipping": text("€4.90"), "tax_added": text("€1.00"), "tax_included": text("€7.03"),
                "total": "€44.00", "address": if full { vec!["Ann", "12 Mill Lane"] } else { Vec::new() },
            },
            "parcel": { "carrier": text("Gull Post"), "tracking": text("T-1"), "lines": [line], "last": full },
            "refund": { "amount": text("€4.00"), "so_far": "€4.00" },
            "reset": { "url": "https://shop.example/password/new?token=t", "minutes": 60 },
        })
    };
    let own = |full| match kind {
        // Who has an account has a name.
        MailKind::Welcome | MailKind::PasswordReset => {
            let mut facts = common(full);
            facts["name"] = json!("Ann");
            facts
        }
        _ => common(full),
    };
    [own(true), own(false)]
}
