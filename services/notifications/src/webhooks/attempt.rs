use bytes::Bytes;
use shoal_contract::notifications::{WebhookDisabledReason, WebhookEndpointId, WebhookError};
use shoal_net::outgoing::{Answer, Destination, Failure, Post};
use shoal_queue::EventId;
use shoal_sql::Tx;
use shoal_types::{Context, Fault, Timestamp};
use tokio::time::sleep;

use super::{WITHIN, backoff};
use crate::House;
use crate::model::webhook::endpoint::Kept;
use crate::model::webhook::outcome::{Fate, Health, Outcome, Situation, Verdict, judge};
use crate::model::webhook::{message, schedule, secret};
use crate::store::webhooks::{self as store, Due};

impl House {
    /// Sends a delivery that was taken until then, and notes what came of it.
    pub(super) async fn attempt(&self, endpoint: &Kept, due: &Due, until: Timestamp) {
        let began = self.env.now();
        let outcome = self.request(endpoint, due, began).await;
        let now = self.env.now();
        let verdict = judge(
            &outcome,
            Situation {
                tries: due.tries + 1,
                failing_since: endpoint.failing_since,
                disable_after: self.options.webhooks.disable_after,
                jitter_permille: self.env.rng().below(schedule::JITTER_PERMILLE_MAX + 1),
                now,
            },
        );
        let duration_ms = i64::try_from(now.since(began).as_millis()).unwrap_or(i64::MAX);
        let note = Note { endpoint: endpoint.id, due, outcome: &outcome, verdict, began, duration_ms, now };
        self.note(&note, until).await;
    }

    async fn request(&self, endpoint: &Kept, due: &Due, now: Timestamp) -> Outcome {
        let Ok(destination) = endpoint.url.parse::<Destination>() else {
            return Outcome::Unanswered(WebhookError::Unresolved);
        };
        let id = EventId::from_uuid(due.id.uuid()).to_string();
        let at_s = now.as_micros().div_euclid(1_000_000);
        let signature = secret::sign(endpoint.secrets.valid_at(now), &id, at_s, &due.body);
        let headers =
            [("webhook-id", id), ("webhook-timestamp", at_s.to_string()), ("webhook-signature", signature)];
        let body = Bytes::from(due.body.clone());
        let post = Post { destination: &destination, headers: &headers, body };
        match self.webhooks.post(post).await {
            Ok(Answer { status, retry_after, body }) => {
                Outcome::Answered { status, retry_after, answer: message::excerpt(&body) }
            }
            Err(failure) => Outcome::Unanswered(error_of(&failure)),
        }
    }

    /// Notes the outcome, once and then again for as long as the delivery is ours for sure. What cannot be noted is sent
    /// again.
    async fn note(&self, note: &Note<'_>, until: Timestamp) {
        let mut failures = 0;
        loop {
            let cx = Context::system(&self.env, WITHIN);
            match self.try_note(&cx, note).await {
                Ok(noted) => return note.tell(noted),
                Err(fault) if self.env.now() < until => {
                    failures += 1;
                    tracing::debug!(endpoint = %note.endpoint, %fault, failures, "an attempt is not noted yet");
                    sleep(backoff(failures)).await;
                }
                Err(fault) => {
                    tracing::warn!(endpoint = %note.endpoint, %fault, "an attempt could not be noted and is made again");
                    return;
                }
            }
        }
    }

    async fn try_note(&self, cx: &Context, note: &Note<'_>) -> Result<Noted, Fault> {
        let (endpoint, due, outcome) = (note.endpoint, note.due.clone(), note.outcome.clone());
        let (verdict, began, duration_ms, now) = (note.verdict, note.began, note.duration_ms, note.now);
        let body = async move |tx: &mut Tx| {
            if !store::end_attempt(tx, endpoint, &due, verdict.fate, now).await? {
                return Ok(Noted::NotOurs);
            }
            store::add_attempt(tx, endpoint, &due, &outcome, (began, duration_ms)).await?;
            if let Some(rest_until) = verdict.rest_until {
                store::rest(tx, endpoint, rest_until).await?;
            }
            match verdict.health {
                Health::Same => {}
                Health::Recovered => store::mark_well(tx, endpoint).await?,
                Health::Failing => store::mark_failing(tx, endpoint, began).await?,
                Health::Disabled(reason) => {
                    if store::disable(tx, endpoint, reason, now).await? {
                        return Ok(Noted::Disabled(reason));
                    }
                }
            }
            Ok::<_, shoal_sql::Error>(Noted::Yes)
        };
        self.db.write(cx, body).await.map_err(Fault::from)
    }
}

/// What is to be noted of an attempt.
struct Note<'a> {
    endpoint: WebhookEndpointId,
    due: &'a Due,
    outcome: &'a Outcome,
    verdict: Verdict,
    began: Timestamp,
    duration_ms: i64,
    now: Timestamp,
}

/// Whether an attempt was noted.
enum Noted {
    Yes,
    /// The same, and the endpoint is disabled by it.
    Disabled(WebhookDisabledReason),
    /// Another has the delivery by now.
    NotOurs,
}

impl Note<'_> {
    /// Neither the URL nor the answer is for a log: both may hold secrets.
    fn tell(&self, noted: Noted) {
        let (endpoint, delivery) = (self.endpoint, self.due.id);
        match noted {
            Noted::NotOurs => tracing::info!(%endpoint, %delivery, "another has taken the webhook over"),
            Noted::Disabled(reason) => {
                let reason = reason.as_str();
                tracing::warn!(%endpoint, reason, "a webhook endpoint is disabled");
            }
            Noted::Yes if self.verdict.fate == Fate::GivenUp => {
                tracing::warn!(%endpoint, %delivery, "a webhook is given up");
            }
            Noted::Yes => {}
        }
    }
}

fn error_of(failure: &Failure) -> WebhookError {
    match failure {
        Failure::Unresolved => WebhookError::Unresolved,
        Failure::ForbiddenAddress { .. } => WebhookError::ForbiddenAddress,
        Failure::ForbiddenPort { .. } => WebhookError::ForbiddenPort,
        Failure::NotEncrypted => WebhookError::NotEncrypted,
        Failure::Unreachable => WebhookError::Unreachable,
        Failure::Untrusted => WebhookError::Untrusted,
        Failure::Broken => WebhookError::Broken,
        Failure::TimedOut => WebhookError::TimedOut,
    }
}
