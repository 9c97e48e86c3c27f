//! The house's own parts: its statements and the built-in test provider. The sagas are tested over the real houses
//! in `tools/testkit`.

mod statements;
mod test_provider;
