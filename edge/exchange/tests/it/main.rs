//! Imports and exports against houses in memory.

mod bad_input;
mod completejourney;
mod eshop;
mod features;
mod mappings;
mod online_retail;
mod products_of_rows;
mod restarts;
mod round_trip;
mod shop;
mod shown;
mod spree;
