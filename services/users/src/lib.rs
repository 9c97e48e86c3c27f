//! shoal-users.
