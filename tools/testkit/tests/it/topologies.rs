//! Any node answers: a client cannot tell on how many processes a shop runs, nor which of them it asked.

mod killed;
mod seen;
mod writes;

use std::collections::HashSet;

use shoal_sql::Engine;
use shoal_sql::testing::SERVER;
use shoal_testkit::{Fleet, Recording, SOON, Topology};

use crate::conversation::{all_of_it, tell};

/// Three nodes that do everything.
const EQUAL: Topology = Topology::Equal(3);

/// The engine under test.
fn engine() -> Engine {
    if std::env::var_os(SERVER).is_some() { Engine::Postgres } else { Engine::Sqlite }
}

/// Whether the engine under test allows this topology; says so if not.
fn allowed(topology: Topology) -> bool {
    let allowed = topology.allowed(engine());
    if !allowed {
        println!("not run: {topology} need PostgreSQL, see CONTRIBUTING.md");
    }
    allowed
}

/// What a fleet of this topology answers, with books that balance afterwards.
async fn told(topology: Topology) -> Recording {
    let fleet = Fleet::start(topology).await;
    let recording = tell(&fleet).await;
    let asked: HashSet<_> = recording.exchanges().iter().map(|exchange| &exchange.from).collect();
    assert_eq!(asked.len(), fleet.gateways().len(), "some node was never asked");
    fleet.audit(SOON).await;
    recording
}

async fn answers_as_one(topology: Topology) {
    if !allowed(topology) {
        return;
    }
    let (one, many) = tokio::join!(told(Topology::Alone), told(topology));
    if let Some(difference) = one.difference(&many) {
        panic!("{topology} can be told from one process: {difference}");
    }
}

#[tokio::test]
async fn the_conversation_leaves_nothing_out() {
    let fleet = Fleet::start(Topology::Alone).await;
    all_of_it(&fleet, &tell(&fleet).await).await;
}

#[tokio::test]
async fn one_process_answers_as_another() {
    answers_as_one(Topology::Alone).await;
}

#[tokio::test]
async fn three_equal_nodes_answer_as_one() {
    answers_as_one(EQUAL).await;
}

#[tokio::test]
async fn services_apart_answer_as_one() {
    answers_as_one(Topology::Apart).await;
}

#[tokio::test]
async fn a_mixture_answers_as_one() {
    answers_as_one(Topology::Mixture).await;
}
