//! The promises of the user service, through its contract, on real files.

mod access;
mod accounts;
mod addresses;
mod claims;
mod import;
mod resets;
mod roles;
mod sessions;
mod town;
