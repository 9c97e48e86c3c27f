//! What became of the events of the houses here, for who runs the shop.

use std::sync::Arc;

use async_trait::async_trait;
use shoal_contract::deliveries::{
    DeadLetter, DeadLetters, Deliveries, Follow, Letters, PAGE_MAX, Published, Redriven, Replay, Replayed,
    Which,
};
use shoal_queue::{
    Consumer, Event, EventId, LetterFilter, OutboxTable, Position, list_dead_letters, published, redrive,
    waiting,
};
use shoal_sql::Database;
use shoal_types::{Caller, Context, Env, Fault, Role, Timestamp};

/// The houses here, which answer for their events.
pub(crate) struct Post {
    pub(crate) houses: Vec<House>,
    pub(crate) env: Env,
}

/// A house, and those who hear of its events here.
pub(crate) struct House {
    pub(crate) db: Database,
    /// Where its events are: one outbox, or two.
    pub(crate) tables: Vec<OutboxTable>,
    pub(crate) consumers: Vec<Arc<dyn Consumer>>,
}

impl Post {
    fn house(&self, name: &str) -> Result<&House, Fault> {
        let found = self.houses.iter().find(|house| house.db.name() == name);
        found.ok_or_else(|| Fault::invalid("house", "unknown_house", format!("{name} is not here")))
    }
}

#[async_trait]
impl Deliveries for Post {
    async fn dead_letters(&self, cx: &Context, letters: Letters) -> Result<DeadLetters, Fault> {
        cx.caller.require(Role::Staff)?;
        let (house, filter) = (self.house(&letters.house)?, filter(letters.which)?);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = list_dead_letters(&house.db, cx, after.as_ref(), PAGE_MAX).await?;
            let last = page.last().cloned();
            for letter in page.into_iter().filter(|letter| filter.takes(letter)) {
                if found.len() == usize::from(PAGE_MAX) {
                    return Ok(DeadLetters { dead_letters: found, more: true });
                }
                found.push(shown(&letters.house, letter)?);
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(DeadLetters { dead_letters: found, more: false }),
            }
        }
    }

    async fn redrive(&self, cx: &Context, letters: Letters) -> Result<Redriven, Fault> {
        cx.caller.require(Role::Staff)?;
        let (house, filter) = (self.house(&letters.house)?, filter(letters.which)?);
        let done = redrive(&house.db, &house.consumers, &filter, cx, &self.env).await?;
        tracing::info!(
            house = letters.house,
            taken = done.taken,
            left = done.left,
            "dead letters offered again"
        );
        Ok(Redriven { taken: done.taken, left: done.left })
    }

    async fn published(&self, cx: &Context, follow: Follow) -> Result<Published, Fault> {
        operators_only(cx)?;
        let house = self.house(&follow.house)?;
        // Asked for first: what is published in between is in the page, or is found from this time on.
        let waiting_since = house.waiting_since(cx).await?;
        let (events, next) = house.page(cx, follow.since, follow.after).await?;
        let events = events.iter().map(|event| serde_json::to_value(event).map_err(unwritable));
        Ok(Published { events: events.collect::<Result<_, _>>()?, next, waiting_since })
    }

    async fn replay(&self, cx: &Context, replay: Replay) -> Result<Replayed, Fault> {
        operators_only(cx)?;
        let house = self.house(&replay.house)?;
        let consumer = house.consumers.iter().find(|consumer| consumer.name() == replay.consumer);
        let consumer = consumer.ok_or_else(|| {
            let known: Vec<&str> = house.consumers.iter().map(|consumer| consumer.name()).collect();
            Fault::invalid("consumer", "unknown_consumer", format!("it is one of: {}", known.join(", ")))
        })?;
        let since = replay.which.since.unwrap_or(Timestamp::from_micros(0));
        let (page, next) = house.page(cx, since, replay.after.clone()).await?;
        let mut meant: Vec<Event> = page
            .into_iter()
            .filter(|event| consumer.wants(&event.kind) && is_meant(&replay.which, event))
            .collect();
        meant.sort_by_key(|event| (event.aggregate, event.sequence));
        if !meant.is_empty() {
            consumer.handle(cx, &meant).await?;
        }
        Ok(Replayed { events: meant.len() as u64, next })
    }
}

fn operators_only(cx: &Context) -> Result<(), Fault> {
    if cx.caller == Caller::System { Ok(()) } else { Err(Fault::Forbidden {}) }
}

fn is_meant(which: &Which, event: &Event) -> bool {
    which.kind.as_ref().is_none_or(|kind| *kind == event.kind)
        && which.subject.as_ref().is_none_or(|subject| *subject == event.subject)
        && (which.events.is_empty() || which.events.contains(&event.id.to_string()))
}

fn filter(which: Which) -> Result<LetterFilter, Fault> {
    let Which { consumer, kind, subject, since, events } = which;
    let id = |text: String| {
        text.parse::<EventId>().map_err(|error| Fault::invalid("events", "invalid_id", error.to_string()))
    };
    let events = events.into_iter().map(id).collect::<Result<_, _>>()?;
    Ok(LetterFilter { consumer, kind, subject, since, events })
}

fn shown(house: &str, letter: shoal_queue::DeadLetter) -> Result<DeadLetter, Fault> {
    let event = serde_json::to_value(&letter.event).map_err(unwritable)?;
    let shoal_queue::DeadLetter { consumer, code, message, at, .. } = letter;
    Ok(DeadLetter { house: house.to_owned(), consumer, event, code, message, at })
}

fn unwritable(error: serde_json::Error) -> Fault {
    tracing::error!(%error, "an event cannot be written");
    Fault::Internal {}
}

impl House {
    /// A page of what it has published, one outbox after the other, and where the next begins.
    async fn page(
        &self,
        cx: &Context,
        since: Timestamp,
        after: Option<String>,
    ) -> Result<(Vec<Event>, Option<String>), Fault> {
        let (index, after) = after.map_or(Ok((0, Position::since(since))), |text| place(since, &text))?;
        let Some(table) = self.tables.get(index) else { return Ok((Vec::new(), None)) };
        let page = published(&self.db, table, cx, &after, PAGE_MAX).await?;
        let full = page.last().filter(|_| page.len() == usize::from(PAGE_MAX));
        let next = match full {
            Some(last) => Some(format!("{index}/{}", written(&Position::of(last)))),
            None => (index + 1 < self.tables.len()).then(|| format!("{}/", index + 1)),
        };
        Ok((page, next))
    }

    /// When the oldest of its events happened that waits to be published.
    async fn waiting_since(&self, cx: &Context) -> Result<Option<Timestamp>, Fault> {
        let mut oldest = None;
        for table in &self.tables {
            let (_, since) = waiting(&self.db, table, cx).await?;
            oldest = [oldest, since].into_iter().flatten().min();
        }
        Ok(oldest)
    }
}

fn written(position: &Position) -> String {
    format!("{}.{}.{}", position.at.as_micros(), position.sequence, position.aggregate)
}

/// Reads which outbox, and after what in it; after nothing, all that happened at `since` or later.
fn place(since: Timestamp, text: &str) -> Result<(usize, Position), Fault> {
    let wrong = || Fault::invalid("after", "invalid_place", "expected the place of an earlier answer");
    let (index, rest) = text.split_once('/').ok_or_else(wrong)?;
    let index = index.parse().map_err(|_| wrong())?;
    if rest.is_empty() {
        return Ok((index, Position::since(since)));
    }
    let mut parts = rest.splitn(3, '.');
    let mut read = || {
        let (at, sequence, aggregate) = (parts.next()?, parts.next()?, parts.next()?);
        let at = Timestamp::from_micros(at.parse().ok()?);
        Some(Position { at, sequence: sequence.parse().ok()?, aggregate: aggregate.parse().ok()? })
    };
    Ok((index, read().ok_or_else(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let since = Timestamp::from_micros(7);
        let position = Position { sequence: 3, ..Position::since(since) };
        let text = format!("1/{}", written(&position));
        assert_eq!(place(since, &text), Ok((1, position)));
        assert_eq!(place(since, "1/"), Ok((1, Position::since(since))));
        for wrong in ["", "x", "0/7", "0/7.x.y", "-1/"] {
            assert!(place(since, wrong).is_err(), "{wrong}");
        }
    }
}
