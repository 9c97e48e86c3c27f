use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::time::sleep;

/// Addresses asked at most; a name may stand for many.
const ADDRESSES_MAX: usize = 32;
/// Until names are resolved again: their addresses change when nodes are replaced.
const AGAIN_AFTER: Duration = Duration::from_secs(15);
/// The same after a failure: the name may not be there yet.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Resolves the seeds, again and again if there are names among them.
pub(crate) async fn resolve(seeds: Vec<String>, found: watch::Sender<Vec<SocketAddr>>) {
    let mut failing = false;
    loop {
        let (addresses, unknown) = look_up(&seeds).await;
        if let Some((seed, error)) = &unknown
            && !failing
        {
            tracing::warn!(%seed, %error, "seed cannot be resolved for now");
        }
        failing = unknown.is_some();
        // What was found before is kept while the names cannot be resolved.
        if !addresses.is_empty() {
            found.send_if_modified(|known| std::mem::replace(known, addresses.clone()) != addresses);
        }
        if seeds.iter().all(|seed| seed.parse::<SocketAddr>().is_ok()) || found.is_closed() {
            return;
        }
        sleep(if failing { RETRY_AFTER } else { AGAIN_AFTER }).await;
    }
}

async fn look_up(seeds: &[String]) -> (Vec<SocketAddr>, Option<(String, String)>) {
    let (mut addresses, mut unknown) = (Vec::new(), None);
    for seed in seeds {
        match lookup_host(seed.as_str()).await {
            Ok(found) => addresses.extend(found),
            Err(error) => unknown = Some((seed.clone(), error.to_string())),
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    (addresses, unknown)
}
