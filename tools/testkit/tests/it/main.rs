//! The black-box suites over a whole shop.

mod apart;
mod books;
mod cases;
mod flash_sale;
mod idle;
mod kill;
mod saga;
mod shop;
mod statements;
