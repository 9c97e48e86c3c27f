use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Short beside what is waited for, long beside a look.
const POLL: Duration = Duration::from_millis(5);

/// Waits at most `limit` until the condition is met; whether it was.
pub(crate) fn until(limit: Duration, mut met: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    let start = Instant::now();
    loop {
        if met()? {
            return Ok(true);
        }
        if start.elapsed() > limit {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
}
