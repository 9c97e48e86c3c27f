use async_nats::{Client, Message, Subject};

use crate::Event;

/// Taken for good.
const ACK: &str = "+ACK";
/// Worked on: more time, please.
const IN_PROGRESS: &str = "+WPI";
/// Not begun: bring it again at once.
const NAK: &str = "-NAK";
/// Never to be brought again.
const TERM: &str = "+TERM";

/// An event that the queue has brought and that is not answered yet.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) event: Event,
    pub(super) ticket: Ticket,
}

/// What the queue knows a delivery by.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    reply: Subject,
    /// Its place in the stream.
    pub(super) place: u64,
    /// How many deliveries to this consumer there were, with this one. No number is left out.
    pub(super) number: u64,
    /// Events of the stream that were not yet brought.
    pub(super) behind: u64,
}

/// What came from the queue.
pub(super) enum Brought {
    Event(Box<Delivered>),
    /// Not an event: nobody can ever use it.
    Rubbish(Ticket, String),
    /// There will be nothing more for what was asked.
    End,
    /// Of no concern.
    Nothing,
}

impl Brought {
    pub(super) fn of(message: Message) -> Self {
        match message.status.map(|status| status.as_u16()) {
            None | Some(200) => {}
            // A sign of life.
            Some(100) => return Self::Nothing,
            Some(_) => return Self::End,
        }
        let Some(ticket) = message.reply.and_then(Ticket::of) else { return Self::Nothing };
        match serde_json::from_slice(&message.payload) {
            Ok(event) => Self::Event(Box::new(Delivered { event, ticket })),
            Err(error) => Self::Rubbish(ticket, error.to_string()),
        }
    }
}

impl Ticket {
    /// Reads `$JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.DELIVERED.PLACE.NUMBER.TIME.PENDING[.TOKEN]`.
    fn of(reply: Subject) -> Option<Self> {
        let parts: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = parts.get(if parts.len() >= 9 { 5 } else { 3 }..)?;
        let number = |index: usize| numbers.get(index)?.parse().ok();
        let (place, number, behind) = (number(0)?, number(1)?, number(3)?);
        Some(Self { reply, place, number, behind })
    }

    pub(super) async fn ack(&self, client: &Client) {
        self.say(client, ACK).await;
    }

    pub(super) async fn in_progress(&self, client: &Client) {
        self.say(client, IN_PROGRESS).await;
    }

    pub(super) async fn nak(&self, client: &Client) {
        self.say(client, NAK).await;
    }

    pub(super) async fn term(&self, client: &Client) {
        self.say(client, TERM).await;
    }

    /// An answer that is lost only makes the event come again.
    async fn say(&self, client: &Client, word: &'static str) {
        if let Err(error) = client.publish(self.reply.clone(), word.into()).await {
            tracing::debug!(%error, "an answer to the queue is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_in_both_forms() {
        let read = |text: &str| {
            Ticket::of(Subject::from(text)).map(|ticket| (ticket.place, ticket.number, ticket.behind))
        };
        assert_eq!(read("$JS.ACK.shoal-shop.mail.1.17.23.1700000000.4"), Some((17, 23, 4)));
        assert_eq!(read("$JS.ACK.hub.hash.shoal-shop.mail.1.17.23.1700000000.4.token"), Some((17, 23, 4)));
        assert_eq!(read("$JS.ACK.shoal-shop"), None);
        assert_eq!(read("_INBOX.x"), None);
    }
}
