//! What a cart needs to know of a variant.

use shoal_contract::products::{Offer, Product, Variant};

/// The offer of `variant`, which is one of `product`'s.
pub(crate) fn offer(product: &Product, variant: &Variant) -> Offer {
    let main_image = product.images.first().map(|image| image.url.clone());
    Offer {
        variant: variant.id,
        product: product.id,
        sku: variant.sku.clone(),
        slug: product.slug.clone(),
        title: product.title.clone(),
        choice: choice(product, variant),
        image: variant.image.clone().or(main_image),
        prices: variant.prices.clone(),
        tax_category: product.tax_category.clone(),
        weight_g: variant.weight_g.unwrap_or(0),
        shippable: variant.shippable,
    }
}

/// `Colour: Sand, Size: M`, in the order of the product's options.
fn choice(product: &Product, variant: &Variant) -> String {
    let mut words = String::new();
    for option in &product.options {
        let Some(value) = variant.options.get(&option.name) else { continue };
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(&option.name);
        words.push_str(": ");
        words.push_str(value);
    }
    words
}
