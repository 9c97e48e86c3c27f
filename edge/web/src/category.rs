use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use shoal_contract::products::{Category, ListProducts, ProductSort};
use shoal_types::{Limit, PageRequest};

use crate::card::{Card, cards};
use crate::form::{Asked, Fields};
use crate::link::{cursor_text, link, read_cursor};
use crate::page::{Frame, Framed, Kept, categories, shown};
use crate::price::typed_price;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

const PAGE: u32 = 24;
const SORTS: [(&str, &str, ProductSort); 4] = [
    ("", "Newest", ProductSort::Newest),
    ("price", "Price, low to high", ProductSort::PriceLow),
    ("price-down", "Price, high to low", ProductSort::PriceHigh),
    ("title", "A to Z", ProductSort::Title),
];

#[derive(Template)]
#[template(path = "category.html")]
struct CategoryPage {
    frame: Frame,
    crumbs: Vec<Crumb>,
    title: String,
    path: String,
    banner: Option<String>,
    below: Vec<Crumb>,
    cards: Vec<Card>,
    sorts: Vec<Choice>,
    min: String,
    max: String,
    sign: &'static str,
    filtered: bool,
    first: Option<String>,
    next: Option<String>,
}

impl Framed for CategoryPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// A step on the way to a page.
pub(crate) struct Crumb {
    pub(crate) href: String,
    pub(crate) title: String,
}

impl Crumb {
    pub(crate) fn category(slug: &str, title: &str) -> Self {
        Self { href: format!("/c/{slug}"), title: title.to_owned() }
    }
}

/// Something to choose in a list.
pub(crate) struct Choice {
    pub(crate) value: &'static str,
    pub(crate) label: &'static str,
    pub(crate) current: bool,
}

/// A category with its products.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let tree = categories(&shop, &visit.cx).await;
    let category = tree.iter().find(|it| it.slug == slug).ok_or_else(Trouble::missing)?;
    let path = format!("/c/{slug}");
    let currency = shop.options.currency;
    let (sort, sorted) = sort_of(&asked);
    let request = ListProducts {
        page: page_of(&asked),
        sort: sorted,
        category: Some(slug),
        currency: Some(currency),
        price_min: typed_price(asked.text("min"), currency),
        price_max: typed_price(asked.text("max"), currency),
        ..Default::default()
    };
    let filtered = request.price_min.is_some() || request.price_max.is_some();
    let found = shop.products().list_products(&visit.cx, request).await?;
    let (min, max) = (asked.text("min"), asked.text("max"));
    let at = |cursor: &str| link(&path, [("sort", sort), ("min", min), ("max", max), ("after", cursor)]);
    let crumbs = crumbs(&tree, category);
    let root = crumbs.first().map_or(category.slug.as_str(), |crumb| crumb.href.trim_start_matches("/c/"));
    let page = CategoryPage {
        banner: shop.picture(&format!("category-{root}.svg")),
        frame: Frame::new(&shop, &visit, &category.title).await?.within(Some(root)),
        title: category.title.clone(),
        below: below(&tree, category),
        cards: cards(&shop, &visit.cx, &found.items).await,
        sorts: choices(sort),
        sign: sign(currency.code()),
        first: asked.filled("after").map(|_| at("")),
        next: found.next.map(|cursor| at(&cursor_text(&cursor))),
        min: min.to_owned(),
        max: max.to_owned(),
        filtered,
        crumbs,
        path,
    };
    shown(&visit, Kept::Checked, &page)
}

/// What prices are typed in.
pub(crate) fn sign(code: &'static str) -> &'static str {
    match code {
        "EUR" => "€",
        "GBP" => "£",
        "USD" => "$",
        code => code,
    }
}

fn sort_of(asked: &Fields) -> (&'static str, ProductSort) {
    let wanted = SORTS.iter().find(|(word, _, _)| *word == asked.text("sort"));
    wanted.map_or((SORTS[0].0, SORTS[0].2), |(word, _, sort)| (*word, *sort))
}

fn choices(current: &str) -> Vec<Choice> {
    SORTS.iter().map(|&(value, label, _)| Choice { value, label, current: value == current }).collect()
}

fn page_of(asked: &Fields) -> PageRequest {
    PageRequest {
        limit: Limit::new(PAGE).unwrap_or_default(),
        cursor: asked.filled("after").and_then(read_cursor),
    }
}

fn below(tree: &[Category], category: &Category) -> Vec<Crumb> {
    let children = tree.iter().filter(|it| it.parent == Some(category.id));
    children.map(|it| Crumb::category(&it.slug, &it.title)).collect()
}

/// The categories above, the root first.
fn crumbs(tree: &[Category], category: &Category) -> Vec<Crumb> {
    let mut crumbs = Vec::new();
    let mut above = category.parent;
    // The tree is finite even if it were broken into a circle.
    while let Some(parent) = tree.iter().find(|it| Some(it.id) == above).filter(|_| crumbs.len() < tree.len())
    {
        crumbs.push(Crumb::category(&parent.slug, &parent.title));
        above = parent.parent;
    }
    crumbs.reverse();
    crumbs
}
