//! Import and export of products, users and orders: foreign files in, ours out.
