//! The promises of the SQL layer, on real files.

mod backup;
mod disk;
mod harbour;
mod house;
mod life;
mod pond;
mod postgres;
mod reads;
mod transfer;
mod transfer_values;
mod writes;
