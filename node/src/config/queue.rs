//! Where events travel between houses.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shoal_net::units;
use shoal_queue::nats::{Place, QueueOptions};
use shoal_types::Fact;

/// The queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// `in-process`, or the servers of a queue.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub url: Place,
    /// What keeps this shop apart from others on the same servers.
    pub name: String,
    /// The authority of the servers' certificates; empty for those of the system.
    pub ca: PathBuf,
    /// A `.creds` file or the seed of an nkey; empty for none.
    pub credentials: PathBuf,
    /// Servers that keep each event.
    pub replicas: usize,
    /// How long the queue keeps events.
    #[serde(with = "units::duration")]
    pub max_age: Duration,
    /// Bytes of events that it keeps.
    #[serde(with = "units::bytes")]
    pub max_bytes: usize,
}

impl QueueConfig {
    /// How to reach the queue, if events travel by one.
    pub fn options(&self) -> Option<QueueOptions> {
        let Place::Nats(servers) = &self.url else { return None };
        let file = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
        Some(QueueOptions {
            ca: file(&self.ca),
            credentials: file(&self.credentials),
            name: self.name.clone(),
            replicas: self.replicas,
            max_age: self.max_age,
            max_bytes: self.max_bytes as u64,
            ..QueueOptions::new(servers.clone())
        })
    }
}

/// Writes it without its secrets.
fn write<S: Serializer>(place: &Place, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(place)
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Place, D::Error> {
    let place = Place::parse(&String::deserialize(from)?);
    place.map_err(|error| de::Error::custom(format!("{error} (docs/errors/{}.md)", error.code())))
}

/// An address as it may be shown: with stars for what must not be.
pub(super) fn shown(text: &str) -> String {
    Place::parse(text).map_or_else(|_| "***".to_owned(), |place| place.to_string())
}
