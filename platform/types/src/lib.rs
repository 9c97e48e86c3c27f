//! The words every other crate speaks: ids, money, time, randomness, pages, the call context and the kinds of
//! error. Floor 0: no I/O beyond the system's clock and entropy, no async runtime, no business nouns.

mod clock;
mod context;
mod currency;
mod env;
mod fault;
mod id;
mod money;
mod node;
mod page;
mod rng;
mod span;
mod text;
pub mod wire;
mod written;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use context::{Caller, Context, Deadline, Idempotency, Role, TraceId, User};
pub use currency::Currency;
pub use env::Env;
pub use fault::{ErrorPage, Fact, Fault, Kind, Violation};
pub use id::{Id, IdError, Noun};
pub use money::{Money, MoneyError, Rounding};
pub use node::NodeId;
pub use page::{Cursor, Limit, Page, PageRequest};
pub use rng::{Rng, SeededRng, SystemRng};
pub use span::{Span, SpanId, SpanKind, SpanRecord, SpanValue, Spans};
pub use text::Secret;
