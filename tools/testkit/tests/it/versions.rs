//! Two versions in one cluster: the present one, and the oldest that may be with it (`other_build.toml`).

use std::time::Duration;

use shoal_sql::testing::SERVER;
use shoal_sql::{Database, Migration, Options, Source};
use shoal_testkit::{Build, Client, Fleet, Item, SOON, Topology};
use shoal_types::Env;

use crate::conversation::tell;
use crate::load::Load;

use Build::{Earlier, Present};

const EQUAL: Topology = Topology::Equal(3);
const PIECES: i64 = 1_000_000;
/// How soon after the last order no saga is under way any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// What a program says of data that a newer one has changed.
const TOO_NEW: &str = "docs/errors/schema_too_new.md";

/// Whether the test can run; says so if not.
fn possible(topology: Topology) -> bool {
    if topology == EQUAL && std::env::var_os(SERVER).is_none() {
        println!("not run: equal nodes need PostgreSQL, see CONTRIBUTING.md");
        return false;
    }
    Earlier.is_there()
}

/// Everything that a shop is asked is answered as it should be, whichever version is asked and whichever does the work.
async fn understand_each_other(topology: Topology, builds: &[Build]) {
    if !possible(topology) {
        return;
    }
    let fleet = Fleet::of_builds(topology, builds).await;
    tell(&fleet).await;
    fleet.audit(SOON).await;
}

#[tokio::test]
async fn equal_nodes_of_two_versions_understand_each_other() {
    understand_each_other(EQUAL, &[Earlier, Present, Earlier]).await;
}

#[tokio::test]
async fn an_earlier_way_in_understands_newer_services() {
    understand_each_other(Topology::Apart, &[Present, Present, Present, Earlier]).await;
}

#[tokio::test]
async fn a_newer_way_in_understands_earlier_services() {
    understand_each_other(Topology::Apart, &[Earlier, Earlier, Earlier, Present]).await;
}

/// Three nodes of the earlier version, and people who buy from them.
struct Busy {
    fleet: Fleet,
    ways: Vec<Client>,
    item: Item,
    load: Load,
}

impl Busy {
    async fn start() -> Self {
        let fleet = Fleet::of_builds(EQUAL, &[Earlier; 3]).await;
        let item = fleet.staff().await.product("rudder").stock(PIECES).create().await;
        let ways: Vec<_> = fleet.gateways().into_iter().map(|node| fleet.guest_of(node)).collect();
        let load = Load::start("versions", ways.clone(), &item);
        load.sells(10).await;
        Self { fleet, ways, item, load }
    }

    /// Has the balancer leave a node out, ends it in good order and starts it as that build.
    async fn changes(&mut self, node: usize, build: Build) -> Result<(), String> {
        self.load.leaves_out(node);
        assert!(self.fleet.terminate(node).await.success());
        self.fleet.start_as(node, build).await?;
        self.fleet.all_answer().await;
        self.load.leaves_out(usize::MAX);
        self.load.sells(10).await;
        Ok(())
    }

    /// Nobody's request has failed, and what was promised is there once.
    async fn end(self) {
        let tally = self.load.end().await;
        assert!(tally.failures.is_empty(), "{:?}", tally.failures);
        assert_eq!(tally.turned_away, 0, "the balancer knew which nodes were there");
        let (made, books) = (tally.orders.len() as i64, self.fleet.audit(SETTLED_WITHIN).await);
        assert_eq!((books.orders(), books.orders_ever()), (made, made));
        assert_eq!(books.shelf(&self.item.sku), (PIECES - made, 0));
    }
}

#[tokio::test]
async fn nodes_are_upgraded_one_after_the_other_while_people_buy_and_put_back() {
    if !possible(EQUAL) {
        return;
    }
    let mut shop = Busy::start().await;
    for node in shop.fleet.gateways() {
        shop.changes(node, Present).await.expect("a newer program starts, and brings the data up to date");
    }
    // Back to the version of before, unless its data is not there any more.
    let schema = shop.changes(0, Earlier).await;
    if let Err(said) = schema {
        assert!(said.contains(TOO_NEW), "{said}");
        shop.fleet.start_as(0, Present).await.expect("it goes on as it was");
        shop.load.leaves_out(usize::MAX);
    }
    shop.load.sells(10).await;
    shop.end().await;
}

/// Takes the data of the users where a version after this one might: a table more, a column more.
async fn migrate_as_a_later_version(data: &str) {
    let later = Migration::new(
        "9999_later.sql",
        "create table nicknames (user_id uuid not null, nickname text not null, constraint nicknames_pk primary key \
         (user_id));\nalter table users add column birthday text;",
    );
    let migrations: Vec<Migration> = shoal_users::MIGRATIONS.iter().copied().chain([later]).collect();
    let source = Source::parse(data).expect("it is where data is");
    let db = Database::open(Options::new(&source, "users", migrations.leak(), Env::system())).await;
    db.expect("it is brought up to date while others use it").close().await;
}

#[tokio::test]
async fn who_runs_goes_on_when_a_later_version_migrates_and_who_starts_says_why_not() {
    if !possible(EQUAL) {
        return;
    }
    let mut shop = Busy::start().await;
    shop.changes(1, Present).await.expect("a newer program starts");
    migrate_as_a_later_version(shop.fleet.data()).await;
    shop.load.sells(20).await;
    for (number, way) in shop.ways.iter().enumerate() {
        way.register(&format!("pilot-{number}")).await;
    }
    for build in [Earlier, Present] {
        shop.load.leaves_out(0);
        if build == Earlier {
            assert!(shop.fleet.terminate(0).await.success());
        }
        let said = shop.fleet.start_as(0, build).await.expect_err("its data is another version's");
        assert!(said.contains("error: ") && said.contains(TOO_NEW), "{said}");
    }
    shop.load.sells(10).await;
    shop.end().await;
}
