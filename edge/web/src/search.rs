use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::products::{Category, Facet, Search, SearchResults, SearchSort};
use shoal_types::Limit;

use crate::card::{Card, available, only_marks};
use crate::category::{Choice, sign};
use crate::form::{Asked, Fields};
use crate::link::link;
use crate::page::{Frame, Framed, Kept, categories, shown};
use crate::price::typed_price;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

const PAGE: u32 = 24;
/// Results that can be skipped at most.
const SKIPPED_MAX: u32 = 1_000;
const WORDS_LEN_MAX: usize = 200;
const FACET_VALUES_MAX: usize = 12;
const SORTS: [(&str, &str, SearchSort); 4] = [
    ("", "Best match", SearchSort::Relevance),
    ("price", "Price, low to high", SearchSort::PriceLow),
    ("price-down", "Price, high to low", SearchSort::PriceHigh),
    ("newest", "Newest", SearchSort::Newest),
];

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    words: String,
    found: String,
    relaxed: bool,
    cards: Vec<Card>,
    groups: Vec<Group>,
    sorts: Vec<Choice>,
    category: String,
    brands: Vec<String>,
    min: String,
    max: String,
    sign: &'static str,
    clear: Option<String>,
    before: Option<String>,
    next: Option<String>,
}

impl Framed for SearchPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// The values of a facet, each a link that takes it or leaves it.
struct Group {
    title: &'static str,
    values: Vec<Value>,
}

struct Value {
    label: String,
    count: u64,
    href: String,
    current: bool,
}

/// What was looked for.
struct Wanted {
    words: String,
    category: String,
    brands: Vec<String>,
    sort: &'static str,
    min: String,
    max: String,
    page: u32,
}

impl Wanted {
    fn read(asked: &Fields) -> Self {
        let sort = SORTS.iter().find(|(word, _, _)| *word == asked.text("sort"));
        Self {
            words: asked.text("q").chars().take(WORDS_LEN_MAX).collect(),
            category: asked.text("category").to_owned(),
            brands: asked.all("brand").take(20).map(str::to_owned).collect(),
            sort: sort.map_or(SORTS[0].0, |(word, _, _)| word),
            min: asked.text("min").to_owned(),
            max: asked.text("max").to_owned(),
            page: asked.text("page").parse().unwrap_or(1).clamp(1, SKIPPED_MAX / PAGE + 1),
        }
    }

    fn request(&self, shop: &Shop) -> Search {
        let currency = shop.options.currency;
        let sort = SORTS.iter().find(|(word, _, _)| *word == self.sort);
        Search {
            text: self.words.clone(),
            category: Some(self.category.clone()).filter(|slug| !slug.is_empty()),
            brands: self.brands.clone(),
            currency: Some(currency),
            price_min: typed_price(&self.min, currency),
            price_max: typed_price(&self.max, currency),
            sort: sort.map(|(_, _, sort)| *sort).unwrap_or_default(),
            limit: Limit::new(PAGE).unwrap_or_default(),
            offset: (self.page - 1) * PAGE,
        }
    }

    fn link(&self, category: &str, brands: &[String], page: u32) -> String {
        let page = if page > 1 { page.to_string() } else { String::new() };
        let fixed = [
            ("q", self.words.as_str()),
            ("category", category),
            ("sort", self.sort),
            ("min", &self.min),
            ("max", &self.max),
            ("page", &page),
        ];
        link("/search", fixed.into_iter().chain(brands.iter().map(|brand| ("brand", brand.as_str()))))
    }

    fn is_narrowed(&self) -> bool {
        !(self.category.is_empty() && self.brands.is_empty() && self.min.is_empty() && self.max.is_empty())
    }

    /// The links of a facet; none for one that cannot be chosen from.
    fn group(&self, facet: &Facet, titles: &HashMap<&str, &str>, total: u64) -> Option<Group> {
        let title = match facet.field.as_str() {
            "category" => "Department",
            "brand" => "Maker",
            _ => return None,
        };
        let values = facet.values.iter().filter(|value| value.count > 0).take(FACET_VALUES_MAX);
        let mut values: Vec<Value> = values
            .map(|value| match title {
                "Maker" => self.brand(&value.value, value.count),
                _ => self.category(&value.value, value.count, titles),
            })
            .collect();
        if title == "Department" && !self.category.is_empty() && !values.iter().any(|value| value.current) {
            // The facet counts what is below the chosen one; it must be there to be left again.
            values.insert(0, self.category(&self.category, total, titles));
        }
        (values.len() > 1 || values.iter().any(|value| value.current)).then_some(Group { title, values })
    }

    fn brand(&self, brand: &str, count: u64) -> Value {
        let current = self.brands.iter().any(|own| own == brand);
        let mut brands = self.brands.clone();
        match current {
            true => brands.retain(|own| own != brand),
            false => brands.push(brand.to_owned()),
        }
        Value { label: brand.to_owned(), count, href: self.link(&self.category, &brands, 1), current }
    }

    fn category(&self, path: &str, count: u64, titles: &HashMap<&str, &str>) -> Value {
        let slug = path.rsplit('/').next().unwrap_or_default();
        let current = slug == self.category;
        let taken = if current { "" } else { slug };
        let label = titles.get(slug).copied().unwrap_or(slug).to_owned();
        Value { label, count, href: self.link(taken, &self.brands, 1), current }
    }
}

/// What a search found.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let wanted = Wanted::read(&asked);
    let results = shop.products().search(&visit.cx, wanted.request(&shop)).await?;
    let tree = categories(&shop, &visit.cx).await;
    let titles = tree.iter().map(|it: &Category| (it.slug.as_str(), it.title.as_str())).collect();
    let mut groups: Vec<Group> =
        results.facets.iter().filter_map(|facet| wanted.group(facet, &titles, results.total)).collect();
    groups.sort_by_key(|group| group.title);
    let more = results.total > u64::from(wanted.page * PAGE) && wanted.page * PAGE < SKIPPED_MAX;
    let at = |page| wanted.link(&wanted.category, &wanted.brands, page);
    let title = if wanted.words.is_empty() { "Everything".into() } else { format!("“{}”", wanted.words) };
    let mut frame = Frame::new(&shop, &visit, &title).await?;
    frame.words.clone_from(&wanted.words);
    let page = SearchPage {
        frame,
        found: found(results.total),
        relaxed: results.relaxed,
        cards: cards(&shop, &visit, &results).await,
        groups,
        sorts: SORTS
            .iter()
            .map(|&(value, label, _)| Choice { value, label, current: value == wanted.sort })
            .collect(),
        sign: sign(shop.options.currency.code()),
        clear: wanted.is_narrowed().then(|| link("/search", [("q", wanted.words.as_str())])),
        before: (wanted.page > 1).then(|| at(wanted.page - 1)),
        next: more.then(|| at(wanted.page + 1)),
        words: wanted.words,
        category: wanted.category,
        brands: wanted.brands,
        min: wanted.min,
        max: wanted.max,
    };
    shown(&visit, Kept::Checked, &page)
}

fn found(total: u64) -> String {
    match total {
        0 => "Nothing found".into(),
        1 => "1 thing".into(),
        many if many > 1_000 => "More than 1,000 things".into(),
        many => format!("{many} things"),
    }
}

async fn cards(shop: &Shop, visit: &Visit, results: &SearchResults) -> Vec<Card> {
    let products: Vec<_> = results.hits.iter().map(|hit| hit.product.clone()).collect();
    let available = available(shop, &visit.cx, &products).await;
    let card = |hit: &shoal_contract::products::SearchHit| Card {
        marked: only_marks(&hit.title_html),
        ..Card::new(shop, &hit.product, &available)
    };
    results.hits.iter().map(card).collect()
}
