//! Documents as their houses show them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use shoal_contract::orders::{Fulfilment, Order, OrderLine, OrderStatus, PastLine, PastOrder, Totals};
use shoal_contract::products::{CategoryCrumb, NewProduct, Product, Variant};
use shoal_contract::users::{NewUser, User};
use shoal_types::{Id, Money, Noun, Timestamp};

/// The same bits for the same text.
fn bits(text: &str) -> [u8; 16] {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let half = hasher.finish().to_be_bytes();
    std::array::from_fn(|place| half[place % 8])
}

/// The same id for the same text.
pub(crate) fn id_of<T: Noun>(text: &str) -> Id<T> {
    Id::from_digest(bits(text))
}

pub(crate) fn shown_product(product: &NewProduct) -> Arc<Product> {
    let slug = product.slug.clone().expect("an import names the slug");
    let crumb = |slug: &String| CategoryCrumb { id: id_of(slug), slug: slug.clone(), title: slug.clone() };
    let variants = product.variants.iter().map(|variant| Variant {
        id: id_of(&variant.sku),
        sku: variant.sku.clone(),
        options: variant.options.clone(),
        prices: variant.prices.clone(),
        weight_g: variant.weight_g,
        image: variant.image.clone(),
        shippable: variant.shippable,
    });
    Arc::new(Product {
        id: id_of(&slug),
        title: product.title.clone(),
        description: product.description.clone(),
        brand: product.brand.clone(),
        category_path: product.category.iter().map(crumb).collect(),
        status: product.status,
        tax_category: product.tax_category.clone(),
        options: product.options.clone(),
        variants: variants.collect(),
        images: product.images.clone(),
        attributes: product.attributes.clone(),
        version: 1,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        slug,
    })
}

pub(crate) fn shown_user(user: &NewUser) -> User {
    User {
        id: id_of(&user.email),
        email: user.email.clone(),
        name: user.name.clone(),
        phone: user.phone.clone(),
        role: user.role,
        accepts_marketing: user.accepts_marketing,
        tags: user.tags.clone(),
        version: 1,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    }
}

pub(crate) fn shown_order(order: &PastOrder) -> Order {
    let currency = order.lines[0].subtotal.currency;
    let zero = Money::zero(currency);
    let lines: Vec<OrderLine> =
        (1..).zip(&order.lines).map(|(place, line)| shown_line(place, line)).collect();
    let sum = |part: fn(&OrderLine) -> i64| Money::new(lines.iter().map(part).sum(), currency);
    let shipping = order.shipping.unwrap_or(zero);
    let parcel = order.tracking.as_ref().map(|tracking| Fulfilment {
        id: id_of(tracking),
        lines: Vec::new(),
        carrier: None,
        tracking: Some(tracking.clone()),
        at: order.placed_at,
    });
    Order {
        id: id_of(&format!("{} {}", order.source, order.number)),
        number: order.number.clone(),
        source: order.source.clone(),
        status: order.status,
        customer: None,
        email: order.email.clone(),
        cart: None,
        note: order.note.clone(),
        shipping_address: order.shipping_address.clone(),
        billing_address: None,
        shipping_method: None,
        totals: Totals {
            subtotal: sum(|line| line.subtotal.amount),
            discount: sum(|line| line.subtotal.amount - line.total.amount),
            shipping,
            tax_added: zero,
            tax_included: zero,
            total: Money::new(sum(|line| line.total.amount).amount + shipping.amount, currency),
            taxes: Vec::new(),
        },
        paid: if order.status == OrderStatus::Placed { zero } else { sum(|line| line.total.amount) },
        refunded: zero,
        fulfilments: parcel.into_iter().collect(),
        returns: Vec::new(),
        version: 1,
        placed_at: order.placed_at,
        updated_at: order.placed_at,
        lines,
    }
}

fn shown_line(place: u32, line: &PastLine) -> OrderLine {
    let off: i64 = line.discounts.iter().map(|discount| discount.amount.amount).sum();
    let currency = line.subtotal.currency;
    OrderLine {
        line: place,
        variant: None,
        product: None,
        sku: line.sku.clone(),
        title: line.title.clone(),
        choice: String::new(),
        image: None,
        note: None,
        quantity: line.quantity,
        unit_price: line.unit_price,
        subtotal: line.subtotal,
        discounts: line.discounts.clone(),
        total: Money::new(line.subtotal.amount - off, currency),
        tax: Money::zero(currency),
        tax_rate_bp: 0,
        tax_included: false,
        shippable: true,
        fulfilled: 0,
        returned: 0,
    }
}
