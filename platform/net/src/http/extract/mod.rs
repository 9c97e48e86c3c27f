//! Extractors that refuse what they do not know, and say where it is.

mod context;
mod headers;
mod json;
mod path;
mod query;
mod shape;
mod strict;
mod validate;
mod violations;

pub use context::Cx;
pub use headers::{IdempotencyKey, IfMatch};
pub use json::{Idempotent, Json, fingerprint};
pub use path::Path;
pub use query::Query;
