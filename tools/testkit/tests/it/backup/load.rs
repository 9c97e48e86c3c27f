use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use shoal_testkit::{Answer, Books, Branch, Client, Item, Process, eventually};
use tempfile::TempDir;

use super::{back_up, restore, text};

/// Shoppers that buy as fast as they are answered, and those whose card takes two seconds: a checkout of theirs is under
/// way at any instant.
const SHOPPERS: usize = 12;
const SLOW_SHOPPERS: usize = 3;
const BACKUPS: usize = 3;
/// Orders between two backups, at least.
const ORDERS_BETWEEN: usize = 100;
/// How long the sagas of a restored shop may take to end.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// An order that was acknowledged, and what its buyer may see it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Acknowledged {
    order: String,
    token: String,
}

impl Acknowledged {
    fn of(answer: Answer) -> Self {
        let answer = answer.expect(201);
        Self { order: answer.text("/order/id"), token: answer.text("/order_token") }
    }
}

/// What shoppers were told so far, and how long the slowest of those without a slow card waited.
#[derive(Default)]
struct Told {
    orders: Mutex<Vec<Acknowledged>>,
    slowest: Mutex<Duration>,
    stop: AtomicBool,
}

impl Told {
    fn orders(&self) -> Vec<Acknowledged> {
        self.orders.lock().expect("no panic").clone()
    }

    fn take_slowest(&self) -> Duration {
        std::mem::take(&mut self.slowest.lock().expect("no panic"))
    }
}

/// Buys until told to stop; each checkout must be answered with an order, at once and without a repeat.
async fn shop(guest: Client, goods: Arc<Vec<Item>>, card: &'static str, told: Arc<Told>) {
    let mut turn = 0;
    while !told.stop.load(Ordering::SeqCst) {
        let lines = [(&goods[turn % goods.len()], 1), (&goods[(turn + 1) % goods.len()], 2)];
        let began = Instant::now();
        let answer = guest.buy(&lines).card(card).await;
        if card == "tok_success" {
            let mut slowest = told.slowest.lock().expect("no panic");
            *slowest = began.elapsed().max(*slowest);
        }
        told.orders.lock().expect("no panic").push(Acknowledged::of(answer));
        turn += 1;
    }
}

/// A backup, and what had been acknowledged when it was asked for.
struct Taken {
    folder: PathBuf,
    before: Vec<Acknowledged>,
    report: Value,
}

async fn take(number: usize, data: &Path, to: PathBuf, told: &Told) -> Taken {
    let enough = told.orders().len() + ORDERS_BETWEEN;
    eventually("people buy", async || told.orders().len() >= enough).await;
    let (without, orders) = (told.take_slowest(), told.orders());
    let (from, folder) = (data.to_owned(), to.clone());
    let report = tokio::task::spawn_blocking(move || back_up(&from, &folder)).await.expect("no panic");
    let (held, slowest) = (&report["writes_held_us"], told.take_slowest());
    println!("backup {number}: after {} orders; writes waited {held} us", orders.len());
    println!("  slowest checkout {without:?} without it, {slowest:?} with it");
    Taken { folder: to, before: orders, report }
}

/// Restores a backup into a fresh directory, opens the shop there and holds it against what people were told.
async fn assert_restored(number: usize, taken: &Taken, goods: &[Item]) {
    let fresh = TempDir::with_prefix("shoal-test-").expect("a temporary folder");
    let data = fresh.path().join("data");
    restore(&taken.folder, &data, &[]).expect("it is restored");
    let (sagas, rows) = {
        let books = Books::open(text(&data));
        (books.sagas_under_way(), rows(&taken.report, "orders.db", "orders"))
    };
    let mut shop = Process::serve(&["--data", text(&data), "--test-provider"]).await;
    let books = Books::settled(text(&data), SETTLED_WITHIN).await;
    println!("restored {number}: {rows} orders, {sagas} sagas under way, {} orders at rest", books.orders());
    assert!(sagas >= 1, "no checkout was under way: the backup proves too little");
    let guest = shop.guest();
    for Acknowledged { order, token } in &taken.before {
        let kept = guest.get(format!("/v1/orders/{order}")).header("order-token", token).await.expect(200);
        assert_eq!(kept.text("/status"), "paid", "{order}");
    }
    // It goes on selling, and what is sold comes off the shelf that the backup had.
    let (on_hand, _) = books.shelf(&goods[0].sku);
    guest.checkout(&goods[0], 1).await.expect(201);
    let books = Books::settled(text(&data), SETTLED_WITHIN).await;
    assert_eq!(books.shelf(&goods[0].sku).0, on_hand - 1);
    assert!(shop.terminate().await.success());
}

fn rows(report: &Value, file: &str, table: &str) -> i64 {
    let databases = report["databases"].as_array().expect("a list");
    let database = databases.iter().find(|database| database["file"] == file).expect("it is in the backup");
    database["rows"][table].as_i64().expect("it is counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_load_fail_no_checkout_and_hold_every_order_acknowledged_before() {
    let folder = TempDir::with_prefix("shoal-test-").expect("a temporary folder");
    let data = folder.path().join("data");
    let branch = Branch::at(text(&data)).await;
    let (guest, staff) = (branch.guest(), branch.staff().await);
    let mut goods = Vec::new();
    for name in ["cup", "pot", "jug"] {
        goods.push(staff.product(name).stock(1_000_000).create().await);
    }
    let (goods, told) = (Arc::new(goods), Arc::new(Told::default()));
    let shoppers: Vec<_> = (0..SHOPPERS + SLOW_SHOPPERS)
        .map(|number| {
            let card = if number < SHOPPERS { "tok_success" } else { "tok_slow" };
            tokio::spawn(shop(guest.apart(), goods.clone(), card, told.clone()))
        })
        .collect();
    let mut backups = Vec::new();
    for number in 0..BACKUPS {
        backups.push(take(number, &data, folder.path().join(format!("backup-{number}")), &told).await);
    }
    told.stop.store(true, Ordering::SeqCst);
    for shopper in shoppers {
        shopper.await.expect("a checkout failed");
    }
    let books = branch.audit(SETTLED_WITHIN).await;
    let orders: HashSet<_> = told.orders().into_iter().collect();
    assert_eq!(books.orders(), i64::try_from(orders.len()).expect("few"));
    drop((books, branch));
    for (number, taken) in backups.iter().enumerate() {
        assert_restored(number, taken, &goods).await;
    }
}
