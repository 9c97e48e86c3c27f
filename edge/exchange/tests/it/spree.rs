use shoal_contract::products::ProductStatus;
use shoal_exchange::Kind;

use crate::shop::{Shop, assert_accounted, shared};

/// Of the 174 rows of variants, 87 are in dollars and 87 repeat their SKUs in euros: 87 variants with two prices.
#[tokio::test]
async fn parent_and_variant_rows_make_products_with_prices_in_two_currencies() {
    let Some(input) = shared("spree/products.csv") else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Products, &input, Some("spree"))).await;
    assert_accounted(&summary);
    assert_eq!((summary.rows.read, summary.rows.imported, summary.documents.created), (211, 211, 37));
    assert!(!summary.notes.contains_key("unused_column"), "{summary}");
    shop.held(|held| {
        let variants: Vec<_> = held.products.all.iter().flat_map(|product| &product.variants).collect();
        let prices: usize = variants.iter().map(|variant| variant.prices.len()).sum();
        assert_eq!((variants.len(), prices), (87, 174));
        assert!(variants.iter().all(|variant| variant.prices.iter().all(|price| price.amount > 0)));

        let machine = held.products.get("automatic-espresso-machine").expect("there");
        assert_eq!(
            (machine.title.as_str(), machine.status),
            ("Automatic Espresso Machine", ProductStatus::Active)
        );
        assert_eq!(machine.category.as_deref(), Some("kitchen-coffee-machines"));
        assert_eq!(machine.options[0].name, "Color");
        assert_eq!(machine.options[0].values, ["Matte Black", "Silver", "White"]);
        assert_eq!(
            (machine.attributes["wattage"].as_str(), machine.attributes["voltage"].as_str()),
            ("1400W", "220-240V")
        );
        assert_eq!(machine.images.len(), 4);
        let black = &machine.variants[0];
        let shown: Vec<String> = black.prices.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["879.99 USD", "819.99 EUR"]);
        assert_eq!((black.weight_g, black.stock), (Some(8981), 5000), "19.8 lb");
        assert_eq!(black.options["Color"], "Matte Black");
    });
}

#[tokio::test]
async fn customers_come_with_their_addresses_and_tags() {
    let Some(input) = shared("spree/customers.csv") else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Users, &input, Some("spree_customers"))).await;
    assert_accounted(&summary);
    assert_eq!((summary.documents.created, summary.notes.len()), (20, 0), "{summary}");
    shop.held(|held| {
        let james = held.users.get("james.patel@example.com").expect("there");
        assert_eq!((james.name.as_str(), james.accepts_marketing), ("James Patel", true));
        assert_eq!(james.tags, ["Wholesale"]);
        let address = &james.addresses[0];
        assert_eq!(address.name, "James Patel, Patel Trading Co.");
        assert_eq!((address.city.as_str(), address.country.as_str()), ("Austin", "US"));
        assert_eq!(held.users.get("sarah.johnson@example.com").expect("there").tags, ["VIP", "Returning"]);
    });
}
