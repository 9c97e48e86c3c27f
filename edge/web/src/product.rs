use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use shoal_contract::products::{Image, ListProducts, Product, ProductOption, ProductRef, Variant};
use shoal_types::{Context, Limit, PageRequest};

use crate::card::{Available, Card, FEW_MAX, available_of, cards};
use crate::category::Crumb;
use crate::form::{Asked, Fields};
use crate::link::link;
use crate::page::{Frame, Framed, Kept, shown};
use crate::price::{price, price_of};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

const RELATED: u32 = 5;
/// Pieces that can be put into the cart at once by the product's page.
const PIECES_MAX: i64 = 99;

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    frame: Frame,
    crumbs: Vec<Crumb>,
    title: String,
    brand: String,
    brand_href: String,
    price: String,
    paragraphs: Vec<String>,
    picture: Option<Image>,
    thumbs: Vec<Thumb>,
    options: Vec<Choice>,
    attributes: Vec<(String, String)>,
    sku: String,
    stock: Stock,
    related: Vec<Card>,
}

impl Framed for ProductPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

struct Thumb {
    href: String,
    url: String,
    alt: String,
    current: bool,
}

/// An option with its values, each a link to the variant that has it.
struct Choice {
    name: String,
    chosen: String,
    values: Vec<Value>,
}

struct Value {
    label: String,
    href: String,
    current: bool,
    sold_out: bool,
}

/// Whether it can be bought.
struct Stock {
    class: &'static str,
    text: String,
    /// Pieces that can be taken; none if it cannot be bought.
    pieces_max: Option<i64>,
}

impl Stock {
    fn of(left: Option<i64>, priced: bool) -> Self {
        let (class, text, pieces_max) = match left {
            _ if !priced => ("out", "Not for sale at the moment".to_owned(), None),
            Some(left) if left <= 0 => ("out", "Sold out".to_owned(), None),
            Some(left) if left <= FEW_MAX => ("few", format!("Only {left} left"), Some(left)),
            Some(left) => ("in", "In stock".to_owned(), Some(left.min(PIECES_MAX))),
            None => ("in", "Available".to_owned(), Some(PIECES_MAX)),
        };
        Self { class, text, pieces_max }
    }
}

/// A product with one variant chosen.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let product = shop.products().get_product(&visit.cx, ProductRef::Slug(slug)).await?;
    let skus = product.variants.iter().map(|variant| variant.sku.clone()).collect();
    let available = available_of(&shop, &visit.cx, skus).await;
    let variant = chosen(&product, asked.text("sku"), &available).ok_or_else(Trouble::missing)?;
    let money = price_of(variant, shop.options.currency);
    let root = product.category_path.first().map(|crumb| crumb.slug.clone());
    let mut frame = Frame::new(&shop, &visit, &product.title).await?.within(root.as_deref());
    frame.description = product.description.chars().take(160).collect();
    let picture = picture(&product, variant, &asked);
    let brand = product.brand.clone().unwrap_or_default();
    let page = ProductPage {
        frame,
        crumbs: product.category_path.iter().map(|it| Crumb::category(&it.slug, &it.title)).collect(),
        title: product.title.clone(),
        brand_href: link("/search", [("brand", brand.as_str())]),
        brand,
        price: money.map(price).unwrap_or_default(),
        paragraphs: product
            .description
            .split('\n')
            .filter(|text| !text.trim().is_empty())
            .map(str::to_owned)
            .collect(),
        thumbs: thumbs(&product, variant, picture),
        picture: picture.cloned(),
        options: choices(&product, variant, &available),
        attributes: product.attributes.iter().map(|(name, text)| (heading(name), text.clone())).collect(),
        sku: variant.sku.clone(),
        stock: Stock::of(available.get(&variant.sku).copied(), money.is_some()),
        related: related(&shop, &visit.cx, &product).await?,
    };
    shown(&visit, Kept::Checked, &page)
}

/// The variant that is asked for, else the first that can be bought, else the first.
fn chosen<'p>(product: &'p Product, sku: &str, available: &Available) -> Option<&'p Variant> {
    let variants = &product.variants;
    let in_stock = |variant: &&Variant| available.get(&variant.sku).is_none_or(|left| *left > 0);
    let asked = variants.iter().find(|variant| variant.sku == sku);
    asked.or_else(|| variants.iter().find(in_stock)).or(variants.first())
}

fn picture<'p>(product: &'p Product, variant: &Variant, asked: &Fields) -> Option<&'p Image> {
    let number = asked.text("picture").parse::<usize>().ok();
    let own = || product.images.iter().find(|image| Some(&image.url) == variant.image.as_ref());
    number.and_then(|number| product.images.get(number)).or_else(own).or(product.images.first())
}

/// Every picture as a link: to the variant it shows, else to itself.
fn thumbs(product: &Product, variant: &Variant, shown: Option<&Image>) -> Vec<Thumb> {
    let path = format!("/p/{}", product.slug);
    let thumb = |(index, image): (usize, &Image)| {
        let of_variant = product.variants.iter().find(|it| it.image.as_ref() == Some(&image.url));
        let number = if of_variant.is_some() { String::new() } else { index.to_string() };
        let sku = of_variant.unwrap_or(variant).sku.as_str();
        Thumb {
            href: link(&path, [("sku", sku), ("picture", &number)]),
            url: image.url.clone(),
            alt: image.alt.clone(),
            current: shown == Some(image),
        }
    };
    let thumbs: Vec<Thumb> = product.images.iter().enumerate().map(thumb).collect();
    if thumbs.len() > 1 { thumbs } else { Vec::new() }
}

fn choices(product: &Product, variant: &Variant, available: &Available) -> Vec<Choice> {
    let choice = |option: &ProductOption| Choice {
        name: option.name.clone(),
        chosen: variant.options.get(&option.name).cloned().unwrap_or_default(),
        values: option
            .values
            .iter()
            .filter_map(|it| value(product, variant, &option.name, it, available))
            .collect(),
    };
    product.options.iter().map(choice).collect()
}

/// The link to the variant that has `value` and is otherwise most like the present one.
fn value(
    product: &Product,
    present: &Variant,
    option: &str,
    value: &str,
    available: &Available,
) -> Option<Value> {
    let having = product.variants.iter().filter(|it| it.options.get(option).is_some_and(|own| own == value));
    let alike = |it: &&Variant| {
        it.options.iter().filter(|(name, own)| present.options.get(*name) == Some(own)).count()
    };
    let nearest = having.max_by_key(alike)?;
    Some(Value {
        label: value.to_owned(),
        href: link(&format!("/p/{}", product.slug), [("sku", nearest.sku.as_str())]),
        current: present.options.get(option).is_some_and(|own| own == value),
        sold_out: available.get(&nearest.sku).is_some_and(|left| *left <= 0),
    })
}

/// `spin_cycle` -> `Spin cycle`.
fn heading(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// Others of the same category.
async fn related(shop: &Shop, cx: &Context, product: &Product) -> Result<Vec<Card>, Trouble> {
    // The last category may hold this product alone; the one above it holds its neighbours.
    let Some(category) = product.category_path.iter().rev().nth(1).or(product.category_path.last()) else {
        return Ok(Vec::new());
    };
    let page = PageRequest { limit: Limit::new(RELATED).unwrap_or_default(), cursor: None };
    let request = ListProducts { page, category: Some(category.slug.clone()), ..Default::default() };
    let mut products = shop.products().list_products(cx, request).await?.items;
    products.retain(|other| other.id != product.id);
    products.truncate(RELATED as usize - 1);
    Ok(cards(shop, cx, &products).await)
}
