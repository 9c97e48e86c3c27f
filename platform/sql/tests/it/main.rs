//! The promises of the SQL layer, on real files.

mod house;
mod pond;
mod writes;
