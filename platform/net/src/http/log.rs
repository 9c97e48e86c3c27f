use std::time::Duration;

use shoal_types::{Id, User};

use super::Access;

/// One line of the access log. It has no room for bodies, query strings or tokens.
pub(super) struct Line<'a> {
    pub(super) method: &'static str,
    pub(super) route: &'a str,
    pub(super) status: u16,
    pub(super) took: Duration,
    pub(super) request_id: &'a str,
    pub(super) caller: Option<&'a Id<User>>,
    /// Whether it was sent away by a node that is busy, which must not write a line for each: they are counted.
    pub(super) shed: bool,
}

impl Line<'_> {
    pub(super) fn write(&self, access: Access) {
        let Self { method, route, status, request_id, .. } = *self;
        let duration_ms = self.took.as_secs_f64() * 1_000.0;
        let caller = self.caller.map(tracing::field::display);
        if access == Access::All || (status >= 400 && !self.shed) {
            tracing::info!(method, route, status, duration_ms, request_id, caller, "request answered");
        } else {
            tracing::debug!(method, route, status, duration_ms, request_id, caller, "request answered");
        }
    }
}
