//! The job that sends what is due: woken by the commit that notes it, and by the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use lettre::message::Mailbox;
use serde::Serialize;
use shoal_sql::{Engine, ReadTx, Tx};
use shoal_types::{Context, Fault, Timestamp};
use tokio::sync::watch;

use super::server::Refused;
use super::{Mailer, server};
use crate::model::mail::{self, Kept, Outcome};
use crate::{House, store};

/// How long a mail is left to who took it, besides the time that its conversation and those before it may take.
const LEASE: Duration = Duration::from_secs(60);
/// Mails taken at a time, for each connection: enough to keep it at work.
const BATCH_PER_CONNECTION: u32 = 2;
/// More mails than this are never taken at a time.
const TAKEN_MAX: u32 = 1_000;
/// How long mails that are under way may take when the node ends.
const FINISH_WITHIN: Duration = Duration::from_secs(5);
/// How long a statement, or a question to another house, may take.
const WITHIN: Duration = Duration::from_secs(10);
/// The pause after a mail server could not be reached, or the database; doubles with each time.
const AWAY_FIRST: Duration = Duration::from_secs(1);
const AWAY_MAX: Duration = Duration::from_secs(60);
/// Where nodes share the data: how often it is looked for mails that one left which is gone.
const LOOK_EVERY: Duration = Duration::from_secs(120);

/// How long to wait for the next round, and whether a commit cuts that short.
struct Pause {
    time: Duration,
    hurried: bool,
}

impl House {
    /// Sends mails until told to stop; those that a mail server is being given it is still given. Dropped meanwhile, they
    /// go out again.
    pub async fn run_mails(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(mailer) = self.options.mail.as_deref() else { return };
        let failures = AtomicU32::new(0);
        self.take_back_mails().await;
        let mut commits = self.db.on_commit();
        while !*stop.borrow() {
            // A commit from here on wakes it again, so that none is missed between the reading and the waiting.
            commits.mark_unchanged();
            let begun = stop.clone();
            let sent = tokio::select! {
                sent = self.send_mails(mailer, &failures, &begun) => sent,
                () = ended(stop.clone()) => return,
            };
            let pause = sent.unwrap_or_else(|error| {
                tracing::warn!(%error, "mails wait for the database");
                Pause { time: away(failures.fetch_add(1, Ordering::Relaxed) + 1), hurried: false }
            });
            tokio::select! {
                woken = commits.changed(), if pause.hurried => if woken.is_err() { return },
                () = tokio::time::sleep(pause.time) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Gives back what an earlier run took and did not send. Embedded data has one owner, and that is this process;
    /// elsewhere the lease decides.
    async fn take_back_mails(&self) {
        if self.db.engine() == Engine::Postgres {
            return;
        }
        let (cx, now) = (Context::system(&self.env, WITHIN), self.env.now());
        let body = async move |tx: &mut Tx| store::mails::take_back(tx, now, TAKEN_MAX).await;
        match self.db.write(&cx, body).await {
            Ok(0) => {}
            Ok(mails) => tracing::info!(mails, "mails that an earlier run was sending are sent again"),
            Err(error) => tracing::warn!(%error, "mails of an earlier run wait for their leases"),
        }
    }

    /// Sends what is due, until nothing is or the mail server cannot be reached.
    async fn send_mails(
        &self,
        mailer: &Mailer,
        failures: &AtomicU32,
        stop: &watch::Receiver<bool>,
    ) -> Result<Pause, Fault> {
        loop {
            if *stop.borrow() {
                return Ok(Pause { time: Duration::ZERO, hurried: false });
            }
            // One mail finds out whether the server is back.
            let limit = match failures.load(Ordering::Relaxed) {
                0 => (mailer.connections * BATCH_PER_CONNECTION).min(TAKEN_MAX),
                _ => 1,
            };
            let lease = LEASE + mailer.timeout() * BATCH_PER_CONNECTION;
            let mails = self.take_mails(limit, lease).await?;
            if mails.is_empty() {
                return self.until_next_mail().await;
            }
            let tries = stream::iter(mails).map(|kept| self.try_mail(mailer, kept));
            let reached: Vec<bool> =
                tries.buffer_unordered(mailer.connections as usize).collect::<Vec<_>>().await;
            if reached.contains(&false) {
                let failures = failures.fetch_add(1, Ordering::Relaxed) + 1;
                return Ok(Pause { time: away(failures), hurried: false });
            }
            failures.store(0, Ordering::Relaxed);
        }
    }

    async fn take_mails(&self, limit: u32, lease: Duration) -> Result<Vec<Kept>, Fault> {
        let (cx, now, owner) = (Context::system(&self.env, WITHIN), self.env.now(), self.owner);
        let list = async move |tx: &mut ReadTx| store::mails::list_due(tx, now, limit).await;
        let mut due = self.db.read(&cx, list).await.map_err(Fault::from)?;
        if due.is_empty() {
            return Ok(due);
        }
        let (wanted, times) = (due.clone(), (now, now.plus(lease)));
        let take = async move |tx: &mut Tx| store::mails::take(tx, &wanted, owner, times).await;
        let taken = self.db.write(&cx, take).await.map_err(Fault::from)?;
        due.retain(|kept| taken.contains(&kept.mail.id));
        due.iter_mut().for_each(|kept| kept.mail.tries += 1);
        Ok(due)
    }

    async fn until_next_mail(&self) -> Result<Pause, Fault> {
        let cx = Context::system(&self.env, WITHIN);
        let next =
            self.db.read(&cx, async |tx| store::mails::next_due(tx).await).await.map_err(Fault::from)?;
        let longest = match self.db.engine() {
            Engine::Sqlite => Duration::MAX,
            // Half to one and a half times as long, so that the nodes do not all look at once.
            Engine::Postgres => {
                let spread = u32::try_from(LOOK_EVERY.as_millis()).unwrap_or(u32::MAX);
                LOOK_EVERY / 2 + Duration::from_millis(self.env.rng().below(spread).into())
            }
        };
        let time = next.map_or(Duration::MAX, |next| next.since(self.env.now()));
        Ok(Pause { time: time.min(longest), hurried: true })
    }

    /// Sends a mail that was taken and notes what came of it; whether a mail server was reached.
    async fn try_mail(&self, mailer: &Mailer, kept: Kept) -> bool {
        let outcome = self.send_mail(mailer, &kept).await;
        let reached = !matches!(outcome, Outcome::Away(_));
        log(&kept, &outcome);
        if let Err(error) = self.mark_mail(&kept, outcome).await {
            tracing::warn!(mail = %kept.mail.id, %error, "what became of a mail could not be noted: it goes out again");
        }
        reached
    }

    async fn mark_mail(&self, kept: &Kept, outcome: Outcome) -> Result<bool, shoal_sql::Error> {
        let (cx, now, owner) = (Context::system(&self.env, WITHIN), self.env.now(), self.owner);
        let (kept, mark) = (kept.clone(), mail::mark(kept, outcome, now));
        self.db.write(&cx, async move |tx| store::mails::mark(tx, &kept, owner, &mark, now).await).await
    }

    async fn send_mail(&self, mailer: &Mailer, kept: &Kept) -> Outcome {
        let now = self.env.now();
        if now >= kept.expires_at {
            return Outcome::Failed(kept.mail.code.clone().unwrap_or_else(|| "too_late".to_owned()));
        }
        let cx = Context::system(&self.env, WITHIN);
        match self.facts(&cx, mailer, kept).await {
            Ok((to, facts)) => mailer.send(kept, to, &facts, now).await,
            Err(outcome) => outcome,
        }
    }
}

impl Mailer {
    /// Makes a mail and hands it to the mail server.
    async fn send<T: Serialize>(&self, kept: &Kept, to: Mailbox, facts: &T, now: Timestamp) -> Outcome {
        let mail = &kept.mail;
        let texts = match self.templates.texts(mail.kind, facts) {
            Ok(texts) => texts,
            Err((template, error)) => {
                let (line, kind) = (error.line(), error.kind());
                tracing::error!(mail = %mail.id, template, ?line, %kind, "a template cannot be used");
                return Outcome::Failed("template".to_owned());
            }
        };
        let local_is_ascii = to.email.user().is_ascii();
        let (envelope, written) = match self.message(mail, to, texts, now) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(mail = %mail.id, %error, "a mail cannot be written");
                return Outcome::Failed("unwritable".to_owned());
            }
        };
        match self.server.send(&envelope, &written).await {
            Ok(()) => Outcome::Sent,
            // The mail server does not take addresses beyond ASCII.
            Err(Refused::Error(error)) if error.is_client() && !local_is_ascii => {
                Outcome::Failed("no_smtputf8".to_owned())
            }
            Err(refused) => server::outcome(&refused),
        }
    }
}

/// Until there is no more time to finish what is under way.
async fn ended(mut stop: watch::Receiver<bool>) {
    // Whoever could say so is gone: nobody will.
    if stop.wait_for(|stop| *stop).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(FINISH_WITHIN).await;
}

/// The pause after a server was away so many times.
fn away(failures: u32) -> Duration {
    AWAY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(AWAY_MAX)
}

/// Says what became of a mail: never to whom.
fn log(kept: &Kept, outcome: &Outcome) {
    let (mail, kind, tries) = (kept.mail.id, kept.mail.kind.as_str(), kept.mail.tries);
    match outcome {
        Outcome::Sent => tracing::info!(%mail, kind, tries, "mail sent"),
        Outcome::Later(code) => tracing::info!(%mail, kind, tries, code, "a mail waits"),
        Outcome::Away(code) => {
            tracing::warn!(%mail, kind, tries, code, "the mail server cannot be used: mails wait")
        }
        Outcome::Failed(code) => tracing::error!(%mail, kind, tries, code, "a mail was given up"),
        Outcome::Dropped(code) => tracing::info!(%mail, kind, code, "a mail has nobody to go to any more"),
    }
}
