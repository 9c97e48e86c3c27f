use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// A time in which something is not tried again.
#[derive(Clone, Default)]
pub(super) struct Rest(Rc<Cell<bool>>);

impl Rest {
    pub(super) fn is_on(&self) -> bool {
        self.0.get()
    }

    /// Begins a rest, unless there is one.
    pub(super) fn begin(&self, time: Duration) {
        if self.0.replace(true) {
            return;
        }
        let rest = Rc::clone(&self.0);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(time).await;
            rest.set(false);
        });
    }
}
