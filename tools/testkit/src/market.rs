use std::ops::Deref;
use std::time::Duration;

use crate::books::Books;
use crate::client::Client;
use crate::fleet::Fleet;
use crate::houses::eventually;
use crate::shop::{SOON, Shop};
use crate::shopping::NewItem;
use crate::topology::Topology;

/// The variable that puts suites on several nodes: `alone`, `equal`, `apart` or `mixture`.
const TOPOLOGY: &str = "SHOAL_TEST_TOPOLOGY";
/// Data that is the same after so long is taken to be at rest.
const REST: Duration = Duration::from_millis(100);

/// A shop that is only looked at from outside, so that it may be in this process, or on the nodes of a fleet, of which
/// each request goes to the next: `SHOAL_TEST_TOPOLOGY` decides.
///
/// It is a [`Client`] too: a guest's.
pub struct Market {
    guest: Client,
    staff: Client,
    place: Place,
}

enum Place {
    Here(Box<Shop>),
    Nodes(Box<Fleet>),
}

impl Deref for Market {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.guest
    }
}

impl Market {
    /// Opens it.
    ///
    /// # Panics
    /// If there is no such topology, or the engine under test does not allow it.
    pub async fn start() -> Self {
        let Ok(topology) = std::env::var(TOPOLOGY) else {
            let shop = Shop::start().await;
            let (guest, staff) = (Client::clone(&shop), shop.staff().clone());
            return Self { guest, staff, place: Place::Here(Box::new(shop)) };
        };
        let topology = match topology.as_str() {
            "alone" => Topology::Alone,
            "equal" => Topology::Equal(3),
            "apart" => Topology::Apart,
            "mixture" => Topology::Mixture,
            other => panic!("{TOPOLOGY} is {other}: expected alone, equal, apart or mixture"),
        };
        let fleet = Fleet::start(topology).await;
        let (guest, staff) = (fleet.guest(), fleet.staff().await);
        Self { guest, staff, place: Place::Nodes(Box::new(fleet)) }
    }

    /// Somebody who may change everything.
    pub fn staff(&self) -> &Client {
        &self.staff
    }

    /// Somebody with an account, logged in.
    pub async fn customer(&self, name: &str) -> Client {
        self.guest.register(name).await
    }

    /// A product to be made by staff.
    pub fn product(&self, name: &str) -> NewItem {
        self.staff.product(name)
    }

    /// Where the data is, in the words of `--data`.
    pub fn data(&self) -> &str {
        match &self.place {
            Place::Here(shop) => shop.data(),
            Place::Nodes(fleet) => fleet.data(),
        }
    }

    /// Waits until it has nothing left to do by itself.
    pub async fn quiet(&self) {
        if let Place::Here(shop) = &self.place {
            return shop.quiet().await;
        }
        let books = Books::open(self.data());
        let mut before = Vec::new();
        eventually("the data is at rest", async || {
            tokio::time::sleep(REST).await;
            let now = books.contents(&[]);
            let same = now == before;
            before = now;
            same && books.events_waiting() == 0
        })
        .await;
    }

    /// Waits until no saga is under way, then passes books that balance; panics otherwise.
    pub async fn audit(&self) -> Books {
        Books::settled(self.data(), SOON).await
    }
}
