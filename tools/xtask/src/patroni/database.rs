//! The servers alone under load: rows in the place of orders. Shows what Patroni takes of the time, and what Shoal.

use std::collections::HashSet;
use std::io;

use super::cluster::Cluster;
use super::load::{Bought, Buyer, Finding, Purchase, Reader, Receipt, Target};
use super::sql::Psql;

const TABLE: &str = "create table purchases (key text constraint purchases_pk primary key)";

/// A table in the servers.
pub(super) struct Database(Psql);

impl Database {
    pub(super) fn open(cluster: &Cluster) -> io::Result<Self> {
        let psql = cluster.administrator("postgres");
        psql.rows(TABLE)?;
        Ok(Self(psql))
    }
}

impl Target for Database {
    fn buyer(&self) -> Box<dyn Buyer> {
        Box::new(Session(self.0.clone()))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Session(self.0.clone()))
    }

    fn audit(&mut self, purchases: &[Purchase]) -> io::Result<Vec<Finding>> {
        let kept = self.0.rows("select key from purchases")?;
        let kept: HashSet<&str> = kept.iter().flatten().map(String::as_str).collect();
        let acknowledged = purchases.iter().filter_map(Purchase::receipt);
        let lost = acknowledged.filter(|receipt| !kept.contains(receipt.number.as_str())).count();
        Ok(vec![Finding {
            what: "acknowledged rows lost".to_owned(),
            figure: lost.to_string(),
            well: lost == 0,
        }])
    }
}

/// A connection for each statement: `psql` looks for the right server anew each time.
struct Session(Psql);

impl Buyer for Session {
    fn buy(&mut self, key: &str) -> Bought {
        let insert = format!("insert into purchases (key) values ('{key}') on conflict (key) do nothing");
        match self.0.rows(&insert) {
            Ok(_) => Bought::Acknowledged(Receipt { number: key.to_owned(), path: String::new() }),
            Err(error) => Bought::Unknown(error.to_string()),
        }
    }
}

impl Reader for Session {
    fn look(&mut self) -> io::Result<()> {
        self.0.rows_of_standby("select count(*) from purchases").map(drop)
    }
}
