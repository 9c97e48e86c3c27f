use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_contract::checkout::{CheckoutId, Error};
use shoal_contract::orders::{Order, Return};
use tokio::sync::watch;

use crate::Checkout;

/// How a saga came to a stop on this node.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    /// A purchase is complete.
    Ordered(Arc<Order>),
    /// A return is complete.
    Returned(Arc<Return>),
    /// It ended undone.
    Failed(Error),
    /// The buyer must confirm the payment.
    Awaiting { redirect_url: String },
    /// Something is away; it goes on later, here or on another node.
    Stalled,
}

/// The sagas that run on this node: each by one task, whoever waits for it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Running {
    sagas: Arc<Mutex<HashMap<CheckoutId, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    stop: watch::Receiver<Option<Stop>>,
    /// Whether something was heard of it since its task last looked.
    news: bool,
}

/// The right to run a saga; dropping it lets another run it.
pub(crate) struct Turn {
    running: Running,
    id: CheckoutId,
    stop: watch::Sender<Option<Stop>>,
    over: bool,
}

impl Running {
    /// Takes the turn, unless the saga runs already: then gives what will tell how it stops.
    pub(crate) fn begin(&self, id: CheckoutId) -> Result<(Turn, Waiting), Waiting> {
        let mut sagas = self.lock();
        if let Some(entry) = sagas.get(&id) {
            return Err(Waiting(entry.stop.clone()));
        }
        let (stop, receiver) = watch::channel(None);
        sagas.insert(id, Entry { stop: receiver.clone(), news: false });
        Ok((Turn { running: self.clone(), id, stop, over: false }, Waiting(receiver)))
    }

    /// As [`Running::begin`]; a saga that runs already looks again before it waits for its buyer.
    pub(crate) fn begin_with_news(&self, id: CheckoutId) -> Result<(Turn, Waiting), Waiting> {
        let begun = self.begin(id);
        if begun.is_err()
            && let Some(entry) = self.lock().get_mut(&id)
        {
            entry.news = true;
        }
        begun
    }

    /// What will tell how the saga stops, if it runs here.
    pub(crate) fn find(&self, id: CheckoutId) -> Option<Waiting> {
        self.lock().get(&id).map(|entry| Waiting(entry.stop.clone()))
    }

    /// How many run.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Waits until no saga runs.
    pub(crate) async fn drain(&self) {
        loop {
            let next = self.lock().values().next().map(|entry| entry.stop.clone());
            let Some(receiver) = next else { return };
            Waiting(receiver).stop().await;
            tokio::task::yield_now().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CheckoutId, Entry>> {
        self.sagas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkout {
    /// How many checkouts this node drives at the moment, each under a lease.
    pub fn under_way(&self) -> usize {
        self.inner.running.len()
    }
}

impl Turn {
    /// Tells everybody who waits. A saga that stops to wait for its buyer, while news of the payment came, does not
    /// stop: it gets its turn back, to look again.
    pub(crate) fn end(mut self, stop: Stop) -> Option<Self> {
        let mut sagas = self.running.lock();
        if let Some(entry) = sagas.get_mut(&self.id)
            && matches!(stop, Stop::Awaiting { .. })
            && std::mem::take(&mut entry.news)
        {
            drop(sagas);
            return Some(self);
        }
        sagas.remove(&self.id);
        drop(sagas);
        self.over = true;
        self.stop.send_replace(Some(stop));
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // After its end another task may have taken the next turn.
        if !self.over {
            self.running.lock().remove(&self.id);
        }
    }
}

/// Waits for a saga that runs on this node.
#[derive(Debug, Clone)]
pub(crate) struct Waiting(watch::Receiver<Option<Stop>>);

impl Waiting {
    /// How it stops; `Stalled` if its task is gone.
    pub(crate) async fn stop(mut self) -> Stop {
        match self.0.wait_for(Option::is_some).await {
            Ok(stop) => stop.clone().unwrap_or(Stop::Stalled),
            Err(_) => Stop::Stalled,
        }
    }
}
