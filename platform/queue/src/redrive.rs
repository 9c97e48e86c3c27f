use std::sync::Arc;
use std::time::Duration;

use shoal_sql::{Database, Error};
use shoal_types::{Context, Env, Timestamp};

use crate::delivery::attempt;
use crate::{Consumer, DeadLetter, EventId, dead_letter, list_dead_letters};

/// Dead letters read at a time.
const PAGE: u16 = 256;
/// How long a consumer may take for one.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);

/// What became of the dead letters offered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redriven {
    /// Taken by their consumer now.
    pub taken: u64,
    /// Refused again, or their consumer is not here.
    pub left: u64,
}

/// Which dead letters are meant; the default means all.
#[derive(Debug, Clone, Default)]
pub struct LetterFilter {
    /// Of this consumer.
    pub consumer: Option<String>,
    /// Of events of this kind.
    pub kind: Option<String>,
    /// Of this aggregate, by its id as text.
    pub subject: Option<String>,
    /// Given up then or later.
    pub since: Option<Timestamp>,
    /// These events; none for all.
    pub events: Vec<EventId>,
}

impl LetterFilter {
    /// Whether `letter` is meant.
    pub fn takes(&self, letter: &DeadLetter) -> bool {
        self.consumer.as_ref().is_none_or(|consumer| *consumer == letter.consumer)
            && self.kind.as_ref().is_none_or(|kind| *kind == letter.event.kind)
            && self.subject.as_ref().is_none_or(|subject| *subject == letter.event.subject)
            && self.since.is_none_or(|since| letter.at >= since)
            && (self.events.is_empty() || self.events.contains(&letter.event.id))
    }
}

/// Offers the dead letters that are meant once more to their consumers, each aggregate's in its order, and forgets those
/// that are taken.
///
/// # Errors
/// What the engine answers; what was taken so far is forgotten.
pub async fn redrive(
    db: &Database,
    consumers: &[Arc<dyn Consumer>],
    filter: &LetterFilter,
    cx: &Context,
    env: &Env,
) -> Result<Redriven, Error> {
    let mut redriven = Redriven::default();
    let mut after = None;
    loop {
        let page = list_dead_letters(db, cx, after.as_ref(), PAGE).await?;
        let Some(last) = page.last().cloned() else { return Ok(redriven) };
        let meant: Vec<DeadLetter> = page.into_iter().filter(|letter| filter.takes(letter)).collect();
        let total = meant.len() as u64;
        let taken = offer(consumers, meant, env).await;
        redriven.taken += taken.len() as u64;
        redriven.left += total - taken.len() as u64;
        if !taken.is_empty() {
            db.write(cx, async move |tx| dead_letter::remove(tx, &taken).await).await?;
        }
        after = Some(last);
    }
}

/// Offers each dead letter once to its consumer and answers those taken.
async fn offer(consumers: &[Arc<dyn Consumer>], letters: Vec<DeadLetter>, env: &Env) -> Vec<DeadLetter> {
    let mut taken = Vec::new();
    for letter in letters {
        let Some(consumer) = consumers.iter().find(|consumer| consumer.name() == letter.consumer) else {
            continue;
        };
        if attempt(&**consumer, env, ATTEMPT_MAX, std::slice::from_ref(&letter.event)).await.is_ok() {
            taken.push(letter);
        }
    }
    taken
}
