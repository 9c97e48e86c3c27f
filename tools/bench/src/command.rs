use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use shoal_servers::{Options, Postgres};

use crate::ground::Ground;
use crate::report::Report;
use crate::scenario::cluster::Part;
use crate::{floor, scenario};

/// Measures, with the floors in the same run.
#[derive(Debug, Clone, Args)]
pub struct Bench {
    /// What to measure; everything if none is named.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// How long each measurement takes, seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Clients at the same time in a closed loop: each sends its next request after the answer to the last.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    clients: u32,
    /// How often each pair of measurement and floor is repeated; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Requests a second of the open loop; half of what the closed loop reached if absent.
    #[arg(long)]
    rate: Option<u64>,
    /// Measure only these parts of `cluster`.
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Put embedded data here, on the disk that is to be measured.
    #[arg(long, value_name = "DIR")]
    bench_data: Option<PathBuf>,
    /// Replay these orders (Online Retail's columns) instead of baskets made up here.
    #[arg(long, value_name = "FILE")]
    baskets: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Serve this file's bytes from a bare handler, for the floor of `browse`.
    #[arg(long, hide = true, value_name = "FILE")]
    floor_server: Option<PathBuf>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A cached product over HTTP, next to a bare handler.
    Browse,
    /// Whole durable checkouts, next to a bare group-commit writer of the same rows.
    Checkout,
    /// Reservations of one hot SKU, and a sale of little stock to many.
    FlashSale,
    /// Real baskets of many lines as checkouts.
    Replay,
    /// Start-up and idle memory of `serve`, on embedded data.
    Start,
    /// Calls in this process and between nodes, next to a bare echo over the same TLS.
    Calls,
    /// Many nodes over PostgreSQL: cost, join, death, restart, overload. Only if named; starts a server without --data URL.
    Cluster,
}

/// How each measurement is run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) time: Duration,
    pub(crate) clients: u32,
    pub(crate) rounds: u32,
    pub(crate) rate: Option<u64>,
    pub(crate) ground: Ground,
    pub(crate) baskets: Option<PathBuf>,
    /// Of `cluster`; all if empty.
    pub(crate) parts: Vec<Part>,
}

impl Bench {
    /// Runs the scenarios and prints their table: on PostgreSQL if `data` is the URL of a database there, else on
    /// embedded data.
    ///
    /// On PostgreSQL it makes a database of its own on that server and drops it. If the role may not, it makes its
    /// schemas in the named database, which must hold no shop, and drops those.
    ///
    /// # Errors
    /// If a server or database cannot be started or reached, or an answer is not the one expected.
    pub async fn run(self, data: Option<&str>) -> anyhow::Result<ExitCode> {
        if let Some(file) = &self.floor_server {
            floor::http::serve(file).await?;
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            report = self.measure(data) => report?.print(self.json)?,
            // What was made is dropped on the way out.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn measure(&self, data: Option<&str>) -> anyhow::Result<Report> {
        let own = self.own_server(data).await?;
        let own_url = own.as_ref().map(|server| server.url("postgres"));
        let ground = Ground::find(own_url.as_deref().or(data), self.bench_data.as_deref()).await?;
        let mut report = Report::on(ground.describe().await?);
        let plan = Plan {
            time: Duration::from_secs(self.seconds),
            clients: self.clients,
            rounds: self.rounds,
            rate: self.rate,
            ground,
            baskets: self.baskets.clone(),
            parts: self.only.clone(),
        };
        for scenario in self.chosen(&plan.ground) {
            eprintln!(
                "measuring {} ...",
                scenario.to_possible_value().map_or_else(String::new, |it| it.get_name().into())
            );
            match scenario {
                Scenario::Browse => scenario::browse::run(&plan, &mut report).await?,
                Scenario::Checkout => scenario::checkout::run(&plan, &mut report).await?,
                Scenario::FlashSale => scenario::flash_sale::run(&plan, &mut report).await?,
                Scenario::Replay => scenario::replay::run(&plan, &mut report).await?,
                Scenario::Start => scenario::start::run(&plan, &mut report).await?,
                Scenario::Calls => scenario::calls::run(&plan, &mut report).await?,
                Scenario::Cluster => scenario::cluster::run(&plan, &mut report).await?,
            }
        }
        Ok(report)
    }

    /// A PostgreSQL server for `cluster`, where no other is named.
    async fn own_server(&self, data: Option<&str>) -> anyhow::Result<Option<Postgres>> {
        let many_nodes = self.scenarios.contains(&Scenario::Cluster);
        let named = data.is_some_and(|data| data.contains("://"));
        if !many_nodes || named || !(self.only.is_empty() || self.only.iter().any(|part| part.needs_data())) {
            return Ok(None);
        }
        if self.scenarios.len() > 1 {
            bail!("measure cluster by itself, or name a PostgreSQL server with --data");
        }
        eprintln!("starting a PostgreSQL server ...");
        // Nine nodes hold some forty connections each.
        let options = Options::durable().setting("max_connections", "600");
        let started = tokio::task::spawn_blocking(move || Postgres::start(options)).await?;
        Ok(Some(started.context("name a PostgreSQL server with --data, or install one")?))
    }

    fn chosen(&self, ground: &Ground) -> Vec<Scenario> {
        match (self.scenarios.is_empty(), ground) {
            (false, _) => self.scenarios.clone(),
            (true, Ground::Folder(_)) => {
                let all = Scenario::value_variants().iter().copied();
                all.filter(|scenario| *scenario != Scenario::Cluster).collect()
            }
            (true, Ground::Postgres(_)) => {
                vec![Scenario::Browse, Scenario::Checkout, Scenario::FlashSale, Scenario::Replay]
            }
        }
    }
}
