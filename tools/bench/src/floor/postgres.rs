//! Floors on PostgreSQL, by the driver alone, on the tables of a shop: the naive way to do what Shoal does, and the
//! least that the server needs for the same rows.

mod batched;
mod carrier;
mod naive;
mod session;
#[cfg(test)]
mod tests;
mod texts;

use shoal_contract::checkout::CheckoutId;
use shoal_types::Env;
use uuid::Uuid;

pub(crate) use batched::Batched;
pub(crate) use carrier::Carrier;
pub(crate) use naive::Naive;
pub(crate) use session::Asked;

/// What is done for each buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A whole checkout of one piece.
    Checkout,
    /// A reservation of one piece.
    Reservation,
}

/// A floor's purchase of one piece, with the ids of its rows.
struct Sale {
    /// The saga's, the reservation's and the order's id.
    id: Uuid,
    /// Random, as what a buyer's key is hashed to.
    claim: Uuid,
    /// Stands for hashes: of the request, of the order's token.
    hash: Vec<u8>,
    number: String,
    payment: String,
    placed: Uuid,
    paid: Uuid,
    variant: Uuid,
    /// Microseconds.
    at: i64,
}

impl Sale {
    fn new(env: &Env, variant: Uuid) -> Self {
        let mut random = [0_u8; 48];
        env.rng().fill(&mut random);
        let (claim, hash) = random.split_at(16);
        let claim = uuid::Builder::from_slice(claim).map_or(Uuid::nil(), uuid::Builder::into_uuid);
        let id: CheckoutId = env.id();
        let event = || env.id::<shoal_queue::EventNoun>().uuid();
        Self {
            id: id.uuid(),
            claim,
            hash: hash.to_vec(),
            // As long as an order's number.
            number: format!("S-{}", &claim.hyphenated().to_string()[9..23]),
            payment: format!("{id}/authorise"),
            placed: event(),
            paid: event(),
            variant,
            at: env.now().as_micros(),
        }
    }

    /// When a lease of one minute ends.
    fn wake_at(&self) -> i64 {
        self.at + 60_000_000
    }

    /// When a hold of 35 minutes ends.
    fn expires_at(&self) -> i64 {
        self.at + 35 * 60_000_000
    }
}
