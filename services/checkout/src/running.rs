use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shoal_contract::checkout::{CheckoutId, Error};
use shoal_contract::orders::{Order, Return};
use tokio::sync::watch;

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
    sagas: Arc<Mutex<HashMap<CheckoutId, watch::Receiver<Option<Stop>>>>>,
}

/// The right to run a saga; dropping it lets another run it.
pub(crate) struct Turn {
    running: Running,
    id: CheckoutId,
    stop: watch::Sender<Option<Stop>>,
}

impl Running {
    /// Takes the turn, unless the saga runs already: then gives what will tell how it stops.
    pub(crate) fn begin(&self, id: CheckoutId) -> Result<(Turn, Waiting), Waiting> {
        let mut sagas = self.sagas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = sagas.get(&id) {
            return Err(Waiting(receiver.clone()));
        }
        let (stop, receiver) = watch::channel(None);
        sagas.insert(id, receiver.clone());
        Ok((Turn { running: self.clone(), id, stop }, Waiting(receiver)))
    }

    /// What will tell how the saga stops, if it runs here.
    pub(crate) fn find(&self, id: CheckoutId) -> Option<Waiting> {
        self.sagas.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned().map(Waiting)
    }

    /// Whether the saga runs here.
    pub(crate) fn has(&self, id: CheckoutId) -> bool {
        self.sagas.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Waits until no saga runs.
    pub(crate) async fn drain(&self) {
        loop {
            let next = self.sagas.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned();
            let Some(receiver) = next else { return };
            Waiting(receiver).stop().await;
            tokio::task::yield_now().await;
        }
    }
}

impl Turn {
    /// Tells everybody who waits.
    pub(crate) fn end(self, stop: Stop) {
        self.stop.send_replace(Some(stop));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.sagas.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
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
