//! A full-text index for any house: words with typo tolerance, prefixes, facets, filters and highlighting.
//!
//! It knows no business words. A house describes its fields with a [`Schema`], feeds [`Document`]s by key and
//! version, and asks with a [`Query`]. The index is a copy that can be lost: [`Index::checkpoint`] says up to where
//! it was fed, and nothing if it has to be fed anew.

mod analysis;
mod bulk;
mod document;
mod error;
mod expansion;
mod facet;
mod feed;
mod filter;
mod highlight;
mod index;
mod query;
mod schema;
mod score;
mod search;
mod storage;
mod writer;

pub use bulk::BulkLoad;
pub use document::{Change, Document};
pub use error::Error;
pub use facet::{FacetCounts, FacetRequest, FacetValue};
pub use filter::Filter;
pub use index::{Index, Place};
pub use query::{Hit, Hits, Query, Sort};
pub use schema::{Schema, SchemaBuilder};
