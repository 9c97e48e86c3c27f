use shoal_sql::{Error, ReadTx, Tx, params};
use shoal_types::Timestamp;

use super::{from_json, sql, to_json};
use crate::model::rates::Rates;

const TAX_RATES: &str = "tax_rates";
const SHIPPING_ZONES: &str = "shipping_zones";
/// More settings than this or a newer version knows.
const SETTINGS_MAX: u32 = 100;

/// The rates as they were set; none in a new shop.
pub(crate) async fn load(tx: &mut ReadTx) -> Result<Rates, Error> {
    let (mut tax_rates, mut zones) = (Vec::new(), Vec::new());
    for (name, value) in tx.list::<(String, String)>(sql::LIST_SETTINGS, params![SETTINGS_MAX]).await? {
        match name.as_str() {
            TAX_RATES => tax_rates = from_json(&value, 1, "settings")?,
            SHIPPING_ZONES => zones = from_json(&value, 1, "settings")?,
            other => tracing::warn!(name = other, "unknown setting of a newer version"),
        }
    }
    Ok(Rates::new(tax_rates, zones))
}

/// Replaces the rates, in one statement.
pub(crate) async fn save(tx: &mut Tx, rates: &Rates, at: Timestamp) -> Result<(), Error> {
    let rows = [
        params![TAX_RATES, to_json(&rates.tax_rates)?, at],
        params![SHIPPING_ZONES, to_json(&rates.zones)?, at],
    ];
    tx.execute_rows(sql::SAVE_SETTINGS, params![], &rows).await.map(drop)
}
