//! Twice, killed, cancelled, away, dry.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use shoal_exchange::{Cancel, Error, Import, Kind, Progress, Progressed, Silent};

use crate::shop::{Shop, assert_accounted, context};

const MAPPING: &str = "kind = \"products\"\ncurrency = \"EUR\"\n[product]\ntitle = { template = \"Mug {sku}\" }\n\
    category = { path = [\"kind\"] }\n[variant]\nsku = \"sku\"\nprices = [\"price\"]\n";

/// 25 good rows and a bad one, in batches of 10.
fn import(shop: &Shop) -> Import {
    let rows: String = (0..25).map(|number| format!("{number},1.50,Kind {}\n", number / 10)).collect();
    let input = shop.file("input.csv", format!("sku,price,kind\n{rows}bad,free,Kind 9\n"));
    let mut import = shop.import(Kind::Products, &input, Some(MAPPING));
    import.batch = 10;
    import
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let shop = Shop::open();
    let import = import(&shop);
    let first = shop.run(&import).await;
    assert_accounted(&first);
    let shown =
        |counts: shoal_exchange::Counts| (counts.created, counts.updated, counts.unchanged, counts.refused);
    assert_eq!((shown(first.documents), shown(first.categories)), ((25, 0, 0, 1), (3, 0, 0, 0)));
    let second = shop.run(&import).await;
    assert_eq!((shown(second.documents), shown(second.categories)), ((0, 0, 25, 1), (0, 0, 3, 0)));
}

#[tokio::test]
async fn an_import_that_was_stopped_goes_on_when_it_is_run_again() {
    let shop = Shop::open();
    let import = import(&shop);
    shop.houses.away_after.store(3, Ordering::SeqCst);
    let stopped = import.run(context, &shop.targets, &Silent).await;
    let Err(Error::Stopped { code, summary, .. }) = stopped else {
        panic!("expected a stop, got {stopped:?}")
    };
    assert_eq!((code, summary.documents.created), ("unavailable", 10));
    shop.houses.away_after.store(0, Ordering::SeqCst);
    let summary = shop.run(&import).await;
    assert_eq!((summary.documents.created, summary.documents.unchanged), (15, 10));
}

#[tokio::test]
async fn a_dry_run_checks_all_and_writes_nothing() {
    let shop = Shop::open();
    let import = import(&shop);
    let dry = shop.run(&Import { dry_run: true, ..import.clone() }).await;
    assert_accounted(&dry);
    // The categories are not there, and yet no product is refused for want of one.
    assert_eq!((dry.documents.created, dry.documents.refused, dry.rows.rejected), (25, 1, 1));
    assert!(dry.to_string().starts_with("would be created 25"), "{dry}");
    assert_eq!(shop.held(|held| (held.products.all.len(), held.categories.all.len())), (0, 0));
    assert_eq!(shop.run(&import).await.documents.created, 25);
}

/// Cancels after the first batch and remembers what it was told.
#[derive(Default)]
struct Impatient {
    cancel: Cancel,
    told: Mutex<Vec<Progressed>>,
}

impl Progress for Impatient {
    fn advance(&self, state: Progressed) {
        self.told.lock().expect("not poisoned").push(state);
        self.cancel.cancel();
    }
}

#[tokio::test]
async fn a_cancelled_import_ends_after_the_batch_at_hand() {
    let shop = Shop::open();
    let impatient = Impatient::default();
    let import = Import { cancel: impatient.cancel.clone(), ..import(&shop) };
    let summary = import.run(context, &shop.targets, &impatient).await.expect("it ends well");
    assert!(summary.cancelled && summary.to_string().contains("run it again"), "{summary}");
    assert_eq!((summary.documents.created, shop.held(|held| held.products.all.len())), (10, 10));
}

#[derive(Default)]
struct Told(Mutex<Vec<Progressed>>);

impl Progress for Told {
    fn advance(&self, state: Progressed) {
        self.0.lock().expect("not poisoned").push(state);
    }
}

#[tokio::test]
async fn progress_ends_at_the_last_byte() {
    let shop = Shop::open();
    let told = Told::default();
    let import = import(&shop);
    import.run(context, &shop.targets, &told).await.expect("runs");
    let told = told.0.into_inner().expect("not poisoned");
    let last = told.last().expect("told");
    assert_eq!((last.bytes_read, last.rows, last.refused), (last.bytes_total, 26, 1));
    assert!(told.len() >= 3 && told.is_sorted_by_key(|state| state.bytes_read));
}
