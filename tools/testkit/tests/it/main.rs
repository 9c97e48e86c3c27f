//! The black-box suites over a whole shop.

mod shop;
