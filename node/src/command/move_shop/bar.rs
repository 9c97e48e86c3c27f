use std::io::IsTerminal;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use shoal_sql::transfer::{Phase, Progress};

/// How far a move has come, on standard error while somebody watches.
#[derive(Clone)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(1),
            false => ProgressBar::hidden(),
        };
        let style = "{bar:40} {percent:>3} %  {msg}  {elapsed}, {eta} to go";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(bar.with_style(style))
    }

    pub(super) fn shows(&self, progress: &Progress) {
        let Progress { phase, house, table, rows, rows_total } = progress;
        if self.0.position() == 0 || *rows < self.0.position() {
            // A phase begins, at a speed of its own.
            self.0.reset();
        }
        self.0.set_length(*rows_total);
        self.0.set_position(*rows);
        let what = match phase {
            Phase::Copying => "copying",
            Phase::Verifying => "comparing",
        };
        self.0.set_message(format!("{what} {house}.{table}, {} rows", HumanCount(*rows)));
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
