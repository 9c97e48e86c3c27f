//! What was acknowledged, and whether the files of a shop still say so.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::Value;
use shoal_contract::checkout::CheckoutId;
use shoal_contract::orders::{CartId, OrderId};
use shoal_contract::products::ProductId;
use shoal_contract::users::UserId;

use crate::books::HOUSES;

/// Something an answer told its caller, which nothing may undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// An order stands and is paid.
    Order(OrderId),
    /// An order is cancelled.
    Cancelled(OrderId),
    /// A cart is open, or was.
    Cart(CartId),
    /// An account exists.
    Account(UserId),
    /// A product exists, with its shelf.
    Product(ProductId),
}

/// The promises in what was sent to a caller.
pub(crate) fn promises(sent: &[u8]) -> Vec<Promise> {
    let fine = [b"HTTP/1.1 200 ", b"HTTP/1.1 201 "].iter().any(|status| sent.starts_with(*status));
    let body = sent.windows(4).position(|end| end == b"\r\n\r\n").map(|end| &sent[end + 4..]);
    let Some(body) = body.filter(|_| fine) else { return Vec::new() };
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    [&answer, &answer["order"]].into_iter().filter_map(promise).collect()
}

fn promise(noun: &Value) -> Option<Promise> {
    let id = noun["id"].as_str()?;
    let order = id.parse().ok();
    match noun["status"].as_str() {
        Some("paid") if order.is_some() => order.map(Promise::Order),
        Some("cancelled") if order.is_some() => order.map(Promise::Cancelled),
        _ => None,
    }
    .or_else(|| id.parse().ok().map(Promise::Cart))
    .or_else(|| id.parse().ok().map(Promise::Account))
    .or_else(|| id.parse().ok().map(Promise::Product))
}

/// What the files in `data` have lost of `promises`, and where they are damaged; in sentences. An order may be
/// cancelled if somebody asked for it, so that `cancelled` names it, whether this was acknowledged already or not.
///
/// It only reads: nothing is recovered but by SQLite itself.
pub fn broken(data: &Path, promises: &[Promise], cancelled: &HashSet<OrderId>) -> Vec<String> {
    let evidence = match Evidence::open(data) {
        Ok(evidence) => evidence,
        Err(error) => return vec![format!("the files cannot be opened: {error}")],
    };
    let mut wrong = evidence.damage();
    match evidence.lost(promises, cancelled) {
        Ok(lost) => wrong.extend(lost),
        Err(error) => wrong.push(format!("the files cannot be read: {error}")),
    }
    wrong
}

struct Evidence {
    files: Connection,
    names: Vec<&'static str>,
}

type Ids = HashSet<Vec<u8>>;

impl Evidence {
    fn open(data: &Path) -> rusqlite::Result<Self> {
        let files = Connection::open_in_memory()?;
        // Nothing is to be kept, so nothing need be moved from the log into the file.
        files.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let mut names = Vec::new();
        for (name, house) in HOUSES {
            let path = data.join(format!("{house}.db"));
            if path.exists() {
                files.execute(&format!("attach database ?1 as {name}"), [path.to_string_lossy()])?;
                names.push(name);
            }
        }
        Ok(Self { files, names })
    }

    fn damage(&self) -> Vec<String> {
        let mut damage = Vec::new();
        for name in &self.names {
            let check = format!("pragma {name}.quick_check(1)");
            let found = self.files.query_row(&check, [], |row| row.get::<_, String>(0));
            match found {
                Ok(fine) if fine == "ok" => {}
                Ok(what) => damage.push(format!("{name} is damaged: {what}")),
                Err(error) => damage.push(format!("{name} cannot be read: {error}")),
            }
        }
        damage
    }

    fn lost(&self, promises: &[Promise], cancelled: &HashSet<OrderId>) -> rusqlite::Result<Vec<String>> {
        if promises.is_empty() {
            return Ok(Vec::new());
        }
        let paid =
            self.ids("select order_id from orders.orders where paid = total and status <> 'placed'")?;
        let undone = self.ids("select order_id from orders.orders where status = 'cancelled'")?;
        let carts = self.ids("select cart_id from orders.carts")?;
        let sold = self.ids("select reservation_id from products.holds where state = 'confirmed'")?;
        let shelves = self.ids("select product_id from products.stock")?;
        let products = self.ids("select product_id from products.products")?;
        let accounts = self.ids("select id from users.users")?;
        let sagas = self.ids("select saga_id from checkout.sagas")?;
        let captured = self.captured()?;
        let has = |ids: &Ids, id: &[u8; 16]| ids.contains(id.as_slice());
        let mut lost = Vec::new();
        for promise in promises {
            let kept = match promise {
                Promise::Order(order) => {
                    let id = order.uuid();
                    let id = id.as_bytes();
                    has(&paid, id)
                        && has(&sold, id)
                        && has(&sagas, id)
                        && captured.contains(order)
                        && (!has(&undone, id) || cancelled.contains(order))
                }
                Promise::Cancelled(order) => has(&undone, order.uuid().as_bytes()),
                Promise::Cart(cart) => has(&carts, cart.uuid().as_bytes()),
                Promise::Account(user) => has(&accounts, user.uuid().as_bytes()),
                Promise::Product(product) => {
                    has(&products, product.uuid().as_bytes()) && has(&shelves, product.uuid().as_bytes())
                }
            };
            if !kept {
                lost.push(format!("{promise:?} is lost"));
            }
        }
        Ok(lost)
    }

    fn ids(&self, select: &str) -> rusqlite::Result<Ids> {
        self.files.prepare(select)?.query_map([], |row| row.get(0))?.collect()
    }

    /// The orders whose money the provider has taken. Checkout and order share their bits.
    fn captured(&self) -> rusqlite::Result<HashSet<OrderId>> {
        let select = "select payment_key from bank.payments where status = 'captured'";
        let keys: Vec<String> =
            self.files.prepare(select)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let order =
            |key: String| key.strip_suffix("/authorise")?.parse::<CheckoutId>().ok().map(CheckoutId::cast);
        Ok(keys.into_iter().filter_map(order).collect())
    }
}
