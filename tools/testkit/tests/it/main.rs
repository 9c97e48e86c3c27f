//! The black-box suites over a whole shop.

mod access;
mod apart;
mod backup;
mod bad_input;
mod books;
mod cases;
mod conversation;
mod events;
mod flash_sale;
mod hosts;
mod idle;
mod intruders;
mod keys;
mod kill;
mod load;
mod many_nodes;
mod power;
mod saga;
mod shop;
mod statements;
mod topologies;
mod traces;
mod upgrade;
mod versions;
mod webhooks;
