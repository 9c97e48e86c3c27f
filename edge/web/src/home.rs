use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::products::{ListProducts, Product, ProductSort};
use shoal_types::{Context, Limit, PageRequest};

use crate::card::{Card, cards};
use crate::page::{Frame, Framed, Kept, shown};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

const NEWEST: usize = 12;

type Shelf = Vec<Arc<Product>>;

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
    let frame = Frame::new(&shop, &visit, "").await?;
    let (mut departments, mut shelves) = (Vec::new(), Vec::new());
    for it in &frame.departments {
        let shelf = newest(&shop, &visit.cx, Some(it.slug.clone())).await?;
        let own = shop.picture(&format!("category-{}.svg", it.slug));
        let first = || Some(shelf.first()?.images.first()?.url.clone());
        departments.push(Tile { slug: it.slug.clone(), title: it.title.clone(), image: own.or_else(first) });
        shelves.push(shelf);
    }
    if shelves.is_empty() {
        shelves.push(newest(&shop, &visit.cx, None).await?);
    }
    let newest = cards(&shop, &visit.cx, &in_turn(shelves, NEWEST)).await;
    shown(&visit, Kept::Checked, &HomePage { frame, hero: shop.picture("hero.svg"), departments, newest })
}

async fn newest(shop: &Shop, cx: &Context, category: Option<String>) -> Result<Shelf, Trouble> {
    let limit = Limit::new(NEWEST as u32).unwrap_or_default();
    let page = PageRequest { limit, cursor: None };
    let request = ListProducts { page, sort: ProductSort::Newest, category, ..Default::default() };
    Ok(shop.products().list_products(cx, request).await?.items)
}

/// One of each shelf in turn, so that no department fills the page; each once, however many shelves it is on.
fn in_turn(shelves: Vec<Shelf>, count: usize) -> Shelf {
    let longest = shelves.iter().map(Vec::len).max().unwrap_or_default();
    let mut taken = Shelf::new();
    for row in 0..longest {
        for product in shelves.iter().filter_map(|shelf| shelf.get(row)) {
            if taken.len() < count && !taken.iter().any(|other| other.id == product.id) {
                taken.push(product.clone());
            }
        }
    }
    taken
}

/// The page for addresses that do not exist.
pub(crate) async fn missing() -> Trouble {
    Trouble::missing()
}
