//! A desk with a clerk that waits for leave to do each round.

use std::time::Duration;

use shoal_types::{ManualClock, SeededRng, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;

/// Adds one to each number; panics at 13, and refuses what is negative.
struct Adder {
    rounds: Arc<Mutex<Vec<Vec<i64>>>>,
    leave: Arc<Semaphore>,
}

impl Clerk for Adder {
    type Ask = i64;
    type Answer = i64;

    fn size(&self, ask: &i64) -> usize {
        usize::try_from(*ask).unwrap_or(1)
    }

    async fn round(&self, _: &Context, asks: Vec<i64>) -> Vec<Result<i64, Error>> {
        self.rounds.lock().expect("no panic").push(asks.clone());
        self.leave.acquire().await.expect("open").forget();
        assert!(!asks.contains(&13), "an unlucky number");
        let add = |ask| if ask < 0 { Err(Error::ReservationGone {}) } else { Ok(ask + 1) };
        asks.into_iter().map(add).collect()
    }
}

struct Office {
    desk: Arc<Desk<Adder>>,
    rounds: Arc<Mutex<Vec<Vec<i64>>>>,
    leave: Arc<Semaphore>,
    clock: Arc<ManualClock>,
    env: Env,
}

impl Office {
    fn open(rounds_max: usize) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
        let env = Env::new(clock.clone(), Arc::new(SeededRng::new(5)));
        let (rounds, leave) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let clerk = Adder { rounds: Arc::clone(&rounds), leave: Arc::clone(&leave) };
        Self { desk: Arc::new(Desk::new(clerk, env.clone(), rounds_max)), rounds, leave, clock, env }
    }

    /// Asks on a task of its own, and lets it come as far as it can.
    async fn ask(&self, number: i64) -> JoinHandle<Result<i64, Error>> {
        self.ask_within(number, Duration::from_secs(60)).await
    }

    async fn ask_within(&self, number: i64, within: Duration) -> JoinHandle<Result<i64, Error>> {
        let (desk, cx) = (Arc::clone(&self.desk), Context::system(&self.env, within));
        let asked = tokio::spawn(async move { desk.ask(&cx, number).await });
        self.settle().await;
        asked
    }

    /// Lets every task go as far as it can.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    fn rounds(&self) -> Vec<Vec<i64>> {
        self.rounds.lock().expect("no panic").clone()
    }

    /// Lets so many rounds come to their end.
    async fn let_through(&self, rounds: usize) {
        self.leave.add_permits(rounds);
        self.settle().await;
    }
}

async fn answers(asked: Vec<JoinHandle<Result<i64, Error>>>) -> Vec<Result<i64, Error>> {
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.expect("no panic"));
    }
    answers
}

#[tokio::test]
async fn what_is_asked_during_a_round_is_done_in_the_next() {
    let office = Office::open(1);
    let mut asked = vec![office.ask(1).await];
    for number in [2, -3, 4] {
        asked.push(office.ask(number).await);
    }
    office.let_through(2).await;
    assert_eq!(office.rounds(), [vec![1], vec![2, -3, 4]]);
    assert_eq!(answers(asked).await, [Ok(2), Ok(3), Err(Error::ReservationGone {}), Ok(5)]);
    // Nobody waits any more, so the next one is alone again.
    office.leave.add_permits(1);
    assert_eq!(office.ask(7).await.await.expect("no panic"), Ok(8));
    assert_eq!(office.rounds().last(), Some(&vec![7]));
}

#[tokio::test]
async fn several_rounds_are_on_their_way_where_they_may() {
    let office = Office::open(2);
    let mut asked = Vec::new();
    for number in 1..=4 {
        asked.push(office.ask(number).await);
    }
    assert_eq!(office.rounds(), [vec![1], vec![2]]);
    office.let_through(1).await;
    assert_eq!(office.rounds(), [vec![1], vec![2], vec![3, 4]]);
    office.let_through(2).await;
    assert_eq!(answers(asked).await, [Ok(2), Ok(3), Ok(4), Ok(5)]);
}

#[tokio::test]
async fn a_round_has_limits() {
    let office = Office::open(1);
    let mut asked = vec![office.ask(1).await];
    for _ in 0..ROUND_MAX + 4 {
        asked.push(office.ask(2).await);
    }
    // By size: two that fit together, and one that fits with nobody.
    for number in [3_000, 1_000, 10_000, 5] {
        asked.push(office.ask(number).await);
    }
    office.let_through(6).await;
    assert!(answers(asked).await.iter().all(Result::is_ok));
    let sizes: Vec<usize> = office.rounds().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, ROUND_MAX, 5, 1, 1, 1]);
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nobody_along() {
    let office = Office::open(1);
    let first = office.ask(1).await;
    let (second, third) = (office.ask(2).await, office.ask(3).await);
    // One is at work already, the other never will be.
    first.abort();
    second.abort();
    office.settle().await;
    office.let_through(2).await;
    assert_eq!(third.await.expect("no panic"), Ok(4));
    assert_eq!(office.rounds(), [vec![1], vec![3]]);
}

#[tokio::test]
async fn who_is_out_of_time_is_not_served_any_more() {
    let office = Office::open(1);
    let first = office.ask(1).await;
    let late = office.ask_within(2, Duration::from_secs(5)).await;
    let patient = office.ask(3).await;
    office.clock.advance(Duration::from_secs(10));
    office.let_through(2).await;
    assert_eq!(late.await.expect("no panic"), Err(Fault::DeadlineExceeded {}.into()));
    assert_eq!(patient.await.expect("no panic"), Ok(4));
    assert_eq!(first.await.expect("no panic"), Ok(2));
    assert_eq!(office.rounds(), [vec![1], vec![3]]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_they_may() {
    let office = Office::open(1);
    // The round that has it never ends.
    let stuck = office.ask_within(1, Duration::from_secs(5)).await;
    let behind = office.ask_within(2, Duration::from_secs(3)).await;
    for asked in [behind, stuck] {
        assert_eq!(asked.await.expect("no panic"), Err(Fault::DeadlineExceeded {}.into()));
    }
}

#[tokio::test]
async fn a_round_has_the_time_of_its_most_patient_caller() {
    let office = Office::open(1);
    let cx = |within| Context::system(&office.env, Duration::from_secs(within));
    let (mut queue, mut open) = (VecDeque::new(), Vec::new());
    for within in [5, 50, 10] {
        let (caller, answer) = oneshot::channel();
        queue.push_back(Waiting { ask: 1, cx: cx(within), caller });
        open.push(answer);
    }
    let round = office.desk.inner.gather(&mut queue).expect("a round");
    assert_eq!((round.cx.deadline, round.asks.len()), (cx(50).deadline, 3));
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let office = Office::open(1);
    let first = office.ask(1).await;
    let cx = Context::system(&office.env, Duration::from_secs(60));
    let mut waiting: Vec<_> = (0..QUEUE_MAX).map(|_| Box::pin(office.desk.ask(&cx, 2))).collect();
    for ask in &mut waiting {
        assert!(ask.now_or_never().is_none());
    }
    assert_eq!(office.desk.ask(&cx, 3).await, Err(Fault::Overloaded {}.into()));
    office.leave.add_permits(1 + QUEUE_MAX / ROUND_MAX);
    assert_eq!(first.await.expect("no panic"), Ok(2));
    for ask in waiting {
        assert_eq!(ask.await, Ok(3));
    }
}

#[tokio::test]
async fn a_round_that_panics_is_answered_and_the_desk_goes_on() {
    let office = Office::open(1);
    let unlucky = office.ask(13).await;
    let next = office.ask(1).await;
    office.let_through(2).await;
    assert_eq!(unlucky.await.expect("the caller does not panic"), Err(Fault::Internal {}.into()));
    assert_eq!(next.await.expect("no panic"), Ok(2));
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_what_comes() {
    let office = Office::open(1);
    let asked = vec![office.ask(1).await, office.ask(2).await];
    let closing = tokio::spawn({
        let desk = Arc::clone(&office.desk);
        async move { desk.close().await }
    });
    office.settle().await;
    let late = office.ask(3).await.await.expect("no panic");
    assert_eq!(late, Err(Fault::Unavailable { what: "the database".to_owned() }.into()));
    assert!(!closing.is_finished());
    office.let_through(2).await;
    assert_eq!(answers(asked).await, [Ok(2), Ok(3)]);
    closing.await.expect("closes");
    office.desk.close().await;
}
