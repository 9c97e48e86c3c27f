//! What went wrong in other shops, as facts of this one. The README says which case is which test.

mod carts;
mod orders_payments;
mod performance;
mod queues;
mod stock;
