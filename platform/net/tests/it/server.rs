//! The life of a server.
