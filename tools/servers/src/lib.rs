//! The servers that tests, measurements and `cargo xtask` start for themselves, on free ports of this machine and in
//! folders of their own: real ones, to be killed, paused and lost.
//!
//! A server ends with the value that stands for it, and also when the process that holds the value is killed: a guard
//! waits for that. Needs Linux, for `/proc` and signals.
//!
//! ```no_run
//! use shoal_servers::{Options, Postgres};
//!
//! let mut server = Postgres::start(Options::durable())?;
//! server.query("postgres", "create table kept (id bigint primary key)")?;
//! server.kill()?;
//! server.start_again()?;
//! assert_eq!(server.query("postgres", "select count(*) from kept")?, "0");
//! # Ok::<(), std::io::Error>(())
//! ```

mod account;
mod chance;
mod guard;
mod hosts;
mod nats;
mod port;
mod postgres;
mod process;
mod wait;

pub use hosts::{Capture, Host, Hosts};
pub use nats::{Nats, NatsCluster, NatsLogin, NatsOptions};
pub use postgres::{Options, Postgres, Tls};
