//! shoal-testkit.
