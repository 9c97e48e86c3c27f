//! The promises of the SQL layer, on real files.

mod backup;
mod disk;
mod house;
mod life;
mod pond;
mod postgres;
mod reads;
mod writes;
