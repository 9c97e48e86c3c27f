//! What the index promises, told by a shelf of things.

mod facets;
mod feed;
mod properties;
mod real_data;
mod shelf;
mod storage;
mod words;
