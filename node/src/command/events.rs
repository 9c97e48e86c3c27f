//! `shoal events`: what became of events on their way.

mod desk;
mod tail;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use shoal_contract::deliveries::{DeadLetter, Letters, Redriven, Replay, Which};
use shoal_types::{Env, Timestamp};

use crate::cluster::HOUSES;
use crate::config::{Config, Role};
use crate::output;
use desk::Desk;

/// What became of events.
#[derive(Debug, Args)]
pub(crate) struct Events {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the events that a consumer refused until its tries were used up.
    Dead(Dead),
    /// Offer dead letters once more to their consumers and forget those that are taken.
    Redrive(Redrive),
    /// Hand published events once more to a consumer, which leaves out what it has heard.
    Replay(ReplayFlags),
    /// Print events as they are published, a CloudEvent a line, until Ctrl-C.
    Tail(tail::Tail),
}

/// Flags of `events dead`.
#[derive(Debug, Args)]
struct Dead {
    #[command(flatten)]
    filter: Filter,
    /// Print JSON, with the events themselves.
    #[arg(long)]
    json: bool,
}

/// Flags of `events redrive`.
#[derive(Debug, Args)]
struct Redrive {
    #[command(flatten)]
    filter: Filter,
    /// All that the other flags leave; without it, name events.
    #[arg(long, conflicts_with = "events")]
    all: bool,
    /// These events, by id.
    #[arg(required_unless_present = "all", value_name = "EVENT")]
    events: Vec<String>,
}

/// Flags of `events replay`.
#[derive(Debug, Args)]
struct ReplayFlags {
    /// Who is to hear of them: notifications, products-search.
    consumer: String,
    /// What happened in these houses; all by default.
    #[arg(long, value_name = "HOUSE", value_delimiter = ',')]
    house: Vec<Role>,
    /// What happened then or later: a time such as 2026-05-03T10:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Timestamp,
    /// Events of this type: order.placed.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Events of this aggregate: order_01h...
    #[arg(long, value_name = "ID")]
    aggregate: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Args)]
struct Filter {
    /// Kept by these houses; all by default.
    #[arg(long, value_name = "HOUSE", value_delimiter = ',')]
    house: Vec<Role>,
    /// Refused by this consumer.
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Of this type: order.placed.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of this aggregate: order_01h...
    #[arg(long, value_name = "ID")]
    aggregate: Option<String>,
    /// Given up then or later: a time such as 2026-05-03T10:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
}

impl Events {
    /// Asks the running nodes of a cluster if one is named, else opens the data itself.
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let desk = Desk::open(config, Env::system()).await?;
        let done = match self.what {
            What::Dead(dead) => dead.run(&desk).await,
            What::Redrive(redrive) => redrive.run(&desk).await,
            What::Replay(replay) => replay.run(&desk).await,
            What::Tail(tail) => tail.run(&desk).await,
        };
        desk.close().await;
        done
    }
}

impl Filter {
    fn which(self, events: Vec<String>) -> Which {
        let Self { consumer, kind, aggregate: subject, since, .. } = self;
        Which { consumer, kind, subject, since, events }
    }
}

impl Dead {
    async fn run(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let houses = houses(&self.filter.house)?;
        let which = self.filter.which(Vec::new());
        let (mut letters, mut more) = (Vec::new(), false);
        for house in houses {
            let asked = Letters { house: house.to_owned(), which: which.clone() };
            let answer = desk.of(house).await?.dead_letters(&desk.context(), asked).await?;
            letters.extend(answer.dead_letters);
            more |= answer.more;
        }
        const HEAD: [&str; 7] = ["HOUSE", "CONSUMER", "TYPE", "AGGREGATE", "GIVEN UP", "ERROR", "EVENT"];
        output::table(self.json, HEAD, &letters, cells)?;
        if more {
            eprintln!(
                "there are more: narrow them down by --house, --consumer, --type, --aggregate or --since"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn cells(letter: &DeadLetter) -> [String; 7] {
    let of =
        |key: &str| letter.event.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let at = letter.at.to_string();
    let (house, consumer, code) = (letter.house.clone(), letter.consumer.clone(), letter.code.clone());
    [house, consumer, of("type"), of("subject"), at, code, of("id")]
}

impl Redrive {
    async fn run(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let houses = houses(&self.filter.house)?;
        let which = self.filter.which(self.events);
        let mut all = Redriven::default();
        for house in houses {
            let asked = Letters { house: house.to_owned(), which: which.clone() };
            let done = desk.of(house).await?.redrive(&desk.context(), asked).await?;
            all.taken += done.taken;
            all.left += done.left;
        }
        writeln!(io::stdout(), "{} taken, {} left", all.taken, all.left)?;
        Ok(if all.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl ReplayFlags {
    async fn run(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let Self { consumer, house, since, kind, aggregate: subject } = self;
        let which = Which { since: Some(since), kind, subject, ..Which::default() };
        let mut replayed = 0;
        for house in houses(&house)? {
            let deliveries = desk.of(house).await?;
            let mut after = None;
            loop {
                let (which, consumer) = (which.clone(), consumer.clone());
                let asked = Replay { house: house.to_owned(), consumer, which, after };
                let page = deliveries.replay(&desk.context(), asked).await;
                let page =
                    page.with_context(|| format!("{replayed} events were handed over, then: {house}"))?;
                replayed += page.events;
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        writeln!(io::stdout(), "{replayed} events handed over")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The words for the houses that are meant.
fn houses(named: &[Role]) -> anyhow::Result<Vec<&'static str>> {
    let mut meant = Vec::new();
    for role in if named.is_empty() { &HOUSES[..] } else { named } {
        match role {
            Role::All => meant.extend(HOUSES.map(Role::as_str)),
            Role::Gateway => bail!("a gateway is no house: it says nothing of its own"),
            role => meant.push(role.as_str()),
        }
    }
    Ok(meant)
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a time such as 2026-05-03T10:00:00Z".to_owned())
}
