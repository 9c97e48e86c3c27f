//! The pure rules: no waiting, no clock, no database. Everything here is exact integers and plain values.

pub(crate) mod basket;
pub(crate) mod cart;
pub(crate) mod lifecycle;
pub(crate) mod number;
pub(crate) mod past;
pub(crate) mod rates;
pub(crate) mod returns;
pub(crate) mod sales;
pub(crate) mod shipping;
pub(crate) mod tax;
pub(crate) mod totals;
pub(crate) mod zone;
