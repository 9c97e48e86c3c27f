//! shoal-node.
