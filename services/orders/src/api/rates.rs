use std::sync::Arc;

use shoal_contract::check;
use shoal_contract::orders::{ListRates, SetShippingZones, SetTaxRates, ShippingZone, TaxRate};
use shoal_sql::{Engine, Tx};
use shoal_types::{Context, Role};

use crate::error::Error;
use crate::house::Inner;
use crate::model::rates::{Rates, check_shipping_zones, check_tax_rates};
use crate::store::settings;

impl Inner {
    pub(super) async fn list_tax_rates(&self, cx: &Context, _: ListRates) -> Result<Vec<TaxRate>, Error> {
        Ok(self.rates(cx).await?.tax_rates.clone())
    }

    pub(super) async fn list_shipping_zones(
        &self,
        cx: &Context,
        _: ListRates,
    ) -> Result<Vec<ShippingZone>, Error> {
        Ok(self.rates(cx).await?.zones.clone())
    }

    pub(super) async fn set_tax_rates(
        &self,
        cx: &Context,
        request: SetTaxRates,
    ) -> Result<Vec<TaxRate>, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request)?;
        check_tax_rates(&request.tax_rates)?;
        self.keep(cx, settings::TAX_RATES, settings::text(&request.tax_rates)?).await?;
        Ok(request.tax_rates)
    }

    pub(super) async fn set_shipping_zones(
        &self,
        cx: &Context,
        request: SetShippingZones,
    ) -> Result<Vec<ShippingZone>, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request)?;
        check_shipping_zones(&request.shipping_zones)?;
        self.keep(cx, settings::SHIPPING_ZONES, settings::text(&request.shipping_zones)?).await?;
        Ok(request.shipping_zones)
    }

    /// The present rates. They are remembered; where other nodes may set them too, their versions are read each time.
    pub(crate) async fn rates(&self, cx: &Context) -> Result<Arc<Rates>, Error> {
        let known = self.rates.load_full();
        if self.db.engine() == Engine::Sqlite {
            return Ok(known);
        }
        let versions = self.db.read(cx, async |tx| settings::versions(tx).await).await?;
        if versions == known.versions { Ok(known) } else { self.read_rates(cx).await }
    }

    /// Stores a setting, and uses it from the moment it is durable.
    async fn keep(&self, cx: &Context, name: &'static str, value: String) -> Result<(), Error> {
        let _last = self.setting_rates.lock().await;
        let now = self.env.now();
        self.transact(cx, async move |tx: &mut Tx| Ok(settings::save(tx, name, &value, now).await?)).await?;
        self.read_rates(cx).await.map(drop)
    }

    async fn read_rates(&self, cx: &Context) -> Result<Arc<Rates>, Error> {
        let rates = Arc::new(self.db.read(cx, async |tx| settings::load(tx).await).await?);
        self.rates.store(Arc::clone(&rates));
        Ok(rates)
    }
}
