//! shoal-orders.
