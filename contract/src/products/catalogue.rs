use std::collections::BTreeMap;

use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Id, Money, Noun, PageRequest, Timestamp};
use utoipa::ToSchema;

use crate::rules;

/// Marks the ids of products.
#[derive(Debug)]
pub struct ProductNoun;

impl Noun for ProductNoun {
    const PREFIX: &'static str = "product";
}

/// A product's id.
pub type ProductId = Id<ProductNoun>;

/// Marks the ids of variants.
#[derive(Debug)]
pub struct VariantNoun;

impl Noun for VariantNoun {
    const PREFIX: &'static str = "variant";
}

/// A variant's id: what is stocked and sold. Stock rows are keyed by it.
pub type VariantId = Id<VariantNoun>;

/// Marks the ids of categories.
#[derive(Debug)]
pub struct CategoryNoun;

impl Noun for CategoryNoun {
    const PREFIX: &'static str = "category";
}

/// A category's id.
pub type CategoryId = Id<CategoryNoun>;

/// Where a product is in its life.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Staff see it.
    Draft,
    /// For sale.
    #[default]
    Active,
    /// Out of the shop, remembered by orders.
    Archived,
}

/// A product: what a page describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Id.
    pub id: ProductId,
    /// Unique name in addresses.
    pub slug: String,
    /// Title.
    pub title: String,
    /// Text of several lines, plain.
    pub description: String,
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Its category with all ancestors, the root first; empty if it has none.
    pub category_path: Vec<CategoryCrumb>,
    /// Where it is in its life.
    pub status: ProductStatus,
    /// Which tax rate applies: `standard`, `reduced`, `zero`, or a shop's own word.
    pub tax_category: String,
    /// What can be chosen; empty for a product with a single variant.
    pub options: Vec<ProductOption>,
    /// What can be bought.
    pub variants: Vec<Variant>,
    /// Pictures, the main one first.
    pub images: Vec<Image>,
    /// Free attributes: material, voltage, author.
    pub attributes: BTreeMap<String, String>,
    /// Grows by one with each change; the `ETag`.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// One step of the way to a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoryCrumb {
    /// Id.
    pub id: CategoryId,
    /// Unique name in addresses.
    pub slug: String,
    /// Title.
    pub title: String,
}

/// Something to choose: a colour, a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct ProductOption {
    /// `Colour`.
    #[garde(length(chars, max = 60), custom(rules::line))]
    #[schema(min_length = 1, max_length = 60)]
    pub name: String,
    /// The values, in the order to show.
    #[garde(length(min = 1, max = 200), inner(length(chars, max = 120), custom(rules::line)))]
    #[schema(min_items = 1, max_items = 200)]
    pub values: Vec<String>,
}

/// What can be bought: one choice of each option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variant {
    /// Id.
    pub id: VariantId,
    /// Stock keeping unit, unique over the shop; case counts.
    pub sku: String,
    /// The chosen value of each option.
    pub options: BTreeMap<String, String>,
    /// One price for each currency it is sold in.
    pub prices: Vec<Money>,
    /// Weight in grams, for shipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// The picture of this variant: an image's `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether it goes in a parcel; digital goods do not.
    pub shippable: bool,
}

/// A picture, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct Image {
    /// Absolute `https` address, or a path on this shop such as `/media/mug.svg`.
    #[garde(length(max = 2000), custom(image_url))]
    #[schema(min_length = 1, max_length = 2000)]
    pub url: String,
    /// What it shows, for those who cannot see it.
    #[serde(default)]
    #[garde(length(chars, max = 500), custom(rules::paragraphs))]
    #[schema(max_length = 500)]
    pub alt: String,
}

fn image_url(url: &str, _: &()) -> garde::Result {
    let rooted = url.starts_with('/') && !url.starts_with("//");
    let known = rooted || url.starts_with("https://") || url.starts_with("http://");
    let plain = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    if known && plain {
        Ok(())
    } else {
        Err(garde::Error::new("url: expected an https address or a path such as /media/mug.svg"))
    }
}

/// A product as it is written: by staff, and by imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NewProduct {
    /// Unique name in addresses; made from the title if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(rules::slug_opt))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 120)]
    pub slug: Option<String>,
    /// Title.
    #[garde(length(chars, max = 300), custom(rules::line))]
    #[schema(min_length = 1, max_length = 300)]
    pub title: String,
    /// Text of several lines, plain.
    #[serde(default)]
    #[garde(length(chars, max = 20_000), custom(rules::paragraphs))]
    #[schema(max_length = 20000)]
    pub description: String,
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 120), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 120)]
    pub brand: Option<String>,
    /// The slug of its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(rules::slug_opt))]
    pub category: Option<String>,
    /// Where it is in its life.
    #[serde(default)]
    pub status: ProductStatus,
    /// Which tax rate applies.
    #[serde(default = "standard")]
    #[garde(custom(rules::slug))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 120)]
    pub tax_category: String,
    /// What can be chosen, at most 5.
    #[serde(default)]
    #[garde(length(max = 5), dive)]
    #[schema(max_items = 5)]
    pub options: Vec<ProductOption>,
    /// What can be bought, 1 to 500.
    #[garde(length(min = 1, max = 500), dive)]
    #[schema(min_items = 1, max_items = 500)]
    pub variants: Vec<NewVariant>,
    /// Pictures, the main one first, at most 50.
    #[serde(default)]
    #[garde(length(max = 50), dive)]
    #[schema(max_items = 50)]
    pub images: Vec<Image>,
    /// Free attributes, at most 100.
    #[serde(default)]
    #[garde(length(max = 100), custom(attribute_sizes))]
    pub attributes: BTreeMap<String, String>,
}

fn standard() -> String {
    "standard".into()
}

fn attribute_sizes(attributes: &BTreeMap<String, String>, cx: &()) -> garde::Result {
    for (name, value) in attributes {
        rules::line(name, cx)?;
        rules::paragraphs(value, cx)?;
        if name.chars().count() > 80 || value.chars().count() > 2_000 {
            return Err(garde::Error::new(
                "too_long: an attribute's name has at most 80 characters, its value 2,000",
            ));
        }
    }
    Ok(())
}

/// A variant as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NewVariant {
    /// Stock keeping unit, unique over the shop; case counts.
    #[garde(custom(rules::sku))]
    #[schema(min_length = 1, max_length = 80)]
    pub sku: String,
    /// The chosen value of each option.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// One price for each currency, 1 to 50; not negative.
    #[garde(length(min = 1, max = 50), custom(one_price_a_currency))]
    #[schema(min_items = 1, max_items = 50)]
    pub prices: Vec<Money>,
    /// Weight in grams, at most ten tonnes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(max = 10_000_000))]
    #[schema(maximum = 10000000)]
    pub weight_g: Option<u32>,
    /// The picture of this variant: an image's `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(max = 2000))]
    pub image: Option<String>,
    /// Whether it goes in a parcel.
    #[serde(default = "yes")]
    pub shippable: bool,
    /// Pieces on hand when the variant is new; ignored for one that exists (adjust its stock instead).
    #[serde(default)]
    #[garde(range(min = 0, max = 1_000_000_000))]
    #[schema(minimum = 0, maximum = 1000000000)]
    pub stock: i64,
}

fn yes() -> bool {
    true
}

/// The largest price or order total: a hundred billion minor units, so that sums of many fit 64 bits.
pub const AMOUNT_MAX: i64 = 100_000_000_000;

fn one_price_a_currency(prices: &[Money], _: &()) -> garde::Result {
    for (index, price) in prices.iter().enumerate() {
        if !(0..=AMOUNT_MAX).contains(&price.amount) {
            return Err(garde::Error::new("range: a price is 0 to 100000000000 minor units"));
        }
        if prices[..index].iter().any(|earlier| earlier.currency == price.currency) {
            return Err(garde::Error::new("duplicate: one price for each currency"));
        }
    }
    Ok(())
}

/// Names a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductRef {
    /// By id.
    Id(ProductId),
    /// By slug.
    Slug(String),
}

/// The order of a list of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductSort {
    /// Newest first.
    #[default]
    Newest,
    /// By title, A to Z, in code point order.
    Title,
    /// Cheapest first, by the lowest price in the asked currency.
    PriceLow,
    /// Dearest first.
    PriceHigh,
}

/// Asks for a page of products.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListProducts {
    /// Which page.
    pub page: PageRequest,
    /// Order.
    pub sort: ProductSort,
    /// Only in this category or below it, by slug.
    pub category: Option<String>,
    /// Only of this maker.
    pub brand: Option<String>,
    /// Only in this state; customers always get active ones.
    pub status: Option<ProductStatus>,
    /// The currency of the price bounds and sorts; the shop's if absent.
    pub currency: Option<Currency>,
    /// Lowest price wanted, minor units.
    pub price_min: Option<i64>,
    /// Highest price wanted, minor units.
    pub price_max: Option<i64>,
}

/// Writes a product anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplaceProduct {
    /// Which.
    pub id: ProductId,
    /// Only if this is still the version (`If-Match`).
    pub expected_version: Option<u64>,
    /// The product as it shall be.
    pub product: NewProduct,
}

/// SKUs to look up, at most 1,000.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookUp {
    /// The SKUs.
    pub skus: Vec<String>,
}

/// What a cart and an order need to know of a SKU; a copy stays with the order for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What is stocked.
    pub variant: VariantId,
    /// What it belongs to.
    pub product: ProductId,
    /// SKU.
    pub sku: String,
    /// The product's slug.
    pub slug: String,
    /// The product's title.
    pub title: String,
    /// The chosen options, `Colour: Sand, Size: M`; empty if there are none.
    pub choice: String,
    /// The picture to show.
    pub image: Option<String>,
    /// One price for each currency.
    pub prices: Vec<Money>,
    /// Which tax rate applies.
    pub tax_category: String,
    /// Weight in grams; 0 if unknown.
    pub weight_g: u32,
    /// Whether it goes in a parcel.
    pub shippable: bool,
}

impl Offer {
    /// The price in `currency`, if it is sold in it.
    pub fn price(&self, currency: Currency) -> Option<Money> {
        self.prices.iter().copied().find(|price| price.currency == currency)
    }
}

/// A category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Id.
    pub id: CategoryId,
    /// Unique name in addresses.
    pub slug: String,
    /// Title.
    pub title: String,
    /// The category above; absent for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CategoryId>,
    /// Place among its siblings.
    pub position: i64,
}

/// A category as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NewCategory {
    /// Unique name in addresses.
    #[garde(custom(rules::slug))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 120)]
    pub slug: String,
    /// Title.
    #[garde(length(chars, max = 200), custom(rules::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// The slug of the category above; a root if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(rules::slug_opt))]
    pub parent: Option<String>,
    /// Place among its siblings.
    #[serde(default)]
    #[garde(range(min = -1_000_000, max = 1_000_000))]
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub position: i64,
}

/// Writes a category anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplaceCategory {
    /// Which.
    pub id: CategoryId,
    /// The category as it shall be.
    pub category: NewCategory,
}

/// Names a category.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CategoryRef {
    /// Which.
    pub id: CategoryId,
}

/// Asks for the categories.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListCategories {}

/// Brings in products.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportProducts {
    /// At most 1,000.
    pub products: Vec<NewProduct>,
    /// Check only.
    pub dry_run: bool,
}

/// Brings in categories.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportCategories {
    /// At most 10,000.
    pub categories: Vec<NewCategory>,
    /// Check only.
    pub dry_run: bool,
}
