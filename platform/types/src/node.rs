use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Env;

/// One run of one process: drawn at its start, so that a node that comes back is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Uuid);

impl NodeId {
    /// Draws an id: a UUIDv7, so that ids sort by when their nodes started.
    pub fn new(env: &Env) -> Self {
        let mut random = [0_u8; 10];
        env.rng().fill(&mut random);
        let millis = u64::try_from(env.now().as_micros() / 1_000).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Wraps a UUID read from another node.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID within.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// Hyphenated: `018f3c3a-7d52-7cc0-8b1a-2f3c4d5e6f70`.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl FromStr for NodeId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{SeededRng, SystemClock};

    #[test]
    fn a_node_id_is_read_as_it_is_shown_and_no_two_are_the_same() {
        let env = Env::new(Arc::new(SystemClock), Arc::new(SeededRng::new(1)));
        let (first, second) = (NodeId::new(&env), NodeId::new(&env));
        assert_ne!(first, second);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(serde_json::to_string(&first).expect("plain"), format!("\"{first}\""));
    }
}
