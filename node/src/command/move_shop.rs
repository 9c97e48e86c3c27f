//! `shoal move`: takes a shop from one place to another, and proves that all of it arrived.

mod bar;
mod error;
mod report;

use std::process::ExitCode;

use clap::Args;
use shoal_sql::Source;
use shoal_sql::transfer::{self, House, Move, Outcome};
use shoal_types::Env;

use super::backup::HOUSES;
use crate::config::Config;
use bar::Bar;
use report::Report;

pub(crate) use error::Error;

/// Where a shop's data goes, and from where: from a directory to PostgreSQL, back, or between two of a kind.
#[derive(Debug, Args)]
pub(crate) struct MoveShop {
    /// Where the data is: sqlite:DIR or postgres://..; the configured data if absent.
    #[arg(long, value_name = "DIR|URL", required_unless_present_any = ["to", "undo"])]
    from: Option<String>,
    /// Where it goes, which must be empty: sqlite:DIR or postgres://..; the configured data if absent.
    #[arg(long, value_name = "DIR|URL", required_unless_present_any = ["from", "undo"])]
    to: Option<String>,
    /// Give up the move that began here, or has ended: this place may be served again.
    #[arg(long, value_name = "DIR|URL", conflicts_with_all = ["from", "to", "json"])]
    undo: Option<String>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

impl MoveShop {
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let env = Env::system();
        if let Some(place) = self.undo {
            return undo(Source::parse(&place)?, env).await;
        }
        let place = |given: Option<String>| {
            given.map_or_else(|| Ok(config.data.clone()), |place| Source::parse(&place))
        };
        let (from, to) = (place(self.from)?, place(self.to)?);
        let plan = Move { from: from.clone(), to: to.clone(), houses: houses(), env };
        let bar = Bar::new();
        let drawn = bar.clone();
        let outcome = plan.run(move |progress| drawn.shows(progress)).await;
        bar.clear();
        match outcome {
            Ok(Outcome::Moved(compared)) => {
                let report = Report::new(compared);
                report.print(self.json)?;
                eprintln!("{} are the same in {from} and in {to}; serve {to} from now on", report.total());
            }
            Ok(Outcome::Already) => {
                Report::new(Vec::new()).print(self.json)?;
                eprintln!("{from} had been moved to {to} before; nothing was left to do");
            }
            Err(transfer::Error::Differs(compared)) => {
                let report = Report::new(compared);
                report.print(self.json)?;
                return Err(Error::Differs { tables: report.differing() }.into());
            }
            Err(error) => return Err(error::of(error)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn undo(place: Source, env: Env) -> anyhow::Result<ExitCode> {
    let other = transfer::undo(place.clone(), houses(), env).await.map_err(error::of)?;
    eprintln!("{place} may be served again; what is in {other} is not part of it any more: never serve both");
    Ok(ExitCode::SUCCESS)
}

/// Every house there may be.
fn houses() -> Vec<House> {
    // The search index is made from the products.
    let derived = |name| (name == "products").then_some("search");
    HOUSES
        .iter()
        .map(|it| House { name: it.name, migrations: it.migrations, derived: derived(it.name) })
        .collect()
}
