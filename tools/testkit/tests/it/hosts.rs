//! Nodes on hosts of their own: killed, paused, cut off, put on slow links, listened to. As root only, where network
//! namespaces can be made; elsewhere each test says why it does not run.

mod apart;
mod equal;
mod rig;

use std::time::Duration;

use tokio::time::Instant;

/// What is given up on: longer than a dead server, a lost packet or a lease may take to be noticed, and all at once.
pub(crate) const LATE: Duration = Duration::from_secs(40);
/// The pause between two tries.
pub(crate) const AGAIN: Duration = Duration::from_millis(20);

/// Waits until `holds` says yes, and tells how long that took; panics with `what` if it does not.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < LATE, "{what}: not within {LATE:?}");
        tokio::time::sleep(AGAIN).await;
    }
    let took = began.elapsed();
    println!("{what}: after {:.1} s", took.as_secs_f64());
    took
}
