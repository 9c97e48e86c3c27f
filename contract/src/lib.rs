//! shoal-contract.
