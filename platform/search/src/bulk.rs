use tokio::sync::{mpsc, oneshot};

use crate::schema::Schema;
use crate::writer::Writer;
use crate::{Document, Error};

pub(crate) enum BulkStep {
    Put(Vec<Document>),
    Finish { checkpoint: Option<String>, done: oneshot::Sender<Result<(), Error>> },
}

/// A replacement of all documents, in one commit. Searches see the old ones until it is finished; dropped before, it
/// changes nothing. Changes applied meanwhile wait for it.
#[derive(Debug)]
pub struct BulkLoad {
    pub(crate) steps: mpsc::Sender<BulkStep>,
    pub(crate) schema: Schema,
}

impl BulkLoad {
    /// Adds documents, some hundred at a time; of two with the same key the newer one stands.
    ///
    /// # Errors
    /// `NoSuchField` or `KeyLength` for a document that the schema does not allow, `Closed`.
    pub async fn put(&self, documents: Vec<Document>) -> Result<(), Error> {
        documents.iter().try_for_each(|document| document.check(&self.schema))?;
        self.steps.send(BulkStep::Put(documents)).await.map_err(|_| Error::Closed)
    }

    /// Makes the documents the content of the index, fed up to `checkpoint`: a position taken before the documents
    /// were read, so that what changed since then is applied again.
    ///
    /// # Errors
    /// What kept the documents from being written; the old content stays.
    pub async fn finish(self, checkpoint: impl Into<String>) -> Result<(), Error> {
        let (done, result) = oneshot::channel();
        let step = BulkStep::Finish { checkpoint: Some(checkpoint.into()), done };
        self.steps.send(step).await.map_err(|_| Error::Closed)?;
        result.await.map_err(|_| Error::Closed)?
    }
}

/// Who waits for the end of a replacement, and what to answer.
pub(crate) type Outcome = (oneshot::Sender<Result<(), Error>>, Result<(), Error>);

/// Carries out a replacement. After a failure the rest is read and dropped, and the end hears of it.
pub(crate) fn run(writer: &mut Writer, mut steps: mpsc::Receiver<BulkStep>) -> Option<Outcome> {
    let mut state = writer.clear();
    while let Some(step) = steps.blocking_recv() {
        match step {
            BulkStep::Put(documents) => {
                state = state.and_then(|()| documents.iter().try_for_each(|document| writer.load(document)));
            }
            BulkStep::Finish { checkpoint, done } => {
                let result = state.and_then(|()| writer.finish(checkpoint));
                if let Err(error) = &result {
                    tracing::error!(%error, "search index could not be loaded");
                    writer.abandon();
                }
                return Some((done, result));
            }
        }
    }
    writer.abandon();
    None
}
