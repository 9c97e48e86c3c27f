//! Bringing in products and categories.

use shoal_contract::products::{
    Error, ImportCategories, ImportProducts, Imported, NewProduct, Product, ProductRef, Products as _,
};
use shoal_types::Fault;

use crate::shop::{Shop, category, eur, mug, variant};

impl Shop {
    async fn import(&self, products: Vec<NewProduct>) -> Vec<Imported> {
        let request = ImportProducts { products, dry_run: false };
        self.products.import_products(&self.system(), request).await.expect("answers")
    }

    async fn get(&self, slug: &str) -> std::sync::Arc<Product> {
        let which = ProductRef::Slug(slug.to_owned());
        self.products.get_product(&self.staff(), which).await.expect("found")
    }

    async fn events(&self) -> Vec<(String, i64)> {
        shoal_sql::statements! {
            mod sql {
                EVENTS = "select kind, sequence from outbox order by kind, aggregate, sequence";
            }
        }
        let db = self.products.database();
        let cx = self.system();
        let told = db.read(&cx, async |tx| tx.list::<(String, i64)>(sql::EVENTS, []).await).await;
        told.expect("answers")
    }
}

fn refusal(outcome: &Imported) -> (&str, Option<&str>) {
    match outcome {
        Imported::Refused { code, field, .. } => (code, field.as_deref()),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn an_import_can_be_repeated() {
    let shop = Shop::open().await;
    let rows = || (0..300).map(|number| mug(&format!("mug-{number}"), 4)).collect::<Vec<_>>();
    assert_eq!(shop.import(rows()).await, vec![Imported::Created; 300]);
    assert_eq!(shop.import(rows()).await, vec![Imported::Unchanged; 300]);
    let mut changed = rows();
    changed[7].variants[0].prices = vec![eur(1)];
    changed[7].variants[0].stock = 99;
    let outcomes = shop.import(changed.clone()).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Imported::Updated).count(), 1);
    assert_eq!(shop.import(changed).await, vec![Imported::Unchanged; 300]);
    let product = shop.get("mug-7").await;
    assert_eq!((product.version, product.variants[0].prices[0]), (2, eur(1)));
    assert_eq!(shop.counts("MUG-7").await, (4, 0));
    let told = shop.events().await;
    assert_eq!((told.len(), &told[0]), (302, &("product.changed".to_owned(), 2)));
    assert_eq!(told[301], ("product.price_changed".to_owned(), 2));
}

#[tokio::test]
async fn good_rows_go_in_beside_bad_ones() {
    let shop = Shop::open().await;
    shop.category("home", None).await;
    let sku_of_first = NewProduct { slug: Some("thief".into()), ..mug("first", 1) };
    let homeless = NewProduct { category: Some("attic".into()), ..mug("homeless", 1) };
    let blank = NewProduct { title: " ".into(), ..mug("blank", 1) };
    let mut negative = mug("negative", 1);
    negative.variants[0].prices = vec![eur(-1)];
    let housed = NewProduct { category: Some("home".into()), ..mug("housed", 1) };
    let rows = vec![mug("first", 1), sku_of_first, homeless, blank, negative, mug("first", 1), housed];
    let outcomes = shop.import(rows).await;
    assert_eq!((&outcomes[0], &outcomes[6]), (&Imported::Created, &Imported::Created));
    let refused: Vec<_> = outcomes[1..6].iter().map(refusal).collect();
    assert_eq!(
        refused,
        [
            ("sku_taken", Some("variants[0].sku")),
            ("unknown_category", Some("category")),
            ("invalid_request", Some("title")),
            ("invalid_request", Some("variants[0].prices")),
            ("slug_taken", Some("slug")),
        ]
    );
    assert_eq!(shop.get("housed").await.category_path[0].slug, "home");
}

#[tokio::test]
async fn rows_without_a_slug_are_found_by_their_skus() {
    let shop = Shop::open().await;
    // Three products of one title: a foreign shop has no slugs and names many things the same.
    let rows = || {
        let row =
            |sku: &str| NewProduct { slug: None, variants: vec![variant(sku, &[], 1)], ..mug("milk", 1) };
        vec![row("100"), row("200"), row("300")]
    };
    assert_eq!(shop.import(rows()).await, vec![Imported::Created; 3]);
    assert_eq!(shop.import(rows()).await, vec![Imported::Unchanged; 3]);
    for (slug, sku) in [("milk", "100"), ("milk-200", "200"), ("milk-300", "300")] {
        assert_eq!(shop.get(slug).await.variants[0].sku, sku);
    }
    let twice = shop.import(vec![rows().remove(0), rows().remove(0)]).await;
    assert_eq!(refusal(&twice[1]), ("sku_taken", Some("variants[0].sku")));
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let shop = Shop::open().await;
    let request = ImportProducts { products: vec![mug("mug", 1), mug("mug", 1)], dry_run: true };
    let outcomes = shop.products.import_products(&shop.system(), request).await.expect("answers");
    assert_eq!(outcomes[0], Imported::Created);
    assert_eq!(refusal(&outcomes[1]).0, "slug_taken");
    let request = ImportCategories { categories: vec![category("home", None)], dry_run: true };
    let outcomes = shop.products.import_categories(&shop.system(), request).await;
    assert_eq!(outcomes, Ok(vec![Imported::Created]));
    assert_eq!(shop.events().await, []);
}

#[tokio::test]
async fn an_import_keeps_variants_that_are_held() {
    let shop = Shop::open().await;
    let old = shop.mug("mug", 2).await;
    let key = shop.key();
    shop.reserve(key, &[(&old, 1)]).await.expect("held");
    let renamed = || NewProduct { variants: vec![variant("CUP", &[], 5)], ..mug("mug", 0) };
    let outcomes = shop.import(vec![renamed(), mug("pot", 1)]).await;
    assert_eq!(refusal(&outcomes[0]), ("variant_in_use", Some("variants")));
    assert_eq!(outcomes[1], Imported::Created);
    shop.release(key).await.expect("released");
    assert_eq!(shop.import(vec![renamed()]).await, [Imported::Updated]);
    assert_eq!(shop.counts("CUP").await, (5, 0));
}

#[tokio::test]
async fn an_updated_product_is_read_anew() {
    let shop = Shop::open().await;
    shop.mug("mug", 2).await;
    assert_eq!(shop.get("mug").await.title, "Mug");
    shop.import(vec![NewProduct { title: "Beaker".into(), ..mug("mug", 2) }]).await;
    assert_eq!(shop.get("mug").await.title, "Beaker");
}

#[tokio::test]
async fn categories_are_brought_in_and_moved() {
    let shop = Shop::open().await;
    let import = async |categories: Vec<_>| {
        let request = ImportCategories { categories, dry_run: false };
        shop.products.import_categories(&shop.system(), request).await.expect("answers")
    };
    let tree =
        || vec![category("home", None), category("kitchen", Some("home")), category("mugs", Some("kitchen"))];
    assert_eq!(import(tree()).await, vec![Imported::Created; 3]);
    assert_eq!(import(tree()).await, vec![Imported::Unchanged; 3]);
    shop.import(vec![NewProduct { category: Some("mugs".into()), ..mug("mug", 1) }]).await;
    // Turned upside down: each goes below what was below it.
    let turned =
        vec![category("mugs", None), category("kitchen", Some("mugs")), category("home", Some("kitchen"))];
    assert_eq!(import(turned).await, vec![Imported::Updated; 3]);
    let slugs = |product: &Product| -> Vec<String> {
        product.category_path.iter().map(|crumb| crumb.slug.clone()).collect()
    };
    assert_eq!(slugs(&*shop.get("mug").await), ["mugs"]);
    for (slug, count) in [("mugs", 1), ("kitchen", 0), ("home", 0)] {
        let asked = shoal_contract::products::ListProducts {
            category: Some(slug.to_owned()),
            ..shoal_contract::products::ListProducts::default()
        };
        let page = shop.products.list_products(&shop.anonymous(), asked).await.expect("answers");
        assert_eq!(page.items.len(), count, "{slug}");
    }
    let outcomes = import(vec![category("mugs", Some("home")), category("cups", Some("attic"))]).await;
    assert_eq!(refusal(&outcomes[0]), ("category_cycle", Some("parent")));
    assert_eq!(refusal(&outcomes[1]), ("unknown_category", Some("parent")));
}

#[tokio::test]
async fn only_the_system_imports() {
    let shop = Shop::open().await;
    let request = || ImportProducts { products: vec![mug("mug", 1)], dry_run: false };
    let categories = || ImportCategories { categories: Vec::new(), dry_run: false };
    for (cx, fault) in [(shop.anonymous(), Fault::Unauthenticated {}), (shop.staff(), Fault::Forbidden {})] {
        let error = Error::Fault(fault);
        assert_eq!(shop.products.import_products(&cx, request()).await.err(), Some(error.clone()));
        assert_eq!(shop.products.import_categories(&cx, categories()).await.err(), Some(error));
    }
    let many = ImportProducts { products: vec![mug("mug", 1); 1_001], dry_run: false };
    assert!(shop.products.import_products(&shop.system(), many).await.is_err());
}
