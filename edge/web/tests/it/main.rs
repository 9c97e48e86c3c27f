//! The storefront over services that answer as told.

mod buying;
mod pages;
mod passwords;
mod people;
mod shop;
