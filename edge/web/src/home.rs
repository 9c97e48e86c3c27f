use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::products::{ListProducts, ProductSort};
use shoal_types::{Context, Limit, PageRequest};

use crate::card::{Card, cards};
use crate::page::{Frame, Framed, Kept, shown};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

const NEWEST: u32 = 12;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    hero: Option<String>,
    departments: Vec<Tile>,
    newest: Vec<Card>,
}

impl Framed for HomePage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// A top category with a picture.
struct Tile {
    slug: String,
    title: String,
    image: Option<String>,
}

/// The first page.
pub(crate) async fn show(State(shop): State<Shop>, visit: Visit) -> Result<Response, Trouble> {
    let page = PageRequest { limit: Limit::new(NEWEST).unwrap_or_default(), cursor: None };
    let newest = ListProducts { page, sort: ProductSort::Newest, ..Default::default() };
    let newest = shop.products().list_products(&visit.cx, newest).await?.items;
    let frame = Frame::new(&shop, &visit, "").await?;
    let mut departments = Vec::new();
    for it in &frame.departments {
        let image = picture(&shop, &visit.cx, &it.slug).await?;
        departments.push(Tile { slug: it.slug.clone(), title: it.title.clone(), image });
    }
    let newest = cards(&shop, &visit.cx, &newest).await;
    shown(&visit, Kept::Checked, &HomePage { frame, hero: shop.picture("hero.svg"), departments, newest })
}

/// The category's own picture, else that of its newest product.
async fn picture(shop: &Shop, cx: &Context, slug: &str) -> Result<Option<String>, Trouble> {
    if let Some(own) = shop.picture(&format!("category-{slug}.svg")) {
        return Ok(Some(own));
    }
    let page = PageRequest { limit: Limit::new(1).unwrap_or_default(), cursor: None };
    let request = ListProducts { page, category: Some(slug.to_owned()), ..Default::default() };
    let products = shop.products().list_products(cx, request).await?.items;
    Ok(products.first().and_then(|product| product.images.first()).map(|image| image.url.clone()))
}

/// The page for addresses that do not exist.
pub(crate) async fn missing() -> Trouble {
    Trouble::missing()
}
