//! Power cuts: what was acknowledged is on the disk, whatever the disk has forgotten.

mod control;
mod cuts;
mod killed;
mod shoppers;
mod survey;

use std::collections::HashSet;
use std::path::Path;

use shoal_contract::orders::OrderId;
use shoal_sql::testing::SERVER;
use shoal_testkit::power::{Cut, Fate, Image, Promise, Recorder, Recording, broken, scratch};
use shoal_types::SeededRng;

/// A recorder; none, with a line that says so, where nothing can be recorded.
fn recorder() -> Option<Recorder> {
    if std::env::var_os(SERVER).is_some() {
        eprintln!("skipped: this test is of embedded data only");
        return None;
    }
    match Recorder::new() {
        Ok(recorder) => Some(recorder),
        Err(why) => {
            eprintln!("skipped: this test needs strace and the right to trace a process: {why}");
            None
        }
    }
}

/// The orders that are cancelled at some time.
fn cancelled(recording: &Recording) -> HashSet<OrderId> {
    let cancelled = |promise| match promise {
        Promise::Cancelled(order) => Some(order),
        _ => None,
    };
    recording.promises().into_iter().filter_map(cancelled).collect()
}

/// What is missing or damaged on the disk that is found after a cut, of a shop whose data is in `data`.
fn lost(cut: &Cut<'_>, image: &Image, data: &Path, cancelled: &HashSet<OrderId>) -> Vec<String> {
    let folder = scratch();
    image.write_to(folder.path()).expect("the image can be written");
    broken(&folder.path().join(data), cut.promises, cancelled)
}

/// What is missing if the power fails once all is over.
fn lost_in_the_end(recording: &Recording, data: &Path, fate: Fate) -> Vec<String> {
    let (mut found, cancelled) = (Vec::new(), cancelled(recording));
    recording.cuts(|cut| {
        if cut.syncing.is_none() {
            found = lost(cut, &cut.image(fate, &SeededRng::new(0)), data, &cancelled);
        }
    });
    found
}
