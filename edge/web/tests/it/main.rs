//! The storefront over services that answer as told.

mod buying;
mod pages;
mod people;
mod shop;
