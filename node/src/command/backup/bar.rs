use std::cell::Cell;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use shoal_exchange::Cancel;

/// The bar is drawn anew so often, also while a file is checked and no bytes are counted.
const TICK: Duration = Duration::from_millis(200);

/// How far the bytes have come, on standard error while somebody watches.
pub(super) struct Bar {
    bar: ProgressBar,
    cancel: Cancel,
    /// Bytes of the files before the one at hand.
    before: Cell<u64>,
}

impl Bar {
    pub(super) fn over(bytes: u64, cancel: &Cancel) -> Self {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(bytes),
            false => ProgressBar::hidden(),
        };
        let style = "{bar:40} {percent:>3} %  {bytes_per_sec}  {msg}  {elapsed}, {eta} to go";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style);
        bar.enable_steady_tick(TICK);
        Self { bar, cancel: cancel.clone(), before: Cell::new(0) }
    }

    /// Names what is being done.
    pub(super) fn says(&self, what: String) {
        self.bar.set_message(what);
    }

    /// Takes the bytes of the file at hand; whether to go on.
    pub(super) fn reaches(&self, bytes: u64) -> bool {
        self.bar.set_position(self.before.get() + bytes);
        !self.cancel.is_cancelled()
    }

    /// Goes on to the next file.
    pub(super) fn ends_file(&self) {
        self.before.set(self.bar.position());
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}
