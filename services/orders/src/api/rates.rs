use std::sync::Arc;

use shoal_contract::check;
use shoal_contract::orders::{ListRates, SetShippingZones, SetTaxRates, ShippingZone, TaxRate};
use shoal_sql::Tx;
use shoal_types::{Context, Role};

use crate::error::Error;
use crate::house::Inner;
use crate::model::rates::{Rates, check_shipping_zones, check_tax_rates};
use crate::store::settings;

impl Inner {
    pub(super) async fn list_tax_rates(&self, _: &Context, _: ListRates) -> Result<Vec<TaxRate>, Error> {
        Ok(self.rates.load().tax_rates.clone())
    }

    pub(super) async fn list_shipping_zones(
        &self,
        _: &Context,
        _: ListRates,
    ) -> Result<Vec<ShippingZone>, Error> {
        Ok(self.rates.load().zones.clone())
    }

    pub(super) async fn set_tax_rates(
        &self,
        cx: &Context,
        request: SetTaxRates,
    ) -> Result<Vec<TaxRate>, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request)?;
        check_tax_rates(&request.tax_rates)?;
        let _last = self.setting_rates.lock().await;
        let rates = Rates::new(request.tax_rates, self.rates.load().zones.clone());
        Ok(self.keep(cx, rates).await?.tax_rates.clone())
    }

    pub(super) async fn set_shipping_zones(
        &self,
        cx: &Context,
        request: SetShippingZones,
    ) -> Result<Vec<ShippingZone>, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request)?;
        check_shipping_zones(&request.shipping_zones)?;
        let _last = self.setting_rates.lock().await;
        let rates = Rates::new(self.rates.load().tax_rates.clone(), request.shipping_zones);
        Ok(self.keep(cx, rates).await?.zones.clone())
    }

    /// Stores the rates, and uses them from the moment they are durable.
    async fn keep(&self, cx: &Context, rates: Rates) -> Result<Arc<Rates>, Error> {
        let (rates, now) = (Arc::new(rates), self.env.now());
        let saved = Arc::clone(&rates);
        self.transact(cx, async move |tx: &mut Tx| Ok(settings::save(tx, &saved, now).await?)).await?;
        self.rates.store(Arc::clone(&rates));
        Ok(rates)
    }
}
