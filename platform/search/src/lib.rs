//! shoal-search.
