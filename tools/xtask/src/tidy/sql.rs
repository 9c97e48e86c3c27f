//! SQL that is written once and runs on SQLite, PostgreSQL and what speaks its wire. Where it lives is seen in the text
//! of the files; what it says is read by a parser, in the dialect of each engine. That every statement can be prepared
//! on an engine is a test of each house.

mod bounds;
mod expressions;
mod glue;
mod kinds;
mod owners;
mod parsed;
mod place;
mod reads;
mod registry;
mod schema;
mod tables;
mod template;
mod text;
mod writes;

pub(super) use parsed::portable;
pub(super) use place::{place, registered};
pub(super) use text::lowercase;

/// The dialect switch, the tools and the scripts for single engines are not bound to one text for all.
const FREE: &[&str] = &["platform/sql", "tools", "node/src/command/migrate"];
