//! shoal-sql.
