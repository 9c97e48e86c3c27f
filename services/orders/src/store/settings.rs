use serde::Serialize;
use shoal_sql::{Error, ReadTx, Tx, params};
use shoal_types::Timestamp;

use super::{from_json, sql, to_json};
use crate::model::rates::{Rates, Versions};

/// The setting that holds the tax rates.
pub(crate) const TAX_RATES: &str = "tax_rates";
/// The setting that holds the shipping zones.
pub(crate) const SHIPPING_ZONES: &str = "shipping_zones";
/// More settings than this or a newer version knows.
const SETTINGS_MAX: u32 = 100;

/// The rates as they were set; none in a new shop. One statement: they and their versions are of one instant.
pub(crate) async fn load(tx: &mut ReadTx) -> Result<Rates, Error> {
    let (mut tax_rates, mut zones, mut versions) = (Vec::new(), Vec::new(), Versions::default());
    let rows = tx.list::<(String, String, u64)>(sql::LIST_SETTINGS, params![SETTINGS_MAX]).await?;
    for (name, value, version) in rows {
        match name.as_str() {
            TAX_RATES => (tax_rates, versions.tax_rates) = (from_json(&value, 1, "settings")?, version),
            SHIPPING_ZONES => (zones, versions.zones) = (from_json(&value, 1, "settings")?, version),
            other => tracing::warn!(name = other, "unknown setting of a newer version"),
        }
    }
    Ok(Rates::new(tax_rates, zones, versions))
}

/// How often each was set.
pub(crate) async fn versions(tx: &mut ReadTx) -> Result<Versions, Error> {
    let mut versions = Versions::default();
    for (name, version) in tx.list::<(String, u64)>(sql::LIST_VERSIONS, params![SETTINGS_MAX]).await? {
        match name.as_str() {
            TAX_RATES => versions.tax_rates = version,
            SHIPPING_ZONES => versions.zones = version,
            _ => {}
        }
    }
    Ok(versions)
}

/// Replaces a setting and counts it.
pub(crate) async fn save(tx: &mut Tx, name: &'static str, value: &str, at: Timestamp) -> Result<(), Error> {
    tx.execute(sql::SAVE_SETTING, params![name, value, at]).await.map(drop)
}

/// A setting as it is stored.
pub(crate) fn text<T: Serialize>(setting: &T) -> Result<String, Error> {
    to_json(setting)
}
