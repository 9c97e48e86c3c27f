//! The program `shoal` on the servers, used as people use it: over its public API.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use super::books;
use super::cluster::Cluster;
use super::http::Connection;
use super::load::{Bought, Buyer, Finding, Purchase, Reader, Receipt, Target};
use super::rig::{Rig, Running, password, wait};
use super::sql::{Login, Psql};
use crate::suite::cargo;

/// What docs/operations.md tells an engineer to do, in the same words.
const ROLE: &str = "create role shoal login password '{password}'";
const DATABASE: &str =
    "create database shoal owner shoal template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'";
const ADMINISTRATOR: &str = "admin@example.com";
/// What `shoal serve` says before its address.
const SERVES: &str = "shoal serves http://";
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(30);
/// Products, each of one item; a purchase takes one piece of two of them.
const PRODUCTS: usize = 8;
/// More than any rehearsal sells.
const PLENTY: u32 = 1_000_000;
/// Of the purchases that got an answer at once, so many are asked for again afterwards.
const ASKED_AGAIN_MAX: usize = 200;

/// A shop that serves.
pub(super) struct Shop {
    process: Running,
    address: SocketAddr,
    token: String,
    products: Vec<String>,
    psql: Psql,
}

impl Shop {
    /// Makes the database, an administrator and products, and serves.
    pub(super) fn open(root: &Path, rig: &mut Rig, cluster: &Cluster, debug: bool) -> io::Result<Self> {
        let program = rig.path().join("shoal");
        fs::copy(build(root, debug)?, &program)?;
        let login = Login { user: "shoal", password: password()?, database: "shoal" };
        let administrator = cluster.administrator("postgres");
        administrator.rows(&ROLE.replace("{password}", &login.password))?;
        administrator.rows(DATABASE)?;
        let data = url(&login, &cluster.ports());
        let password = add_administrator(rig.command(&program), &data)?;
        let mut serve = rig.command(&program);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--test-provider", "--data", &data]);
        let mut process = rig.start("shoal", serve)?;
        let address = wait("shoal serves", START_MAX, || {
            process.check()?;
            Ok(address(&rig.said("shoal")?))
        })?;
        let psql = cluster.administrator("shoal");
        let mut shop = Self { process, address, token: String::new(), products: Vec::new(), psql };
        shop.furnish(&password)?;
        Ok(shop)
    }

    /// A way to ship, a tax and things to sell.
    fn furnish(&mut self, password: &str) -> io::Result<()> {
        let login = format!(r#"{{"email":"{ADMINISTRATOR}","password":"{password}"}}"#);
        let token = Connection::new(self.address).post("/v1/sessions", "log-in", &login)?.expect(201)?;
        self.token = token.text("token")?.to_owned();
        let mut staff = self.staff();
        let zones = r#"{"shipping_zones":[{"zone":"Everywhere","countries":["*"],"methods":[
            {"code":"standard","title":"Standard","currency":"EUR","rate":{"kind":"flat","amount":490}}]}]}"#;
        staff.put("/v1/settings/shipping-zones", zones)?.expect(200)?;
        let tax = r#"{"tax_rates":[{"country":"DE","category":"standard","rate_bp":1900,"included":true}]}"#;
        staff.put("/v1/settings/tax-rates", tax)?.expect(200)?;
        for number in 0..PRODUCTS {
            let sku = sku(number);
            let product = format!(
                r#"{{"title":"{sku}","variants":[{{"sku":"{sku}","prices":[{{"amount":1999,"currency":"EUR"}}],
                "weight_g":100,"stock":{PLENTY}}}]}}"#
            );
            let made = staff.post("/v1/products", &sku, &product)?.expect(201)?;
            self.products.push(made.text("id")?.to_owned());
        }
        Ok(())
    }

    fn staff(&self) -> Connection {
        Connection::new(self.address).with_token(&self.token)
    }

    /// What an administrator sees: acknowledged orders that are not there, or not paid.
    fn unseen(&self, purchases: &[Purchase]) -> io::Result<usize> {
        let mut staff = self.staff();
        let mut unseen = 0;
        for receipt in purchases.iter().filter_map(Purchase::receipt) {
            let answer = staff.get(&receipt.path)?;
            unseen += usize::from(answer.status != 200 || answer.text("status")? != "paid");
        }
        Ok(unseen)
    }

    /// Purchases that are another order, or none, when they are asked for again under their keys.
    fn changed(&self, purchases: &[Purchase]) -> usize {
        let (again, at_once): (Vec<&Purchase>, Vec<&Purchase>) =
            purchases.iter().partition(|purchase| purchase.attempts > 1);
        let mut buyer = Guest(Connection::new(self.address));
        let asked = again.into_iter().chain(at_once.into_iter().take(ASKED_AGAIN_MAX));
        asked
            .filter(|purchase| purchase.receipt().is_some() && buyer.buy(&purchase.key) != purchase.outcome)
            .count()
    }
}

impl Target for Shop {
    fn buyer(&self) -> Box<dyn Buyer> {
        Box::new(Guest(Connection::new(self.address)))
    }

    fn reader(&self) -> Box<dyn Reader> {
        let paths = self.products.iter().map(|product| format!("/v1/products/{product}")).collect();
        Box::new(Visitor { connection: Connection::new(self.address), paths, next: 0 })
    }

    fn audit(&mut self, purchases: &[Purchase]) -> io::Result<Vec<Finding>> {
        let mut findings = books::audit(&self.psql, purchases)?;
        let none = |what: &str, count: usize| Finding {
            what: what.to_owned(),
            figure: count.to_string(),
            well: count == 0,
        };
        findings.push(none("orders an administrator does not see as paid", self.unseen(purchases)?));
        findings.push(none("orders that change when asked for again", self.changed(purchases)));
        // Nobody has touched it since it was started.
        self.process.check()?;
        let ended = self.process.terminate(STOP_MAX)?;
        findings.push(Finding {
            what: "shoal, not touched meanwhile, ends with".to_owned(),
            figure: ended.to_string(),
            well: ended.success(),
        });
        Ok(findings)
    }
}

/// Somebody without an account.
struct Guest(Connection);

impl Buyer for Guest {
    fn buy(&mut self, key: &str) -> Bought {
        let answer = match self.0.post("/v1/checkouts", key, &purchase(key)) {
            Ok(answer) => answer,
            Err(error) => return Bought::Unknown(error.to_string()),
        };
        let said = format!("{}: {}", answer.status, answer.body);
        match (answer.status, answer.text("number")) {
            (201, Ok(number)) => {
                Bought::Acknowledged(Receipt { number: number.to_owned(), path: answer.location.clone() })
            }
            (201, Err(error)) => Bought::Refused(error.to_string()),
            (202 | 429 | 500.., _) => Bought::Unknown(said),
            _ => Bought::Refused(said),
        }
    }
}

/// Somebody who looks at one product after the other.
struct Visitor {
    connection: Connection,
    paths: Vec<String>,
    next: usize,
}

impl Reader for Visitor {
    fn look(&mut self) -> io::Result<()> {
        self.next += 1;
        let path = &self.paths[self.next % self.paths.len()];
        self.connection.get(path)?.expect(200).map(drop)
    }
}

/// What a purchase is: always the same for the same key, which the buyer also writes into its note.
fn purchase(key: &str) -> String {
    let number = key.bytes().fold(0, |sum, byte| sum + usize::from(byte));
    let (first, second) = (sku(number % PRODUCTS), sku((number + 1) % PRODUCTS));
    format!(
        r#"{{"lines":[{{"sku":"{first}","quantity":1}},{{"sku":"{second}","quantity":1}}],"email":"ada@example.com",
        "shipping_address":{{"name":"Ada Sprat","line1":"1 Pier Road","city":"Hamburg","postal_code":"20457",
        "country":"DE"}},"shipping_method":"standard","note":"{key}","payment":{{"token":"tok_success"}}}}"#
    )
}

fn sku(number: usize) -> String {
    format!("NET-{number}")
}

/// The program, as it is shipped unless the debug build is asked for.
fn build(root: &Path, debug: bool) -> io::Result<std::path::PathBuf> {
    let mut command = cargo(root);
    command.args(["build", "--quiet", "--package", "shoal-node"]).args((!debug).then_some("--release"));
    if !command.status()?.success() {
        return Err(io::Error::other("shoal does not build"));
    }
    // This program is in the folder `debug` of cargo's target folder.
    let folder = env::current_exe()?.with_file_name("");
    let folder = if debug { folder } else { folder.with_file_name("release") };
    Ok(folder.join("shoal"))
}

fn url(login: &Login, ports: &[u16]) -> String {
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let Login { user, password, database } = login;
    format!("postgres://{user}:{password}@{}/{database}?target_session_attrs=read-write", hosts.join(","))
}

/// Makes the administrator; the password.
fn add_administrator(mut command: Command, data: &str) -> io::Result<String> {
    let output = command.args(["admin", "create", ADMINISTRATOR, "--data", data]).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn address(said: &str) -> Option<SocketAddr> {
    said.lines().find_map(|line| line.split_once(SERVES)?.1.trim().parse().ok())
}
