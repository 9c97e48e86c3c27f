use std::time::Duration;

/// How patient a [`Limit`](super::limit::Limit) is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    /// At a time, before anything is known, and where the limit goes back to, slowly, while it is not reached.
    pub(super) start: usize,
    /// A call is late if it took so many times its own time, and so much on top.
    pub(super) late_factor: f64,
    pub(super) late_slack: Duration,
    /// A method is late if more than this share of its calls of a window were.
    pub(super) late_share: f64,
    /// What a method is taken to need by itself at most when it is first seen in a crowd: its calls may be waiting already.
    pub(super) presumed_max: Duration,
    pub(super) steps: Steps,
}

impl Law {
    /// Calls between nodes. Their caller asks another node at once, so little waiting is worth it; late is a method of which
    /// even the quickest call is, for a call may be slow by itself.
    pub(crate) const CALLS: Self = Self {
        start: 1_024,
        late_factor: 3.0,
        late_slack: Duration::from_millis(20),
        late_share: 1.0,
        presumed_max: Duration::MAX,
        steps: Steps::Relative,
    };

    /// Requests of the public API. Who sends them is told to wait a second when refused, so to wait a third of one here
    /// is better; but half of the answers must be in time, for people do not wait longer for the sake of the quickest.
    pub(crate) const REQUESTS: Self = Self {
        start: 256,
        late_factor: 2.0,
        late_slack: Duration::from_millis(300),
        late_share: 0.5,
        presumed_max: Duration::from_millis(300),
        steps: Steps::ByRate,
    };
}

impl Law {
    /// The same with another time that calls may be late beyond their own.
    pub(crate) const fn patient(self, late_slack: Duration) -> Self {
        Self { late_slack, ..self }
    }
}

/// How far a limit moves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Steps {
    /// A fifth down, a quarter up: right where a call is much shorter than a window, so that each step shows in the next.
    Relative,
    /// To where by Little's law calls that end at this rate would be just in time. What waits is seen only when it ends,
    /// many windows later: meanwhile relative steps go far too far, either way.
    ByRate,
}
