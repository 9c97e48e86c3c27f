//! shoal-net.
