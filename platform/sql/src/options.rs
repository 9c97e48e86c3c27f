use std::time::Duration;

use shoal_types::Env;

use crate::{Migration, Source};

/// How to open the database of one house.
#[derive(Clone)]
pub struct Options {
    /// Where its data lives.
    pub source: Source,
    /// The house: `users` for the file `users.db` or the schema `users`.
    pub name: &'static str,
    /// The schema's history.
    pub migrations: &'static [Migration],
    /// Time, for deadlines, and randomness.
    pub env: Env,
    /// What an answered write survives.
    pub durability: Durability,
    /// Reads at the same time on embedded data; more wait.
    pub readers: usize,
    /// Connections to PostgreSQL for transactions of their own; reads of one statement share two more.
    pub connections: usize,
    /// Writes waiting at the same time; more are refused with `Overloaded`.
    pub queue_max: usize,
    /// Writes that share a commit, at most.
    pub group_max: usize,
    /// Time after which a group takes no more writes, so that the first one in it is not kept waiting.
    pub group_time: Duration,
    /// Size above which the file may not grow, in pages of 4 KiB; only tests limit it.
    pub pages_max: Option<u32>,
}

/// What an answered write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power failure: it is on the disk.
    Full,
    /// A crash of the process only. For tests.
    Process,
}

impl Options {
    /// The options every node starts from: durable, bounded.
    pub fn new(
        source: impl Into<Source>,
        name: &'static str,
        migrations: &'static [Migration],
        env: Env,
    ) -> Self {
        Self {
            source: source.into(),
            name,
            migrations,
            env,
            durability: Durability::Full,
            readers: 16,
            connections: 8,
            queue_max: 4096,
            group_max: 512,
            group_time: Duration::from_millis(5),
            pages_max: None,
        }
    }
}
