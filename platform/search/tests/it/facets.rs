use shoal_search::{Document, FacetRequest, Filter, Hits, Query};

use crate::shelf::{Shelf, keys};

async fn mugs() -> Shelf {
    let mug = |key: &str, brand: &str, path: &str, colour: &str, size: &str, price: i64| {
        Document::new(key, 1)
            .text("title", "mug")
            .keyword("brand", brand)
            .path("category", path)
            .attribute("attributes", "colour", colour)
            .attribute("attributes", "size", size)
            .number("price", price)
            .flag("in_stock", price < 1000)
    };
    Shelf::with([
        mug("a", "Acme", "home/kitchen/mugs", "red", "s", 500),
        mug("b", "Acme", "home/kitchen/mugs", "blue", "s", 800),
        mug("c", "Bolt", "home/kitchen/cups", "red", "m", 1200).path("category", "sale"),
        mug("d", "Bolt", "home/office", "blue", "m", 1500).number("price", 400),
        Document::new("e", 1).text("title", "table").keyword("brand", "Acme"),
    ])
    .await
}

fn any_of(field: &'static str, values: &[&str]) -> Filter {
    Filter::AnyOf { field, values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn range(min: Option<i64>, max: Option<i64>) -> Filter {
    Filter::Range { field: "price", min, max }
}

/// `field: value count, ...` for each list.
fn lists(hits: &Hits) -> Vec<String> {
    let text = |list: &shoal_search::FacetCounts| {
        let values: Vec<_> =
            list.values.iter().map(|value| format!("{} {}", value.value, value.count)).collect();
        format!("{}: {}", list.attribute.as_deref().unwrap_or(list.field), values.join(", "))
    };
    hits.facets.iter().map(text).collect()
}

#[tokio::test]
async fn values_are_counted_among_the_matching_documents() {
    let query = Query::new("mug").facet(FacetRequest::new("brand")).facet(FacetRequest::new("attributes"));
    assert_eq!(
        lists(&mugs().await.search(query).await),
        ["brand: Acme 2, Bolt 2", "colour: blue 2, red 2", "size: m 2, s 2"]
    );
}

#[tokio::test]
async fn paths_are_counted_level_by_level() {
    let shelf = mugs().await;
    let count = async |facet| lists(&shelf.search(Query::new("").facet(facet)).await).remove(0);
    let facet = || FacetRequest::new("category");
    assert_eq!(count(facet()).await, "category: home 4, sale 1");
    assert_eq!(count(facet().under("home")).await, "category: home/kitchen 3, home/office 1");
    assert_eq!(count(facet().depth(2).limit(2)).await, "category: home 4, home/kitchen 3");
    assert_eq!(count(facet().under("hom")).await, "category: ");
}

#[tokio::test]
async fn a_chosen_value_leaves_its_alternatives_counted() {
    let shelf = mugs().await;
    let query = Query::new("mug")
        .filter(any_of("brand", &["Acme"]))
        .filter(any_of("attributes", &["colour:red"]))
        .facet(FacetRequest::new("brand"))
        .facet(FacetRequest::new("attributes"));
    let hits = shelf.search(query).await;
    assert_eq!(keys(&hits), ["a"]);
    assert_eq!(lists(&hits), ["brand: Acme 1, Bolt 1", "colour: blue 1, red 1", "size: s 1"]);
}

#[tokio::test]
async fn filters_narrow_by_value_range_and_flag() {
    let shelf = mugs().await;
    let found = async |filter| keys(&shelf.search(Query::new("mug").filter(filter)).await).concat();
    assert_eq!(found(any_of("brand", &["Bolt", "None"])).await, "cd");
    assert_eq!(found(any_of("category", &["home/kitchen"])).await, "abc");
    assert_eq!(found(any_of("category", &["/home/office/", "sale"])).await, "cd");
    assert_eq!(found(any_of("attributes", &["colour:red", "colour:blue", "size:m"])).await, "cd");
    assert_eq!(found(range(Some(500), Some(800))).await, "ab");
    assert_eq!(found(range(None, Some(499))).await, "d", "any of several prices counts");
    assert_eq!(found(range(Some(1200), None)).await, "cd");
    assert_eq!(found(Filter::Is { field: "in_stock", value: true }).await, "ab");
}

#[tokio::test]
async fn a_filter_without_sense_is_met_by_nothing() {
    let shelf = mugs().await;
    for filter in [
        any_of("no such field", &["x"]),
        any_of("price", &["500"]),
        any_of("brand", &[]),
        range(Some(2), Some(1)),
        Filter::Range { field: "brand", min: None, max: None },
        Filter::Is { field: "title", value: true },
    ] {
        assert_eq!(shelf.search(Query::new("mug").filter(filter.clone())).await.total, 0, "{filter:?}");
    }
    let every = range(None, None);
    assert_eq!(shelf.search(Query::new("").filter(every)).await.total, 4, "only those with a price");
    let unknown = Query::new("").facet(FacetRequest::new("title")).facet(FacetRequest::new("nothing"));
    assert_eq!(shelf.search(unknown).await.facets, []);
}
