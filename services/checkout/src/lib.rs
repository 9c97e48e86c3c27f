//! shoal-checkout.
