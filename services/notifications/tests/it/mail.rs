//! Mails, made and handed to a real mail server.

mod made;
mod sink;
mod templates;
mod tried;

use std::sync::Arc;

use serde_json::{Value, json};
use shoal_contract::events::kinds;
use shoal_contract::notifications::{Mail, MailState};
use shoal_contract::orders::{self, Order, OrderId};
use shoal_contract::users::{self, PasswordReset, User, UserId};
use shoal_notifications::{MailOptions, Mailer, Options};
use shoal_sql::Source;
use shoal_types::{Secret, Timestamp};
use tokio::task::JoinHandle;

use crate::town::{Town, mail_options};

/// A town with a mailer whose jobs run.
struct Post {
    town: Town,
    jobs: JoinHandle<()>,
}

impl Drop for Post {
    fn drop(&mut self) {
        self.jobs.abort();
    }
}

impl Post {
    /// Sends to this port.
    async fn to(port: u16) -> Self {
        Self::with(mail_options(port)).await
    }

    async fn with(options: MailOptions) -> Self {
        let mailer = Arc::new(Mailer::new(&options).expect("good settings"));
        let unused = Source::Directory("unused".into());
        let town = Town::live(Options { mail: Some(mailer), ..Options::new(unused) }).await;
        let jobs = town.run_mails();
        let post = Self { town, jobs };
        post.knows(user("ann@example.com", "Ann"), order("ann@example.com"));
        post
    }

    /// From now on every user and every order is this one.
    fn knows(&self, user: User, order: Order) {
        self.town.others.answer::<_, users::Error>("get_user", Ok(user));
        self.town.others.answer::<_, orders::Error>("get_order", Ok(order));
        let expires_at = self.town.env.now().plus(std::time::Duration::from_secs(3_600));
        let reset = PasswordReset { token: Secret::new("shoal_reset_t0ken"), expires_at };
        self.town.others.answer::<_, users::Error>("issue_password_reset", Ok(reset));
    }

    /// Somebody opens an account.
    async fn welcome(&self) {
        let user: UserId = self.town.env.id();
        let data = json!({ "role": "customer", "by": "user" });
        self.town.hear(&[self.town.event(kinds::USER_REGISTERED, user, 1, data)]).await;
    }

    /// Something happens to an order.
    async fn order(&self, kind: &str, data: Value) {
        let order: OrderId = self.town.env.id();
        self.town.hear(&[self.town.event(kind, order, 2, data)]).await;
    }

    /// Waits until the newest mail was tried in vain; why.
    async fn has_a_code(&self) -> String {
        for _ in 0..3_000 {
            if let Some(code) = self.town.mails().await.remove(0).code {
                return code;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("still on its way: {:?}", self.town.mails().await);
    }

    /// Waits until every mail is in this state.
    async fn all_are(&self, state: MailState) -> Vec<Mail> {
        for _ in 0..3_000 {
            let mails = self.town.mails().await;
            if !mails.is_empty() && mails.iter().all(|mail| mail.state == state) {
                return mails;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("not all are {state:?}: {:?}", self.town.mails().await);
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-05-03T10:12:00Z").expect("a time")
}

fn user(email: &str, name: &str) -> User {
    let user = json!({
        "id": "user_01h455vb4pex5vsknk084sn02q", "email": email, "name": name, "role": "customer",
        "accepts_marketing": false, "tags": [], "version": 1, "created_at": now(), "updated_at": now(),
    });
    serde_json::from_value(user).expect("a user")
}

fn eur(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// An order of two mugs and a poster, of which a parcel was sent and some money went back.
fn order(email: &str) -> Order {
    order_in("EUR", email)
}

fn order_in(currency: &str, email: &str) -> Order {
    let money = |amount: i64| json!({ "amount": amount, "currency": currency });
    let line = |line: u32, title: &str, choice: &str, quantity: i64, subtotal: i64, fulfilled: i64| {
        json!({
            "line": line, "sku": format!("S-{line}"), "title": title, "choice": choice, "quantity": quantity,
            "unit_price": money(subtotal / quantity), "subtotal": money(subtotal), "total": money(subtotal),
            "tax": money(0), "tax_rate_bp": 1900, "tax_included": true, "shippable": true,
            "fulfilled": fulfilled, "returned": 0,
        })
    };
    let order = json!({
        "id": "order_01h455vb4pex5vsknk084sn02q", "number": "S-ZN67-JAFZ", "source": "web", "status": "paid",
        "email": email,
        "lines": [
            line(1, "Mug <b>\"Harbour\" & Sons</b>", "Sand", 2, 123_998, 2),
            line(2, "Plakat Möwe", "", 1, 2_000, 0),
        ],
        "shipping_address": { "name": "Jürgen Groß", "line1": "1 Pier Road", "city": "Hamburg",
            "postal_code": "20457", "country": "DE" },
        "shipping_method": "standard",
        "totals": {
            "subtotal": money(125_998), "discount": money(0), "shipping": money(490), "tax_added": money(0),
            "tax_included": money(20_195), "total": money(126_488), "taxes": [],
        },
        "paid": money(126_488), "refunded": money(1_999),
        "fulfilments": [{ "id": "fulfilment_01h455vb4pex5vsknk084sn02q", "lines": [{ "line": 1, "quantity": 2 }],
            "carrier": "Gull Post", "tracking": "GP-7 7", "at": now() }],
        "returns": [], "version": 2, "placed_at": now(), "updated_at": now(),
    });
    serde_json::from_value(order).expect("an order")
}
