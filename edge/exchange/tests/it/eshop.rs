use shoal_exchange::Kind;

use crate::shop::{Shop, assert_accounted, shared};

#[tokio::test]
async fn the_catalogue_comes_whole_with_pictures_by_reference() {
    let Some(input) = shared("eshop/products.csv") else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Products, &input, Some("eshop"))).await;
    assert_accounted(&summary);
    assert_eq!((summary.rows.read, summary.documents.created, summary.categories.created), (101, 101, 8));
    assert_eq!(summary.notes.len(), 0, "{summary}");
    shop.held(|held| {
        let boots = held.products.get("wanderer-black-hiking-boots").expect("there");
        assert_eq!((boots.brand.as_deref(), boots.category.as_deref()), (Some("Daybird"), Some("footwear")));
        assert_eq!(boots.variants[0].prices[0].to_string(), "109.99 USD");
        assert_eq!(boots.images[0].url, "/media/eshop/1.webp");
        assert_eq!(held.categories.get("ski-boarding").expect("there").title, "Ski/boarding");
        let brands: std::collections::BTreeSet<_> =
            held.products.all.iter().map(|product| &product.brand).collect();
        assert_eq!(brands.len(), 13);
    });
}
