//! shoal-products.
