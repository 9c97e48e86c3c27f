//! Whether a server that has fallen silent is still there.
//!
//! A machine that stands still, or whose network is gone, closes no connection: whoever waits for an answer would wait
//! until his deadline, and so would the next who is lent another connection to it. So while an answer is overdue its
//! host is asked to let us in once more. If it does not, every connection to it is cut, idle ones too. A long statement,
//! or a long wait for a lock, on a server that still lets us in changes nothing.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use shoal_types::Env;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;

use super::outage;
use super::server::Server;

/// How often the connections that wait for an answer are looked at; never while none does.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// At how many looks in a row a connection was silent before its host is asked: four to five seconds.
const QUIET_MAX: u32 = 4;
/// How long the host may take to let us in. Together it is well below the 15 s or more after which others take a server
/// for lost: its connections are gone before there is another primary.
const PROBE_MAX: Duration = Duration::from_secs(4);

/// The signs of life of one connection.
pub(super) struct Pulse {
    /// Where it leads.
    config: Config,
    task: AbortHandle,
    watch: Rc<Watch>,
    /// How many calls wait for its answer.
    busy: Cell<usize>,
    /// How often it has answered.
    answers: Cell<u64>,
    /// At how many looks since its last answer it has owed one.
    quiet: Cell<u32>,
    cut: Cell<bool>,
    /// How many losses there were when it was made, or last seen to be none of them.
    losses: Cell<u64>,
}

impl Pulse {
    pub(super) fn new(config: Config, task: AbortHandle, watch: &Rc<Watch>) -> Rc<Self> {
        let pulse = Rc::new(Self {
            config,
            task,
            watch: Rc::clone(watch),
            busy: Cell::new(0),
            answers: Cell::new(0),
            quiet: Cell::new(0),
            cut: Cell::new(false),
            losses: Cell::new(watch.server.losses().count()),
        });
        watch.pulses.borrow_mut().push(Rc::downgrade(&pulse));
        pulse
    }

    /// A call has gone out.
    pub(super) fn asked(&self) {
        if self.busy.replace(self.busy.get() + 1) == 0 {
            self.quiet.set(0);
            self.watch.wake();
        }
    }

    /// The answer to a call is there.
    pub(super) fn answered(&self) {
        self.busy.set(self.busy.get() - 1);
        self.answers.set(self.answers.get() + 1);
        self.watch.answers.set(self.watch.answers.get() + 1);
        self.quiet.set(0);
    }

    /// Nobody waits for the answer any more.
    pub(super) fn abandoned(&self) {
        self.busy.set(self.busy.get() - 1);
    }

    pub(super) fn busy(&self) -> usize {
        self.busy.get()
    }

    pub(super) fn answers(&self) -> u64 {
        self.answers.get()
    }

    /// Ends the connection at once, whatever is on its way in either direction.
    pub(super) fn cut(&self) {
        self.cut.set(true);
        self.task.abort();
    }

    /// Whether it was cut, or leads to a host that was found silent since by another house.
    pub(super) fn is_cut(&self) -> bool {
        let losses = self.watch.server.losses();
        let (before, count) = (self.losses.get(), losses.count());
        if before != count && !self.cut.get() {
            if losses.has_since(before, &self.config) {
                self.cut();
            }
            self.losses.set(count);
        }
        self.cut.get()
    }
}

/// Looks at all connections of a house while one of them waits for an answer.
pub(super) struct Watch {
    server: Server,
    application: String,
    env: Env,
    pulses: RefCell<Vec<Weak<Pulse>>>,
    awake: Cell<bool>,
    /// The hosts that are being asked.
    asked: RefCell<Vec<Config>>,
    /// How often any connection has answered.
    answers: Cell<u64>,
    /// Whether all hosts are asked for a sign of life.
    doubting: Cell<bool>,
}

impl Watch {
    pub(super) fn new(server: Server, application: String, env: Env) -> Rc<Self> {
        Rc::new(Self {
            server,
            application,
            env,
            pulses: RefCell::default(),
            awake: Cell::new(false),
            asked: RefCell::default(),
            answers: Cell::new(0),
            doubting: Cell::new(false),
        })
    }

    fn wake(self: &Rc<Self>) {
        if !self.awake.replace(true) {
            tokio::task::spawn_local(Rc::clone(self).run());
        }
    }

    /// Looks until nobody waits for an answer.
    async fn run(self: Rc<Self>) {
        loop {
            sleep(LOOK_EVERY).await;
            let busy: Vec<_> =
                self.pulses().into_iter().filter(|pulse| pulse.busy() > 0 && !pulse.is_cut()).collect();
            if busy.is_empty() {
                return self.awake.set(false);
            }
            for pulse in busy {
                pulse.quiet.set(pulse.quiet.get() + 1);
                // A long statement costs the server no more than a connection now and then.
                if pulse.quiet.get() % QUIET_MAX == 1 {
                    self.doubt();
                }
                if pulse.quiet.get() > QUIET_MAX && !self.asked.borrow().contains(&pulse.config) {
                    self.asked.borrow_mut().push(pulse.config.clone());
                    tokio::task::spawn_local(Rc::clone(&self).probe(pulse.config.clone()));
                }
            }
        }
    }

    /// Finds out whether any host is there at all, beside whatever else is done.
    pub(super) fn doubt(self: &Rc<Self>) {
        if self.doubting.replace(true) {
            return;
        }
        let (watch, before) = (Rc::clone(self), self.answers.get());
        tokio::task::spawn_local(async move {
            outage::look(&watch.server, &watch.application, &watch.env, || watch.answers.get() > before)
                .await;
            watch.doubting.set(false);
        });
    }

    fn pulses(&self) -> Vec<Rc<Pulse>> {
        let mut pulses = self.pulses.borrow_mut();
        pulses.retain(|pulse| pulse.strong_count() > 0);
        pulses.iter().filter_map(Weak::upgrade).collect()
    }

    /// The connections to one host.
    fn to(&self, host: &Config) -> Vec<Rc<Pulse>> {
        self.pulses().into_iter().filter(|pulse| pulse.config == *host && !pulse.is_cut()).collect()
    }

    /// Asks one host whether it is there.
    async fn probe(self: Rc<Self>, host: Config) {
        let answers = |pulses: &[Rc<Pulse>]| pulses.iter().map(|pulse| pulse.answers()).sum::<u64>();
        let asked = self.to(&host);
        let before = answers(&asked);
        let is_there = self.is_there(&host).await || answers(&asked) > before;
        if !is_there {
            self.server.losses().note(&host);
            tracing::warn!(database = %self.application, "a server has fallen silent; its connections are cut");
        }
        for pulse in self.to(&host) {
            if is_there { pulse.quiet.set(0) } else { pulse.cut() }
        }
        self.asked.borrow_mut().retain(|other| *other != host);
    }

    /// Whether it lets us in, or refuses by itself: for want of a free place, for one.
    async fn is_there(&self, host: &Config) -> bool {
        let Ok(tls) = self.server.tls().connector() else { return true };
        match timeout(PROBE_MAX, host.connect(tls)).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => error.as_db_error().is_some(),
            Err(_) => false,
        }
    }
}
