//! The sample shop, from the files in `node/demo`. Seeding is an import like any other: safe to run twice.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shoal_contract::Address;
use shoal_contract::orders::{
    ImportOrders, OrderStatus, PastLine, PastOrder, SetShippingZones, SetTaxRates, ShippingZone, TaxRate,
};
use shoal_contract::products::{
    Image, ImportCategories, ImportProducts, NewCategory, NewProduct, NewVariant,
};
use shoal_contract::users::{ImportUsers, Imported, NewUser};
use shoal_exchange::Targets;
use shoal_gateway::EmbeddedMedia;
use shoal_types::{Context, Currency, Env, Money, Role, Timestamp};

#[derive(RustEmbed)]
#[folder = "demo"]
#[include = "*.json"]
#[include = "*.jsonl"]
struct Texts;

#[derive(RustEmbed)]
#[folder = "demo/media"]
#[include = "*.svg"]
struct Pictures;

/// The time one call of the seeding may take.
const WITHIN: Duration = Duration::from_secs(30);

/// The pictures of the sample shop, for `/media`.
pub(crate) fn media() -> EmbeddedMedia {
    let files = Pictures::iter().filter_map(|name| match (name, Pictures::get) {
        (Cow::Borrowed(name), get) => match get(name)?.data {
            Cow::Borrowed(bytes) => Some((name, bytes)),
            Cow::Owned(_) => None,
        },
        _ => None,
    });
    EmbeddedMedia::new(files)
}

/// The shop's name and what it says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Shop {
    pub(crate) name: String,
    pub(crate) tagline: String,
    tax: Vec<TaxRate>,
    shipping: Vec<ShippingZone>,
}

#[derive(Debug, Deserialize)]
struct Customer {
    email: String,
    name: String,
    addresses: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct PastSale {
    number: String,
    email: String,
    placed_at: Timestamp,
    currency: Currency,
    lines: Vec<SoldLine>,
    state: OrderStatus,
    tracking: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SoldLine {
    sku: String,
    quantity: i64,
}

/// A product as the sample shop writes it: like ours, but with file names for pictures.
#[derive(Debug, Deserialize)]
struct ShopProduct {
    images: Vec<Picture>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Picture {
    path: String,
    alt: String,
}

/// Fills the shop. What is there already stays as it is.
///
/// # Errors
/// The first refused record, which would be a mistake in the sample itself, or what a service answers.
pub(crate) async fn seed(env: &Env, targets: &Targets) -> anyhow::Result<Shop> {
    let cx = || Context::system(env, WITHIN);
    let shop: Shop = serde_json::from_str(&text("shop.json")?).context("shop.json")?;
    let categories: Vec<NewCategory> = lines("categories.jsonl")?;
    let import = ImportCategories { categories, dry_run: false };
    accept("categories.jsonl", targets.products.import_categories(&cx(), import).await?)?;
    let products = products()?;
    let import = ImportProducts { products: products.clone(), dry_run: false };
    accept("products.jsonl", targets.products.import_products(&cx(), import).await?)?;
    let import = ImportUsers { users: customers()?, dry_run: false };
    accept("customers.jsonl", targets.users.import_users(&cx(), import).await?)?;
    targets.orders.set_tax_rates(&cx(), SetTaxRates { tax_rates: shop.tax.clone() }).await?;
    let zones = SetShippingZones { shipping_zones: shop.shipping.clone() };
    targets.orders.set_shipping_zones(&cx(), zones).await?;
    let import = ImportOrders { orders: past_orders(&products)?, dry_run: false };
    accept("orders.jsonl", targets.orders.import_orders(&cx(), import).await?)?;
    Ok(shop)
}

fn products() -> anyhow::Result<Vec<NewProduct>> {
    let written: Vec<ShopProduct> = lines("products.jsonl")?;
    written.into_iter().map(product).collect()
}

fn product(written: ShopProduct) -> anyhow::Result<NewProduct> {
    let mut product: NewProduct =
        serde_json::from_value(serde_json::Value::Object(written.rest)).context("products.jsonl")?;
    let slug = product.slug.clone().unwrap_or_default();
    for variant in &mut product.variants {
        let picture = written.images.iter().find(|picture| shows(variant, &slug, &picture.path));
        variant.image = picture.map(|picture| address(&picture.path));
    }
    let image = |picture: Picture| Image { url: address(&picture.path), alt: picture.alt };
    product.images = written.images.into_iter().map(image).collect();
    Ok(product)
}

/// Whether the file `SLUG-VALUE.svg` shows a value the variant has: `harbour-mug-sand.svg`.
fn shows(variant: &NewVariant, slug: &str, path: &str) -> bool {
    let value = path.strip_prefix(slug).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".svg"));
    value.is_some_and(|value| {
        variant.options.values().any(|own| own.to_lowercase().replace(' ', "-") == value)
    })
}

fn address(path: &str) -> String {
    format!("/media/{path}")
}

fn customers() -> anyhow::Result<Vec<NewUser>> {
    let customer = |it: Customer| NewUser {
        email: it.email,
        name: it.name,
        role: Role::Customer,
        phone: None,
        password: None,
        accepts_marketing: false,
        tags: Vec::new(),
        addresses: it.addresses,
    };
    Ok(lines("customers.jsonl")?.into_iter().map(customer).collect())
}

fn past_orders(products: &[NewProduct]) -> anyhow::Result<Vec<PastOrder>> {
    let mut variants = HashMap::new();
    for product in products {
        for variant in &product.variants {
            variants.insert(variant.sku.as_str(), (product.title.as_str(), variant));
        }
    }
    let sales: Vec<PastSale> = lines("orders.jsonl")?;
    sales.into_iter().map(|sale| past_order(sale, &variants)).collect()
}

fn past_order(sale: PastSale, variants: &HashMap<&str, (&str, &NewVariant)>) -> anyhow::Result<PastOrder> {
    let line = |sold: SoldLine| {
        let (title, variant) =
            variants.get(sold.sku.as_str()).with_context(|| format!("no SKU {}", sold.sku))?;
        let price = variant.prices.iter().find(|price| price.currency == sale.currency);
        let price: Money =
            *price.with_context(|| format!("{} has no price in {}", sold.sku, sale.currency))?;
        Ok(PastLine {
            subtotal: price.times(sold.quantity)?,
            unit_price: Some(price),
            title: (*title).to_owned(),
            quantity: sold.quantity,
            discounts: Vec::new(),
            sku: sold.sku,
        })
    };
    Ok(PastOrder {
        source: "sample".to_owned(),
        lines: sale.lines.into_iter().map(line).collect::<anyhow::Result<_>>()?,
        number: sale.number,
        status: sale.state,
        email: Some(sale.email),
        placed_at: sale.placed_at,
        shipping: None,
        shipping_address: None,
        note: None,
        tracking: sale.tracking,
    })
}

fn text(name: &str) -> anyhow::Result<String> {
    let file = Texts::get(name).with_context(|| format!("{name} is not part of this build"))?;
    String::from_utf8(file.data.into_owned()).with_context(|| name.to_owned())
}

fn lines<T: DeserializeOwned>(name: &str) -> anyhow::Result<Vec<T>> {
    let text = text(name)?;
    let read = |(index, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{name}, line {}", index + 1))
    };
    text.lines().enumerate().map(read).collect()
}

fn accept(name: &str, outcomes: Vec<Imported>) -> anyhow::Result<()> {
    for (index, outcome) in outcomes.into_iter().enumerate() {
        if let Imported::Refused { field, message, .. } = outcome {
            bail!("{name}, line {}: {}: {message}", index + 1, field.unwrap_or_default());
        }
    }
    Ok(())
}
