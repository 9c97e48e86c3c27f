//! The program, run to move a shop and to serve it, and what it says.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::Value as Lite;
use serde_json::json;
use shoal_servers::{Options, Postgres};
use shoal_testkit::{Client, Item, Whereabouts, eventually};
use tempfile::TempDir;

/// What the program says before the address it serves.
const SERVES: &str = "shoal serves http://";
/// How many products a shop has.
const PRODUCTS: usize = 3;
/// The files of a shop.
const FILES: [&str; 6] = ["users", "products", "orders", "checkout", "notifications", "test-provider"];

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
    command.args(arguments).stdin(Stdio::null()).env("SHOAL_LOG_LEVEL", "error");
    // Answers are compared: none may lack what a busy machine has not found in time.
    command.env("SHOAL_GATEWAY_OVERVIEW_TIMEOUT", "60s");
    command
}

/// What the program said in the end.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code() }
    }
}

impl Said {
    /// Passes this exit code.
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{} {}", self.out, self.err);
        self
    }

    /// Passes if this is in what it said to people.
    pub(super) fn tells(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in {}", self.err);
        self
    }

    /// Passes if it named this page, which is there.
    pub(super) fn has_page(self, code: &str) -> Self {
        let page = format!("docs/errors/{code}.md");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&page).exists(), "{page} is missing");
        self.tells(&page)
    }
}

/// Why a node does not serve this data.
pub(super) fn refusal(data: &str) -> Said {
    let serve = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
    Said::from(program(&serve).output().expect("the program runs")).expect(1)
}

/// A node in a process of its own.
#[derive(Default)]
pub(super) struct Node {
    child: Option<Child>,
    whereabouts: Whereabouts,
}

impl Node {
    /// Starts it on this data and waits until it serves.
    pub(super) async fn serve(&mut self, data: &str) {
        let mut command = program(&["serve", "--test-provider", "--listen", "127.0.0.1:0", "--data", data]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program runs");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        self.child = Some(child);
        let mut lines = said.lines().map_while(Result::ok);
        let mut before = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let address = line.split_once(SERVES).map(|(_, address)| address.trim().to_owned());
            before.push(line);
            address
        });
        self.whereabouts.moved_to(address.unwrap_or_else(|| panic!("it does not serve: {before:?}")));
        // It never waits for a reader.
        std::thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
    }

    /// Ends it in good order.
    pub(super) async fn terminate(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(told.expect("kill is there").success());
        assert!(child.wait().expect("it is our child").success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A shop that is open: who is in it, and what there is to see.
pub(super) struct Shop {
    purse: Purse,
    node: Node,
}

/// What stays of a shop when it is closed.
pub(super) struct Purse {
    staff: Client,
    customer: Client,
    mug: Item,
    paths: Vec<String>,
}

impl Purse {
    pub(super) fn opens(self, node: Node) -> Shop {
        Shop { purse: self, node }
    }
}

impl Shop {
    /// What the API says, to staff and to a customer, of everything that has a page. The products are indexed again
    /// when data has moved, so the search is waited for.
    pub(super) async fn answers(&self) -> BTreeMap<String, String> {
        let Purse { staff, customer, paths, .. } = &self.purse;
        eventually("the products are found", async || {
            let found = staff.get("/v1/search").await.expect(200);
            found.at("/hits").as_array().is_some_and(|hits| hits.len() == PRODUCTS)
        })
        .await;
        let mut answers = BTreeMap::new();
        for path in paths {
            for (who, client) in [("staff", staff), ("customer", customer)] {
                let answer = client.get(path).header("x-request-id", "look").await;
                assert!(answer.status < 500, "{path}: {answer}");
                let said = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
                answers.insert(format!("{who} {path}"), said);
            }
        }
        answers
    }

    /// Passes if the API says the same as before.
    pub(super) async fn answers_as(&self, before: &BTreeMap<String, String>) {
        let after = self.answers().await;
        for (path, before) in before {
            assert_eq!(&after[path], before, "{path}");
        }
    }

    /// Buys once more.
    pub(super) async fn buy(&self) {
        self.purse.customer.checkout(&self.purse.mug, 1).await.expect(201);
    }

    pub(super) async fn close(self) -> (Purse, Node) {
        let Self { purse, mut node } = self;
        node.terminate().await;
        (purse, node)
    }
}

/// Directories, a server with databases, and the program that moves shops between them.
pub(super) struct Ferry {
    folder: TempDir,
    server: Postgres,
    databases: AtomicU32,
}

impl Ferry {
    pub(super) fn new() -> Self {
        let server = Postgres::start(Options::default()).expect("PostgreSQL is installed");
        Self { folder: tempfile::tempdir().expect("a folder"), server, databases: AtomicU32::new(0) }
    }

    /// A directory that is not there yet, by its whole path.
    pub(super) fn directory(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there").join(name)
    }

    /// The URL of a new, empty database.
    pub(super) fn database(&self) -> String {
        let name = format!("ferry_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.server.query("postgres", &format!("create database {name}")).expect("it is made");
        self.server.url(&name)
    }

    /// Runs the program to its end.
    pub(super) fn runs(&self, arguments: &[&str]) -> Said {
        program(arguments).output().expect("the program runs").into()
    }

    /// Runs `shoal move`.
    pub(super) fn moves(&self, arguments: &[&str]) -> Said {
        self.runs(&[&["move"], arguments].concat())
    }

    /// Runs `shoal move` and ends it with SIGKILL after `life`; what it said if it ended before.
    pub(super) fn move_killed_after(&self, from: &str, to: &str, life: Duration) -> Option<Said> {
        let mut command = program(&["move", "--from", from, "--to", to]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        std::thread::sleep(life);
        child.kill().expect("it is our child");
        let said = Said::from(child.wait_with_output().expect("it is our child"));
        said.code.is_some().then_some(said)
    }

    /// How long it takes to move a copy of this shop.
    pub(super) async fn time_of_a_move(&self, data: &Path) -> Duration {
        let copy = self.directory(&format!("copy-{}", self.databases.load(Ordering::Relaxed)));
        fs::create_dir(&copy).expect("it is not there");
        for file in FILES.map(|house| format!("{house}.db")) {
            fs::copy(data.join(&file), copy.join(&file)).expect("it is there");
        }
        let (began, to) = (Instant::now(), self.database());
        self.moves(&["--from", &copy.display().to_string(), "--to", &to]).expect(0);
        began.elapsed()
    }

    /// A shop with products, users, carts, orders and checkouts of several fates.
    pub(super) async fn shop(&self, data: &Path) -> Shop {
        let path = data.display().to_string();
        let made = self.runs(&["admin", "create", "admin@example.com", "--data", &path]).expect(0);
        let mut node = Node::default();
        node.serve(&path).await;
        let guest = Client::new(node.whereabouts.clone());
        let staff = guest.log_in("admin@example.com", made.out.trim()).await;
        furnish(&staff).await;
        let mug = staff.product("harbour mug").stock(100).create().await;
        let pot = staff.product("té potß 茶").stock(5).create().await;
        let jug = staff.product("jug").stock(1).create().await;
        let customer = guest.register("ann").await;
        guest.register("bob").await;

        let mut paths: Vec<String> =
            ["products", "users", "orders", "settings/tax-rates", "settings/shipping-zones"]
                .map(|list| format!("/v1/{list}"))
                .into();
        paths.extend(
            ["search?q=mug", "search?q=pot", "overview?include=users,products,orders"]
                .map(|list| format!("/v1/{list}")),
        );
        paths.extend([&mug, &pot, &jug].map(|item| format!("/v1/products/{}", item.product)));
        let cart = customer.cart(&[(&mug, 2), (&pot, 1)]).await;
        paths.push(format!("/v1/carts/{cart}"));
        for lines in [vec![(&mug, 2), (&pot, 1)], vec![(&jug, 1)], vec![(&mug, 9)]] {
            let bought = customer.buy(&lines).await.expect(201);
            paths.push(format!("/v1/orders/{}", bought.text("/order/id")));
            paths.push(format!("/v1/checkouts/{}", bought.text("/id")));
        }
        customer.buy(&[(&mug, 1)]).card("tok_declined").await.expect(402);
        let waiting = customer.buy(&[(&mug, 1)]).card("tok_redirect").await.expect(202);
        paths.push(format!("/v1/checkouts/{}", waiting.text("/id")));
        let last = paths.iter().rfind(|path| path.starts_with("/v1/orders/")).expect("there are orders");
        staff.post(format!("{last}/cancel"), &json!({})).await.expect(200);
        Shop { purse: Purse { staff, customer, mug, paths }, node }
    }

    /// Leaves in `directory` the search index of a shop that sells something else.
    pub(super) async fn leave_an_index_of_another_shop(&self, directory: &Path) {
        let other = self.directory("another-shop");
        let path = other.display().to_string();
        let made = self.runs(&["admin", "create", "admin@example.com", "--data", &path]).expect(0);
        let mut node = Node::default();
        node.serve(&path).await;
        let staff = Client::new(node.whereabouts.clone()).log_in("admin@example.com", made.out.trim()).await;
        staff.product("mug of another shop").create().await;
        node.terminate().await;
        fs::create_dir(directory).expect("it is not there");
        fs::rename(other.join("search"), directory.join("search")).expect("the index is there");
    }
}

/// A way to ship, and a tax.
async fn furnish(staff: &Client) {
    let zones = json!({"shipping_zones": [{
        "zone": "Everywhere", "countries": ["*"],
        "methods": [{"code": "standard", "title": "Standard", "currency": "EUR",
            "rate": {"kind": "flat", "amount": 490}}],
    }]});
    staff.put("/v1/settings/shipping-zones", &zones).await.expect(200);
    let rates =
        json!({"tax_rates": [{"country": "DE", "category": "standard", "rate_bp": 1900, "included": true}]});
    staff.put("/v1/settings/tax-rates", &rates).await.expect(200);
}

/// Every row of every table in a directory, in an order of its own.
pub(super) fn contents(data: &Path) -> BTreeMap<String, Vec<Vec<Lite>>> {
    let mut all = BTreeMap::new();
    for house in FILES {
        let file = Connection::open(data.join(format!("{house}.db"))).expect("it is a database");
        let names = "select name from sqlite_master where type = 'table' and name <> 'schema_migrations'";
        let mut names = file.prepare(names).expect("SQLite has a catalogue");
        let names: Vec<String> =
            names.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("tables have names");
        for table in names {
            let mut select = file.prepare(&format!("select * from \"{table}\"")).expect("it is there");
            let width = select.column_count();
            let row = |row: &rusqlite::Row<'_>| (0..width).map(|index| row.get(index)).collect();
            let rows = select.query_map([], row).and_then(Iterator::collect);
            let mut rows: Vec<Vec<Lite>> = rows.expect("it can be read");
            rows.sort_by_cached_key(|row| format!("{row:?}"));
            all.insert(format!("{house}.{table}"), rows);
        }
    }
    all
}
