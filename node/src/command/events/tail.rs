use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use shoal_contract::deliveries::Follow;
use shoal_types::Timestamp;

use super::desk::Desk;
use super::{houses, time};
use crate::config::Role;

/// How often the houses are asked while somebody follows them.
const EVERY: Duration = Duration::from_millis(250);
/// An event has its time before its commit; no commit comes later than this after it.
const COMMIT_MAX: Duration = Duration::from_secs(120);

/// Flags of `events tail`.
#[derive(Debug, Args)]
pub(super) struct Tail {
    /// What these houses say; all by default.
    #[arg(long, value_name = "HOUSE", value_delimiter = ',')]
    house: Vec<Role>,
    /// Events of this type: order.placed.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Events of this aggregate: order_01h...
    #[arg(long, value_name = "ID")]
    aggregate: Option<String>,
    /// Begin with what happened then; by default with what happens from now on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
}

/// What of a house was printed.
struct Followed {
    house: &'static str,
    /// Everything published that happened earlier was printed, or is older than what is asked for.
    from: Timestamp,
    /// What was printed of the rest.
    printed: HashSet<String>,
}

impl Tail {
    pub(super) async fn run(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let since = self.since.unwrap_or_else(|| desk.env().now());
        let of = |house| Followed { house, from: since, printed: HashSet::new() };
        let mut followed: Vec<Followed> = houses(&self.house)?.into_iter().map(of).collect();
        let tailed = async {
            loop {
                for house in &mut followed {
                    let printed = house.look(desk, |event| self.print(event)).await;
                    // A node that goes or a database that is away for a while loses nothing of it.
                    if let Err(error) = printed {
                        if error.downcast_ref::<io::Error>().is_some() {
                            return Err(error);
                        }
                        desk.forget(house.house).await;
                        eprintln!("{}: {error:#}; asking again", house.house);
                    }
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            ended = tailed => ended,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    }

    fn print(&self, event: &Value) -> io::Result<()> {
        let is = |key: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| event.get(key).and_then(Value::as_str) == Some(wanted))
        };
        if is("type", &self.kind) && is("subject", &self.aggregate) {
            writeln!(io::stdout(), "{event}")?;
        }
        Ok(())
    }
}

impl Followed {
    /// Prints what is new, in the order of each aggregate.
    ///
    /// The published events are read again from before the oldest that waits, and from before the longest commit: so what
    /// is published late, as after a queue was away, is not missed.
    async fn look(&mut self, desk: &Desk, print: impl Fn(&Value) -> io::Result<()>) -> anyhow::Result<()> {
        let deliveries = desk.of(self.house).await?;
        let begun = desk.env().now().minus(COMMIT_MAX);
        let (mut after, mut settled) = (None, begun);
        let mut times: HashMap<String, Timestamp> = HashMap::new();
        loop {
            let asked = Follow { house: self.house.to_owned(), since: self.from, after };
            let page = deliveries.published(&desk.context(), asked).await?;
            settled = page.waiting_since.map_or(settled, |waiting| waiting.min(settled));
            let mut events = page.events;
            // A sequence is written with zeros before it.
            events.sort_by_key(|event| (text(event, "aggregate"), text(event, "sequence")));
            for event in &events {
                let id = text(event, "id");
                if !self.printed.contains(&id) {
                    print(event)?;
                    self.printed.insert(id.clone());
                }
                times.extend(Timestamp::parse(&text(event, "time")).map(|at| (id, at)));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.from = self.from.max(settled);
        let from = self.from;
        self.printed.retain(|id| times.get(id).is_some_and(|at| *at >= from));
        Ok(())
    }
}

fn text(event: &Value, key: &str) -> String {
    event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
