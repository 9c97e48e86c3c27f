use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::session::{Asked, Session, Step};
use super::texts::relay;

/// Marks events as published, as Shoal's relay does: 256 at a time, whenever something was committed.
pub(crate) struct Carrier {
    committed: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Carrier {
    pub(crate) async fn start(url: &str, asked: &Arc<Asked>) -> anyhow::Result<Self> {
        let session = Session::open(url, &[relay::UNPUBLISHED, relay::PUBLISH], asked).await?;
        let committed = Arc::new(Notify::new());
        let task = tokio::spawn(carry(session, Arc::clone(&committed)));
        Ok(Self { committed, task })
    }

    /// What tells it of a commit.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(session: Session, committed: Arc<Notify>) {
    loop {
        match publish(&session).await {
            Ok(0) => committed.notified().await,
            Ok(_) => {}
            Err(error) => {
                eprintln!("the floor's events are not carried: {error:#}");
                return;
            }
        }
    }
}

async fn publish(session: &Session) -> anyhow::Result<usize> {
    let found = session.client.query(relay::UNPUBLISHED, &[]).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let sequences: Vec<i64> = found.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>()?;
    let rows = ids.len() as u64;
    session.one_by_one(&[Step { text: relay::PUBLISH, params: vec![&ids, &sequences], rows }]).await?;
    Ok(ids.len())
}
