//! The black-box suites over a whole shop.

mod saga;
mod shop;
