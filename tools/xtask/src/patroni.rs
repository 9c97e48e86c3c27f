//! `cargo xtask patroni`: three PostgreSQL servers under Patroni lose their primary while people buy.
//!
//! docs/operations.md says what is set up and why, and how to read the figures.

mod books;
mod cluster;
mod database;
mod figures;
mod http;
mod load;
mod packages;
mod rig;
mod shop;
mod sql;

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, Mishap};
use database::Database;
use figures::Failover;
use load::{Finding, Load, Target};
use rig::{Rig, wait};
use shop::Shop;

pub(crate) const HELP: &str = "\
cargo xtask patroni          PostgreSQL under Patroni loses its primary while people buy; figures
    --rounds N               so many times one after another, 1 to 5 (1)
    --seconds N              load before each loss and after it, 1 to 600 (10)
    --ttl N                  seconds after which a silent primary is replaced, 12 to 300 (15)
    --freeze                 the primary stands still instead of being killed, and wakes up later
    --database-only          rows instead of orders, without Shoal
    --debug                  Shoal as a debug build";

const BUYERS: usize = 8;
const READERS: usize = 2;
/// Waited for longer than is allowed, so that a miss has a figure.
const WRITES_BACK_WAIT: Duration = Duration::from_secs(90);
const REJOIN_MAX: Duration = Duration::from_secs(120);
/// Where the logs of the last run stay.
const LOGS: &str = "target/tmp/patroni";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    rounds: u32,
    seconds: u32,
    ttl_s: u32,
    mishap: Mishap,
    database_only: bool,
    debug: bool,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 1,
            seconds: 10,
            ttl_s: 15,
            mishap: Mishap::Kill,
            database_only: false,
            debug: false,
        };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--rounds" => options.rounds = number(word, words.next(), 1, 5)?,
                "--seconds" => options.seconds = number(word, words.next(), 1, 600)?,
                "--ttl" => options.ttl_s = number(word, words.next(), 12, 300)?,
                "--freeze" => options.mishap = Mishap::Freeze,
                "--database-only" => options.database_only = true,
                "--debug" => options.debug = true,
                _ => return Err(format!("{word} is not understood\n{HELP}")),
            }
        }
        Ok(options)
    }
}

fn number(word: &str, value: Option<&str>, least: u32, most: u32) -> Result<u32, String> {
    let number = value.and_then(|value| value.parse().ok()).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{word} takes a whole number from {least} to {most}"))
}

/// Rehearses the loss of the primary; whether every bound was kept.
pub(crate) fn run(root: &Path, arguments: &[String]) -> io::Result<bool> {
    let options = Options::read(arguments).map_err(io::Error::other)?;
    let programs = packages::ensure().map_err(io::Error::other)?;
    let mut rig = Rig::open()?;
    let well = Cluster::start(&mut rig, programs, options.ttl_s)
        .and_then(|mut cluster| rehearse(root, &mut rig, &mut cluster, options));
    rig.save_logs(&root.join(LOGS))?;
    println!("the logs are in {LOGS}");
    well
}

fn rehearse(root: &Path, rig: &mut Rig, cluster: &mut Cluster, options: Options) -> io::Result<bool> {
    let mut target: Box<dyn Target> = if options.database_only {
        Box::new(Database::open(cluster)?)
    } else {
        Box::new(Shop::open(root, rig, cluster, options.debug)?)
    };
    let load = Load::start(&*target, BUYERS, READERS);
    let span = Duration::from_secs(options.seconds.into());
    let mut failovers = Vec::new();
    for _ in 0..options.rounds {
        say_who(cluster);
        thread::sleep(span);
        failovers.push(fail_over(rig, cluster, &load, options.mishap)?);
        thread::sleep(span);
    }
    report(&mut *target, load, &failovers)
}

fn say_who(cluster: &Cluster) {
    let name = |index: Option<usize>| index.map_or("nobody", |index| cluster.name(index)).to_owned();
    println!("primary {}, confirmed by {}", name(cluster.primary()), name(cluster.synchronous()));
}

/// Takes the primary away, waits for writes and brings it back.
fn fail_over(rig: &mut Rig, cluster: &mut Cluster, load: &Load, mishap: Mishap) -> io::Result<Failover> {
    let at = Instant::now();
    let index = cluster.strike(mishap)?;
    let lost = cluster.name(index).to_owned();
    println!("{lost} is lost");
    let successor = wait("another primary", WRITES_BACK_WAIT, || Ok(cluster.primary()))?;
    let elected = at.elapsed();
    let back = wait("a purchase acknowledged", WRITES_BACK_WAIT, || Ok(load.acknowledged_after(at)))?;
    let successor = cluster.name(successor).to_owned();
    println!("{successor} has taken over after {:.1} s", elected.as_secs_f64());
    let revived = Instant::now();
    cluster.revive(rig, index)?;
    wait(&format!("{lost} follows again"), REJOIN_MAX, || Ok(cluster.is_whole().then_some(())))?;
    let writes_back = back.duration_since(at);
    Ok(Failover { lost, successor, at, elected, writes_back, rejoined: revived.elapsed() })
}

/// Ends the load and prints what it came to; whether every bound was kept.
fn report(target: &mut dyn Target, load: Load, failovers: &[Failover]) -> io::Result<bool> {
    let journal = load.stop();
    let mut all: Vec<Finding> = Vec::new();
    for failover in failovers {
        let findings = failover.findings(&journal);
        println!("\n{} lost, {} took over\n{}", failover.lost, failover.successor, figures::lines(&findings));
        all.extend(findings);
    }
    let mut overall = figures::of_purchases(&journal);
    overall.extend(target.audit(&journal.purchases)?);
    println!("afterwards\n{}", figures::lines(&overall));
    all.extend(overall);
    for complaint in figures::complaints(&journal) {
        println!("said to people: {complaint}");
    }
    Ok(all.iter().all(|finding| finding.well))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, String> {
        Options::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_and_bounded() {
        let options = read(&["--rounds", "2", "--freeze"]).expect("valid");
        assert_eq!((options.rounds, options.mishap, options.database_only), (2, Mishap::Freeze, false));
        for words in [&["--rounds", "0"][..], &["--rounds"], &["--seconds", "x"], &["--ttl", "11"], &["-v"]] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }
}
