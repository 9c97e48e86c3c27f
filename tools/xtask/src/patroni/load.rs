//! People who buy and people who look, and a journal of what they were answered.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The pause of a buyer between two purchases, and before the same one is tried again.
const BUYER_PAUSE: Duration = Duration::from_millis(50);
const RETRY_PAUSE: Duration = Duration::from_millis(200);
const READER_PAUSE: Duration = Duration::from_millis(10);
/// Nobody tries longer than this for one purchase.
const GIVE_UP: Duration = Duration::from_secs(90);

/// What people buy from.
pub(super) trait Target: Send + Sync {
    /// Somebody who buys.
    fn buyer(&self) -> Box<dyn Buyer>;
    /// Somebody who looks.
    fn reader(&self) -> Box<dyn Reader>;
    /// What became of the purchases in the journal, once the load has ended.
    ///
    /// # Errors
    /// If it cannot be found out.
    fn audit(&mut self, purchases: &[Purchase]) -> io::Result<Vec<Finding>>;
}

/// Somebody who buys.
pub(super) trait Buyer: Send {
    /// Buys once. The same key again is the same purchase.
    fn buy(&mut self, key: &str) -> Bought;
}

/// Somebody who looks.
pub(super) trait Reader: Send {
    /// # Errors
    /// If nothing useful was shown.
    fn look(&mut self) -> io::Result<()>;
}

/// The answer to a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bought {
    /// It is bought.
    Acknowledged(Receipt),
    /// It is not, and will not be; why.
    Refused(String),
    /// No answer, or that it is not known yet: try again under the same key.
    Unknown(String),
}

/// What a buyer is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The order's number.
    pub(super) number: String,
    /// Where the order can be looked at.
    pub(super) path: String,
}

/// A purchase as its buyer saw it.
#[derive(Debug, Clone)]
pub(super) struct Purchase {
    pub(super) key: String,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    /// At least 1.
    pub(super) attempts: u32,
    /// The last answer; [`Bought::Unknown`] if the buyer gave up.
    pub(super) outcome: Bought,
}

impl Purchase {
    pub(super) fn receipt(&self) -> Option<&Receipt> {
        match &self.outcome {
            Bought::Acknowledged(receipt) => Some(receipt),
            Bought::Refused(_) | Bought::Unknown(_) => None,
        }
    }
}

/// A look as its reader saw it.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) ended: Instant,
    /// Why nothing was shown.
    pub(super) failure: Option<String>,
}

/// Something that was found out afterwards.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) what: String,
    pub(super) figure: String,
    /// Whether it is as it must be.
    pub(super) well: bool,
}

/// All that people saw.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) purchases: Vec<Purchase>,
    pub(super) looks: Vec<Look>,
}

/// People at work until they are told to stop.
pub(super) struct Load {
    journal: Arc<Mutex<Journal>>,
    stop: Arc<AtomicBool>,
    people: Vec<JoinHandle<()>>,
}

impl Load {
    /// Lets people in.
    pub(super) fn start(target: &dyn Target, buyers: usize, readers: usize) -> Self {
        let mut load = Self { journal: Arc::default(), stop: Arc::default(), people: Vec::new() };
        for number in 1..=buyers {
            let (buyer, journal, stop) = (target.buyer(), load.journal.clone(), load.stop.clone());
            load.people.push(thread::spawn(move || keep_buying(number, buyer, &journal, &stop)));
        }
        for _ in 0..readers {
            let (reader, journal, stop) = (target.reader(), load.journal.clone(), load.stop.clone());
            load.people.push(thread::spawn(move || keep_looking(reader, &journal, &stop)));
        }
        load
    }

    /// When the first purchase was acknowledged that began after `since`.
    pub(super) fn acknowledged_after(&self, since: Instant) -> Option<Instant> {
        let journal = lock(&self.journal);
        let after = journal.purchases.iter().rev().take_while(|purchase| purchase.ended > since);
        after
            .filter(|purchase| purchase.begun > since && purchase.receipt().is_some())
            .map(|purchase| purchase.ended)
            .min()
    }

    /// Tells people to go, waits until each has the answer it waits for, and gives the journal.
    pub(super) fn stop(self) -> Journal {
        self.stop.store(true, Ordering::Relaxed);
        for person in self.people {
            // One that panicked has said so on standard error; its purchases are in the journal.
            let _ = person.join();
        }
        std::mem::take(&mut *lock(&self.journal))
    }
}

fn lock(journal: &Mutex<Journal>) -> std::sync::MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_buying(number: usize, mut buyer: Box<dyn Buyer>, journal: &Mutex<Journal>, stop: &AtomicBool) {
    for count in 1.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let purchase = buy(&mut *buyer, format!("buyer-{number}-purchase-{count}"));
        lock(journal).purchases.push(purchase);
        thread::sleep(BUYER_PAUSE);
    }
}

fn buy(buyer: &mut dyn Buyer, key: String) -> Purchase {
    let begun = Instant::now();
    let mut attempts = 1;
    loop {
        let outcome = buyer.buy(&key);
        if !matches!(outcome, Bought::Unknown(_)) || begun.elapsed() > GIVE_UP {
            return Purchase { key, begun, ended: Instant::now(), attempts, outcome };
        }
        attempts += 1;
        thread::sleep(RETRY_PAUSE);
    }
}

fn keep_looking(mut reader: Box<dyn Reader>, journal: &Mutex<Journal>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let failure = reader.look().err().map(|error| error.to_string());
        lock(journal).looks.push(Look { ended: Instant::now(), failure });
        thread::sleep(READER_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(number: &str) -> Receipt {
        Receipt { number: number.to_owned(), path: String::new() }
    }

    /// Acknowledges what is asked for the second time.
    struct Forgetful(Option<String>);

    impl Buyer for Forgetful {
        fn buy(&mut self, key: &str) -> Bought {
            if self.0.replace(key.to_owned()).as_deref() == Some(key) {
                return Bought::Acknowledged(receipt(key));
            }
            Bought::Unknown("not yet".to_owned())
        }
    }

    #[test]
    fn a_purchase_is_tried_again_under_its_key() {
        let purchase = buy(&mut Forgetful(None), "a".to_owned());
        assert_eq!((purchase.attempts, purchase.receipt()), (2, Some(&receipt("a"))));
    }

    #[test]
    fn only_what_began_afterwards_shows_that_writes_are_back() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let purchase = |begun, ended, outcome| Purchase {
            key: String::new(),
            begun: at(begun),
            ended: at(ended),
            attempts: 1,
            outcome,
        };
        let paid = || Bought::Acknowledged(receipt("1"));
        let purchases = vec![
            purchase(1, 2, paid()),
            purchase(4, 6, paid()),
            purchase(7, 8, Bought::Refused(String::new())),
            purchase(7, 9, paid()),
        ];
        let journal = Arc::new(Mutex::new(Journal { purchases, looks: Vec::new() }));
        let load = Load { journal, stop: Arc::default(), people: Vec::new() };
        assert_eq!(load.acknowledged_after(at(5)), Some(at(9)));
        assert_eq!(load.acknowledged_after(at(9)), None);
    }
}
