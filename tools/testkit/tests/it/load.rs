//! People who buy without a pause, whatever happens to the nodes meanwhile.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shoal_testkit::{Answer, Client, Item};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::hosts::{AGAIN, LATE, until};

/// Shoppers at the same time.
pub(crate) const SHOPPERS: usize = 4;
/// How long a shopper waits for an answer before asking another node, unless said: a purchase that was begun by a node that
/// died is answered once its lease is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// People who buy, each with its key, through these nodes in turns.
pub(crate) struct Load {
    rush: Arc<Rush>,
    shoppers: Vec<JoinHandle<()>>,
}

struct Rush {
    name: String,
    ways: Vec<Client>,
    item: Item,
    patience: Duration,
    /// The way that a balancer has taken out; one that is not there for none.
    out: AtomicUsize,
    over: AtomicBool,
    tally: Mutex<Tally>,
}

/// What became of the requests.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// The orders that were acknowledged, each the answer to a key of its own.
    pub(crate) orders: Vec<String>,
    /// Tries at a node that was not there, which a balancer would have known.
    pub(crate) turned_away: usize,
    /// Tries that were not answered, or answered with an error of the server, and when.
    pub(crate) failures: Vec<(Instant, String)>,
    /// The longest time from the first try to the order.
    pub(crate) longest: Duration,
}

impl Load {
    /// Starts it; `name` makes its keys its own.
    pub(crate) fn start(name: &str, ways: Vec<Client>, item: &Item) -> Self {
        Self::of_patience(PATIENCE, name, ways, item)
    }

    /// Starts it with people who wait so long for an answer.
    pub(crate) fn of_patience(patience: Duration, name: &str, ways: Vec<Client>, item: &Item) -> Self {
        let (name, item, over, tally) = (name.to_owned(), item.clone(), false.into(), Mutex::default());
        let rush = Rush { name, ways, item, patience, out: usize::MAX.into(), over, tally };
        let rush = Arc::new(rush);
        let shoppers = (0..SHOPPERS).map(|shopper| tokio::spawn(rush.clone().shop(shopper))).collect();
        Self { rush, shoppers }
    }

    /// Sends nothing more to this way, as a balancer that is told before a node ends; all others are used again.
    pub(crate) fn leaves_out(&self, way: usize) {
        self.rush.out.store(way, Ordering::SeqCst);
    }

    /// Waits for so many more orders.
    pub(crate) async fn sells(&self, more: usize) {
        let sold = || self.rush.tally().orders.len();
        let enough = sold() + more;
        until(&format!("{more} more orders"), async || sold() >= enough).await;
    }

    /// Lets everybody finish and tells what became of it.
    pub(crate) async fn end(self) -> Tally {
        self.rush.over.store(true, Ordering::SeqCst);
        for shopper in self.shoppers {
            shopper.await.expect("a shopper was told something that should not be");
        }
        let tally = self.rush.tally().clone();
        let (orders, failed) = (tally.orders.len(), tally.failures.len());
        println!(
            "{}: {orders} orders, the slowest in {:.1} s; {failed} tries failed ({:.2} %), {} found nobody",
            self.rush.name,
            tally.longest.as_secs_f64(),
            100.0 * failed as f64 / (orders + failed) as f64,
            tally.turned_away,
        );
        tally
    }
}

impl Rush {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn shop(self: Arc<Self>, shopper: usize) {
        let mut turn = shopper;
        while !self.over.load(Ordering::SeqCst) {
            let key = format!("{}-{shopper}-{turn}", self.name);
            let began = Instant::now();
            let order = self.insist(&key, &mut turn).await.text("/order/id");
            let mut tally = self.tally();
            tally.longest = tally.longest.max(began.elapsed());
            tally.orders.push(order);
        }
    }

    /// Asks one node after another, under the same key, until there is an order.
    async fn insist(&self, key: &str, turn: &mut usize) -> Answer {
        let began = Instant::now();
        while began.elapsed() < LATE {
            let number = *turn % self.ways.len();
            *turn += 1;
            if number == self.out.load(Ordering::SeqCst) {
                continue;
            }
            let way = &self.ways[number];
            match timeout(self.patience, way.buy(&[(&self.item, 1)]).key(key).send()).await {
                Ok(Ok(answer)) if answer.status == 201 => return answer,
                // Begun by a node that has gone, and taken up again soon.
                Ok(Ok(answer)) if answer.status == 202 => tokio::time::sleep(AGAIN).await,
                Ok(Ok(answer)) if answer.status >= 500 => self.failed(&answer).await,
                Ok(Ok(answer)) => panic!("{key}: {answer}"),
                Ok(Err(lost)) if lost.to_string().contains("(Connect)") => self.tally().turned_away += 1,
                Ok(Err(lost)) => self.failed(&lost).await,
                Err(_) => {
                    self.failed(&format!("nothing from {} within {:?}", way.address(), self.patience)).await
                }
            }
        }
        panic!("{key}: no order within {LATE:?}")
    }

    async fn failed(&self, how: &impl ToString) {
        println!("{}: {}", self.name, how.to_string());
        self.tally().failures.push((Instant::now(), how.to_string()));
        tokio::time::sleep(AGAIN).await;
    }
}
