//! Those who buy while the shop comes and goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use shoal_testkit::power::Promise;
use shoal_testkit::{Answer, Client, Item, Request, fresh_key};
use shoal_types::{Rng, SeededRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The pause before a request is sent again that nobody answered.
const AGAIN: Duration = Duration::from_millis(20);
/// The cards they pay with; each leads to an order, some by a detour.
const CARDS: [&str; 4] = ["tok_success", "tok_success", "tok_lost_answer", "tok_capture_lost"];

/// Shoppers, at work.
pub(super) struct Crowd {
    shoppers: Vec<JoinHandle<()>>,
    told: watch::Sender<Vec<Promise>>,
    closing: Arc<AtomicBool>,
}

impl Crowd {
    /// Sends so many shoppers to buy `goods`, each at most so often.
    pub(super) fn send(
        guest: &Client,
        staff: &Client,
        goods: &[Item],
        shoppers: u64,
        purchases: usize,
    ) -> Self {
        let (told, closing) = (watch::Sender::new(Vec::new()), Arc::<AtomicBool>::default());
        let shop = |number| {
            let shopper = Shopper {
                guest: guest.apart(),
                staff: staff.apart(),
                goods: goods.to_vec(),
                rng: SeededRng::new(number),
                told: told.clone(),
                closing: closing.clone(),
            };
            tokio::spawn(shopper.shop(purchases))
        };
        Self { shoppers: (1..=shoppers).map(shop).collect(), told, closing }
    }

    /// Waits until they were told of so many things.
    pub(super) async fn were_told(&self, things: usize) {
        let mut told = self.told.subscribe();
        told.wait_for(|told| told.len() >= things).await.expect("the crowd holds the other end");
    }

    /// Lets nobody begin another purchase.
    pub(super) fn last_call(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Waits until all have bought what they wanted; what they were told.
    pub(super) async fn went_home(self) -> Vec<Promise> {
        for shopper in self.shoppers {
            shopper.await.expect("a shopper was told something that should not be");
        }
        self.told.borrow().clone()
    }
}

struct Shopper {
    guest: Client,
    staff: Client,
    goods: Vec<Item>,
    rng: SeededRng,
    told: watch::Sender<Vec<Promise>>,
    closing: Arc<AtomicBool>,
}

impl Shopper {
    /// Buys with and without a cart, and has every fifth order cancelled.
    async fn shop(self, purchases: usize) {
        for _ in 0..purchases {
            if self.closing.load(Ordering::SeqCst) {
                break;
            }
            let lines = [(self.any(), 2), (self.any(), 1)];
            let card = CARDS[self.below(CARDS.len()) as usize];
            let purchase = match self.below(2) {
                0 => {
                    let cart = insist(self.guest.open_cart(&lines)).await.expect(201);
                    self.heard(Promise::Cart(cart.text("/id").parse().expect("a cart's id")));
                    self.guest.pay(&cart.text("/id"))
                }
                _ => self.guest.buy(&lines),
            };
            let bought = insist(purchase.card(card).request()).await.expect(201).text("/order/id");
            let order = bought.parse().expect("an order's id");
            self.heard(Promise::Order(order));
            if self.below(5) == 0 {
                let cancel = self.staff.post(format!("/v1/orders/{bought}/cancel"), &json!({}));
                insist(cancel.key(fresh_key())).await.expect(200);
                self.heard(Promise::Cancelled(order));
            }
        }
    }

    fn any(&self) -> &Item {
        &self.goods[self.below(self.goods.len()) as usize]
    }

    fn below(&self, bound: usize) -> u32 {
        let rng: &dyn Rng = &self.rng;
        rng.below(u32::try_from(bound).expect("there are few"))
    }

    fn heard(&self, promise: Promise) {
        self.told.send_modify(|told| told.push(promise));
    }
}

/// Sends a request until it is answered for good.
async fn insist(request: Request) -> Answer {
    loop {
        match request.clone().send().await {
            // Under way, away, or out of time: nothing is lost, ask again with the same key.
            Ok(answer) if [202, 503, 504].contains(&answer.status) => {}
            Ok(answer) => return answer,
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}
