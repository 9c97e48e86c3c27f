use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use shoal_types::{Context, Fact, Fault};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::QueueError;
use super::lanes::Lanes;
use super::lease::Lease;
use super::message::{Delivered, Ticket};
use super::pull::{News, Pull};
use super::subscription::Work;
use crate::delivery::{attempt, backoff};
use crate::{DeadLetter, Event, dead_letter};

/// Lanes offered again before new events have their turn.
const RETRIES_AT_A_TIME: usize = 16;
/// How long a dead letter waits that could not be written.
const BURIAL_PAUSE: Duration = Duration::from_secs(5);

/// The time in which a node has a consumer's lease and takes its events.
pub(super) struct Tenure<'w> {
    work: &'w Work,
    lease: Lease,
    pull: Pull,
    /// Which stream it is.
    identity: String,
    line: watch::Receiver<u64>,
    /// Brought, and not begun.
    ahead: VecDeque<Delivered>,
    /// Being handled.
    in_hand: Vec<Ticket>,
    /// Refused, and those behind them.
    lanes: Lanes,
}

/// Why it ended.
pub(super) enum End {
    Stopped,
    Lost,
}

impl<'w> Tenure<'w> {
    pub(super) fn new(work: &'w Work, lease: Lease, pull: Pull, identity: String) -> Self {
        let line = work.queue.line();
        let (ahead, in_hand, lanes) = (VecDeque::new(), Vec::new(), Lanes::default());
        Self { work, lease, pull, identity, line, ahead, in_hand, lanes }
    }

    pub(super) async fn run(mut self) -> Result<End, QueueError> {
        let mut stop = self.work.stop.clone();
        let mut ticks = tokio::time::interval(self.work.options.ack_wait / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if *stop.borrow_and_update() {
                self.hand_over().await;
                return Ok(End::Stopped);
            }
            if !self.lease.holds() {
                return Ok(End::Lost);
            }
            self.pull.ask(self.room()).await;
            let due = self.lanes.next_due();
            tokio::select! {
                _ = stop.changed() => {}
                () = self.lease.lost() => return Ok(End::Lost),
                _ = self.line.changed() => self.check_connection().await?,
                _ = ticks.tick() => self.stay_in_progress().await,
                () = at(due) => self.offer_again().await?,
                news = self.pull.next() => self.accept(news?).await?,
            }
            while let Some(news) = self.pull.ready().await? {
                self.accept(news).await?;
            }
            self.take_up().await?;
        }
    }

    /// How many more events may be asked for.
    fn room(&self) -> usize {
        let options = &self.work.options;
        let full = self.ahead.len() >= options.batch || self.lanes.len() >= options.held_max;
        if full { 0 } else { options.batch }
    }

    async fn accept(&mut self, news: News) -> Result<(), QueueError> {
        match news {
            News::Nothing => {}
            News::Trouble => {
                self.pull.pause();
                self.pull.check().await?;
            }
            News::Event(delivered) => {
                // Brought again though it waits here: the last ticket is the one that counts.
                let place = delivered.ticket.place;
                match self.ahead.iter_mut().rev().find(|waiting| waiting.ticket.place == place) {
                    Some(waiting) => waiting.ticket = delivered.ticket,
                    None => self.ahead.push_back(*delivered),
                }
            }
        }
        Ok(())
    }

    /// The connection is another: the stream must still be the same.
    async fn check_connection(&mut self) -> Result<(), QueueError> {
        if !self.work.queue.is_connected() {
            return Ok(());
        }
        self.pull.ask_again();
        if self.work.queue.made().await?.identity != self.identity {
            return Err(self.work.queue.away("the stream is another"));
        }
        self.pull.check().await
    }

    /// Hands over a batch of what was brought.
    async fn take_up(&mut self) -> Result<(), QueueError> {
        let (mut events, mut tickets) = (Vec::new(), Vec::new());
        while events.len() < self.work.options.batch {
            let Some(delivered) = self.ahead.pop_front() else { break };
            if !self.work.consumer.wants(&delivered.event.kind) {
                delivered.ticket.ack(self.work.queue.client()).await;
            } else if let Some(Delivered { event, ticket }) = self.lanes.queue(delivered) {
                events.push(event);
                tickets.push(ticket);
            }
        }
        let Some(behind) = tickets.last().map(|ticket| ticket.behind) else { return Ok(()) };
        self.in_hand = tickets;
        let outcome = self.attempt(&events).await?;
        let tickets = std::mem::take(&mut self.in_hand);
        if outcome.is_ok() {
            self.taken(&tickets).await;
        } else {
            self.offer_each(events, tickets).await?;
        }
        self.tell_lag(behind);
        Ok(())
    }

    /// The batch was refused: each is offered alone.
    async fn offer_each(&mut self, events: Vec<Event>, tickets: Vec<Ticket>) -> Result<(), QueueError> {
        let count = events.len();
        let pairs = events.into_iter().zip(tickets).rev();
        pairs.for_each(|(event, ticket)| self.ahead.push_front(Delivered { event, ticket }));
        for _ in 0..count {
            if !self.lease.holds() || *self.work.stop.borrow() {
                // They come again, here or elsewhere.
                return Ok(());
            }
            let Some(delivered) = self.ahead.pop_front() else { return Ok(()) };
            if let Some(delivered) = self.lanes.queue(delivered) {
                self.offer(delivered, 1).await?;
            }
        }
        Ok(())
    }

    /// Offers the first of some of the lanes that are due.
    async fn offer_again(&mut self) -> Result<(), QueueError> {
        for _ in 0..RETRIES_AT_A_TIME {
            if !self.lease.holds() || *self.work.stop.borrow() {
                return Ok(());
            }
            let Some((_, refusals, delivered)) = self.lanes.due(Instant::now()) else { return Ok(()) };
            self.offer(delivered, refusals).await?;
        }
        Ok(())
    }

    /// Offers one event alone that was refused so often.
    async fn offer(&mut self, delivered: Delivered, refusals: u32) -> Result<(), QueueError> {
        let Delivered { event, ticket } = delivered;
        self.in_hand = vec![ticket.clone()];
        let outcome = self.attempt(std::slice::from_ref(&event)).await?;
        self.in_hand.clear();
        let (options, now) = (&self.work.options, Instant::now());
        match outcome {
            Ok(()) => {
                self.taken(std::slice::from_ref(&ticket)).await;
                self.lanes.advance(event.aggregate, now);
            }
            Err(fault) if fault.kind().retry_may_help() && refusals + 1 < options.tries.max(2) => {
                let due = now + backoff(options.backoff, refusals);
                self.lanes.hold(Delivered { event, ticket }, refusals + 1, due);
            }
            Err(fault) => self.bury(Delivered { event, ticket }, refusals, &fault).await,
        }
        Ok(())
    }

    /// Makes it a dead letter of the consumer's house.
    async fn bury(&mut self, delivered: Delivered, refusals: u32, fault: &Fault) {
        let (work, event) = (self.work, &delivered.event);
        let consumer = work.consumer.name();
        let letters = vec![DeadLetter::new(consumer, event, fault, work.env.now())];
        let cx = Context::system(&work.env, work.options.timeout);
        let written = work.db.write(&cx, async move |tx| dead_letter::add(tx, &letters).await).await;
        if let Err(error) = written {
            tracing::warn!(consumer, event = %event.id, %error, "a dead letter cannot be written yet");
            self.lanes.hold(delivered, refusals, Instant::now() + BURIAL_PAUSE);
            return;
        }
        tracing::error!(consumer, event = %event.id, kind = event.kind, %fault, "event became a dead letter");
        metrics::counter!("queue_dead_letters_total", "consumer" => consumer).increment(1);
        delivered.ticket.ack(work.queue.client()).await;
        self.lanes.advance(event.aggregate, Instant::now());
        work.progress.send_modify(|heard| heard.dead_letters += 1);
    }

    /// The consumer has committed what it made of them.
    async fn taken(&self, tickets: &[Ticket]) {
        for ticket in tickets {
            ticket.ack(self.work.queue.client()).await;
        }
        self.work.progress.send_modify(|heard| heard.taken += tickets.len() as u64);
    }

    /// Offers `events` once, and meanwhile keeps the queue informed and takes in what it brings.
    async fn attempt(&mut self, events: &[Event]) -> Result<Result<(), Fault>, QueueError> {
        let Work { consumer, options, env, .. } = self.work;
        let handled = attempt(&**consumer, env, options.timeout, events);
        self.attend(handled).await
    }

    async fn attend<T>(&mut self, handled: impl Future<Output = T>) -> Result<T, QueueError> {
        let mut handled = pin!(handled);
        let every = self.work.options.ack_wait / 3;
        let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
        loop {
            self.pull.ask(self.room()).await;
            tokio::select! {
                biased;
                outcome = &mut handled => return Ok(outcome),
                _ = ticks.tick() => self.stay_in_progress().await,
                news = self.pull.next() => match news {
                    Ok(News::Trouble) => self.pull.pause(),
                    Ok(news) => self.accept(news).await?,
                    // What is begun is finished first.
                    Err(error) => {
                        tracing::debug!(%error, "nothing more is brought");
                        return Ok(handled.await);
                    }
                },
            }
        }
    }

    /// Asks for more time for all that is here.
    async fn stay_in_progress(&self) {
        let ahead = self.ahead.iter().map(|delivered| &delivered.ticket);
        for ticket in self.in_hand.iter().chain(ahead).chain(&self.lanes.tickets()) {
            ticket.in_progress(self.work.queue.client()).await;
        }
    }

    /// Gives back what is not begun, in the order of the stream, and the lease.
    async fn hand_over(self) {
        let mut tickets = self.lanes.tickets();
        tickets.extend(self.ahead.iter().map(|delivered| delivered.ticket.clone()));
        tickets.sort_unstable_by_key(|ticket| ticket.place);
        for ticket in tickets {
            ticket.nak(self.work.queue.client()).await;
        }
        self.work.queue.flush().await;
        self.lease.release().await;
    }

    /// How many events of the stream the consumer has not taken yet.
    fn tell_lag(&self, behind: u64) {
        let lag = behind + (self.ahead.len() + self.lanes.len()) as u64;
        metrics::gauge!("queue_consumer_lag", "consumer" => self.work.consumer.name()).set(lag as f64);
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
