//! A product as it stands in a list.

use std::collections::HashMap;
use std::sync::Arc;

use shoal_contract::products::{LookUp, Product};
use shoal_types::Context;

use crate::price::{lowest, price};
use crate::shop::Shop;

/// From here down the pieces left are told.
pub(crate) const FEW_MAX: i64 = 3;
/// SKUs one look at the stock may name.
const SKUS_MAX: usize = 1_000;

/// A product in a list.
pub(crate) struct Card {
    pub(crate) slug: String,
    pub(crate) title: String,
    /// The title as HTML of our own search, with the words that were found marked.
    pub(crate) marked: Option<String>,
    pub(crate) brand: String,
    pub(crate) image: Option<String>,
    pub(crate) alt: String,
    /// Empty if it is not sold in the shop's currency.
    pub(crate) price: String,
    /// Whether there are dearer variants.
    pub(crate) from: bool,
    /// `3 colours`.
    pub(crate) choice: String,
    /// `Sold out`, `Only 2 left`.
    pub(crate) badge: String,
    pub(crate) sold_out: bool,
}

/// Pieces that can be sold, by SKU. What is not in it is not known.
pub(crate) type Available = HashMap<String, i64>;

/// The stock of every variant of `products`; empty if it cannot be told, for a list is worth showing without it.
pub(crate) async fn available(shop: &Shop, cx: &Context, products: &[Arc<Product>]) -> Available {
    let variants = products.iter().flat_map(|product| &product.variants);
    let skus = variants.map(|variant| variant.sku.clone()).take(SKUS_MAX).collect();
    available_of(shop, cx, skus).await
}

/// The stock of `skus`, as [`available`].
pub(crate) async fn available_of(shop: &Shop, cx: &Context, skus: Vec<String>) -> Available {
    match shop.products().get_stock(cx, LookUp { skus }).await {
        Ok(stock) => stock.into_iter().flatten().map(|stock| (stock.sku, stock.available)).collect(),
        Err(error) => {
            tracing::warn!(%error, "a page is shown without the stock");
            Available::new()
        }
    }
}

/// The cards of a list.
pub(crate) async fn cards(shop: &Shop, cx: &Context, products: &[Arc<Product>]) -> Vec<Card> {
    let available = available(shop, cx, products).await;
    products.iter().map(|product| Card::new(shop, product, &available)).collect()
}

impl Card {
    pub(crate) fn new(shop: &Shop, product: &Product, available: &Available) -> Self {
        let lowest = lowest(product, shop.options.currency);
        let image = product.images.first();
        let left = left(product, available);
        Self {
            slug: product.slug.clone(),
            title: product.title.clone(),
            marked: None,
            brand: product.brand.clone().unwrap_or_default(),
            image: image.map(|image| image.url.clone()),
            alt: image.map(|image| image.alt.clone()).unwrap_or_default(),
            price: lowest.map(|(low, _)| price(low)).unwrap_or_default(),
            from: lowest.is_some_and(|(_, dearer)| dearer),
            choice: choice(product),
            badge: badge(left),
            sold_out: left == Some(0),
        }
    }
}

/// Pieces of all variants together, if the stock of each is known.
fn left(product: &Product, available: &Available) -> Option<i64> {
    product.variants.iter().map(|variant| available.get(&variant.sku).copied()).sum()
}

fn badge(left: Option<i64>) -> String {
    match left {
        Some(0) => "Sold out".into(),
        Some(left) if left <= FEW_MAX => format!("Only {left} left"),
        _ => String::new(),
    }
}

fn choice(product: &Product) -> String {
    let options = product.options.iter().filter(|option| option.values.len() > 1);
    let words = options.map(|option| format!("{} {}s", option.values.len(), option.name.to_lowercase()));
    words.collect::<Vec<_>>().join(", ")
}

/// HTML with matches in `<mark>` and no other tag, as search promises it; `None` for any other.
pub(crate) fn only_marks(html: &str) -> Option<String> {
    let without = html.replace("<mark>", "").replace("</mark>", "");
    (!without.contains(['<', '>'])).then(|| html.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pieces_are_told() {
        assert_eq!(badge(Some(0)), "Sold out");
        assert_eq!(badge(Some(2)), "Only 2 left");
        assert_eq!((badge(Some(4)), badge(None)), (String::new(), String::new()));
    }

    #[test]
    fn marks_are_the_only_tags() {
        assert!(only_marks("a <mark>mug</mark> &amp; b").is_some());
        assert!(only_marks("a <script>").is_none());
    }
}
