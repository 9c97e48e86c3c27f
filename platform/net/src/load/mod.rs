//! How much work at a time is of use: the same law for calls between nodes and for requests of the public API.

mod law;
mod limit;
mod places;

pub(crate) use law::Law;
use law::Steps;
pub(crate) use places::{Meters, Place, Places};
