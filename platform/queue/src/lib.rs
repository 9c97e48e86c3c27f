//! shoal-queue.
