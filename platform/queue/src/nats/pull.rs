use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::{Message, Subject, Subscriber};
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::message::{Brought, Delivered};
use super::{Queue, QueueError};

/// How long the queue keeps a request for events that it has not got.
const EXPIRES: Duration = Duration::from_secs(5);
/// After that and so long without a word the request is taken for lost.
const GRACE: Duration = Duration::from_secs(1);
/// The pause after a refusal.
const PAUSE: Duration = Duration::from_millis(200);

/// Events of one consumer, asked for in batches and brought in their order without gaps.
pub(super) struct Pull {
    queue: Queue,
    consumer: PullConsumer,
    inbox: Subject,
    messages: Subscriber,
    /// Events asked for and not yet brought.
    outstanding: usize,
    /// The last sign of the queue.
    heard: Instant,
    /// The number of the next delivery, once there was one.
    next_number: Option<u64>,
    /// Nothing is asked for until then.
    quiet_until: Instant,
    /// When what was brought and not answered is brought again.
    ack_wait: Duration,
}

/// What is new.
pub(super) enum News {
    Event(Box<Delivered>),
    /// Something is wrong with the consumer at the queue.
    Trouble,
    Nothing,
}

impl Pull {
    pub(super) async fn open(
        queue: &Queue,
        consumer: PullConsumer,
        ack_wait: Duration,
    ) -> Result<Self, QueueError> {
        let (inbox, messages) = subscribed(queue).await?;
        let now = Instant::now();
        Ok(Self {
            queue: queue.clone(),
            consumer,
            inbox,
            messages,
            outstanding: 0,
            heard: now,
            next_number: None,
            quiet_until: now,
            ack_wait,
        })
    }

    /// Asks for at most `events` more, unless some are asked for already.
    pub(super) async fn ask(&mut self, events: usize) {
        let now = Instant::now();
        if events == 0 || self.outstanding > 0 || now < self.quiet_until || !self.queue.is_connected() {
            return;
        }
        let batch = BatchConfig { batch: events, expires: Some(EXPIRES), ..BatchConfig::default() };
        if let Err(error) = self.consumer.request_batch(batch, self.inbox.clone()).await {
            tracing::debug!(%error, "events cannot be asked for");
            self.quiet_until = now + GRACE;
            return;
        }
        (self.outstanding, self.heard) = (events, now);
    }

    /// The connection is another: what was asked for on the old one is forgotten.
    pub(super) fn ask_again(&mut self) {
        self.outstanding = 0;
    }

    /// Waits for something new. Nothing is lost if the wait is given up.
    pub(super) async fn next(&mut self) -> Result<News, QueueError> {
        let patience = if self.outstanding > 0 { self.heard + EXPIRES + GRACE } else { self.quiet_until };
        let waits = self.outstanding > 0 || Instant::now() < self.quiet_until;
        let expired = async {
            if waits { tokio::time::sleep_until(patience).await } else { std::future::pending().await }
        };
        let message = tokio::select! {
            message = self.messages.next() => message,
            () = expired => {
                self.outstanding = 0;
                return Ok(News::Nothing);
            }
        };
        self.understand(message).await
    }

    /// What is there already.
    pub(super) async fn ready(&mut self) -> Result<Option<News>, QueueError> {
        match self.messages.next().now_or_never() {
            Some(message) => self.understand(message).await.map(Some),
            None => Ok(None),
        }
    }

    async fn understand(&mut self, message: Option<Message>) -> Result<News, QueueError> {
        let Some(message) = message else { return Err(self.queue.away("the connection is closed")) };
        self.heard = Instant::now();
        let trouble = message.status.is_some_and(|status| status.as_u16() != 404 && status.as_u16() != 408);
        let (ticket, news) = match Brought::of(message) {
            Brought::Nothing => return Ok(News::Nothing),
            Brought::End => {
                self.outstanding = 0;
                return Ok(if trouble { News::Trouble } else { News::Nothing });
            }
            Brought::Rubbish(ticket, error) => {
                tracing::error!(
                    error,
                    place = ticket.place,
                    "the queue holds what is no event; it is left out"
                );
                ticket.term(self.queue.client()).await;
                (ticket, News::Nothing)
            }
            Brought::Event(delivered) => (delivered.ticket.clone(), News::Event(delivered)),
        };
        self.outstanding = self.outstanding.saturating_sub(1);
        let gap = self.next_number.is_some_and(|next| ticket.number > next);
        if gap {
            self.wait_for_the_lost().await?;
            return Ok(News::Nothing);
        }
        self.next_number = Some(ticket.number + 1);
        Ok(news)
    }

    /// A delivery got lost: what came after it may be of the same aggregate. All of it is left until the queue brings it
    /// again, which it does in the order of the stream.
    async fn wait_for_the_lost(&mut self) -> Result<(), QueueError> {
        tracing::info!("a delivery of the queue was lost; waiting for it to come again");
        (self.inbox, self.messages) = subscribed(&self.queue).await?;
        (self.outstanding, self.next_number) = (0, None);
        self.quiet_until = Instant::now() + self.ack_wait + GRACE;
        Ok(())
    }

    /// Asks for nothing until all that anybody was brought before and did not answer is due again.
    pub(super) fn wait_for_the_unanswered(&mut self) {
        self.quiet_until = Instant::now() + self.ack_wait + GRACE;
    }

    /// Asks for nothing for a moment, so that a queue that refuses is not asked in a circle.
    pub(super) fn pause(&mut self) {
        self.quiet_until = self.quiet_until.max(Instant::now() + PAUSE);
    }

    /// Whether the queue still has the consumer.
    pub(super) async fn check(&self) -> Result<(), QueueError> {
        self.consumer.get_info().await.map(|_| ()).map_err(|error| self.queue.away(error))
    }
}

async fn subscribed(queue: &Queue) -> Result<(Subject, Subscriber), QueueError> {
    let inbox = Subject::from(queue.client().new_inbox());
    let messages = queue.client().subscribe(inbox.clone()).await.map_err(|error| queue.away(error))?;
    Ok((inbox, messages))
}
