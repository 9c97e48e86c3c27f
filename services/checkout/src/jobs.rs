//! Takes up sagas that were left behind: by a crash, by a node that is gone, by a provider that was away.

use std::time::Duration;

use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Fault};

use crate::house::{Checkout, Inner};
use crate::store::{self, Saga};

/// Sagas taken up in one go.
const BATCH: i64 = 100;
const WITHIN: Duration = Duration::from_secs(10);

impl Checkout {
    /// Takes up every unfinished saga of a process that is gone: on embedded data nobody else can be alive, so no
    /// lease is waited for. Gives how many there were.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn recover(&self) -> Result<usize, Fault> {
        let (mut recovered, owner) = (0, self.inner.owner);
        loop {
            let cx = Context::system(&self.inner.env, WITHIN);
            let orphans = async move |tx: &mut ReadTx| store::list_orphans(tx, owner, BATCH).await;
            let sagas = self.inner.db.read(&cx, orphans).await.map_err(Fault::from)?;
            if sagas.is_empty() {
                return Ok(recovered);
            }
            recovered += sagas.len();
            self.take_up(&cx, sagas).await?;
        }
    }

    /// Looks for sagas left behind, now and then, until the future is dropped. One query each time.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(self.inner.options.sweep_every).await;
            if let Err(fault) = self.sweep_once().await {
                tracing::warn!(%fault, "unfinished sagas could not be looked for");
            }
        }
    }

    /// Takes up the sagas whose lease has run out, at most a hundred.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn sweep_once(&self) -> Result<(), Fault> {
        let cx = Context::system(&self.inner.env, WITHIN);
        let now = self.inner.env.now();
        let sagas = self.inner.db.read(&cx, async move |tx| store::list_due(tx, now, BATCH).await).await;
        self.take_up(&cx, sagas.map_err(Fault::from)?).await
    }

    async fn take_up(&self, cx: &Context, sagas: Vec<Saga>) -> Result<(), Fault> {
        for saga in sagas {
            self.inner.go_on(cx, &saga).await?;
        }
        Ok(())
    }
}

impl Inner {
    /// Makes the saga this node's; `None` if another was faster or it has ended.
    pub(crate) async fn claim(&self, cx: &Context, saga: Saga) -> Result<Option<Saga>, Fault> {
        let (owner, wake_at) = (self.owner, self.env.now().plus(self.options.lease));
        let seen = saga.clone();
        let claim = async move |tx: &mut Tx| store::claim(tx, &seen, owner, wake_at).await;
        let claimed = self.db.write(cx, claim).await.map_err(Fault::from)?;
        Ok(claimed.then(|| saga.taken_over()))
    }
}
