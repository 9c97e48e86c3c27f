//! What is measured, a file each.

pub(crate) mod browse;
pub(crate) mod calls;
pub(crate) mod checkout;
pub(crate) mod cluster;
pub(crate) mod flash_sale;
pub(crate) mod replay;
pub(crate) mod start;
