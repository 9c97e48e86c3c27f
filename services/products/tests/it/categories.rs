//! The category tree, and the products in it.

use std::sync::Arc;

use shoal_contract::products::{
    Category, CategoryRef, Error, ListCategories, ListProducts, NewCategory, NewProduct, ProductRef,
    Products as _, ReplaceCategory,
};
use shoal_types::Fault;

use crate::shop::{Shop, category, mug};

impl Shop {
    async fn move_to(&self, which: &Category, parent: Option<&str>) -> Result<Category, Error> {
        let category = category(&which.slug, parent);
        self.products.replace_category(&self.staff(), ReplaceCategory { id: which.id, category }).await
    }

    async fn listed(&self) -> Vec<String> {
        let listed = self.products.list_categories(&self.anonymous(), ListCategories {}).await;
        listed.expect("answers").into_iter().map(|category| category.slug).collect()
    }

    /// The slugs of the products in a category or below it.
    async fn within(&self, category: &str) -> Vec<String> {
        let asked = ListProducts { category: Some(category.to_owned()), ..ListProducts::default() };
        let page = self.products.list_products(&self.anonymous(), asked).await.expect("answers");
        page.items.iter().map(|product| product.slug.clone()).collect()
    }

    async fn path_of(&self, slug: &str) -> Vec<String> {
        let found = self.products.get_product(&self.anonymous(), ProductRef::Slug(slug.to_owned())).await;
        found.expect("found").category_path.iter().map(|crumb| crumb.slug.clone()).collect()
    }
}

#[tokio::test]
async fn the_tree_is_listed_parents_first_siblings_by_position() {
    let shop = Shop::open().await;
    shop.category("home", None).await;
    shop.category("garden", None).await;
    shop.category("kitchen", Some("home")).await;
    let first = NewCategory { position: -1, ..category("bath", Some("home")) };
    shop.products.create_category(&shop.staff(), first).await.expect("created");
    assert_eq!(shop.listed().await, ["garden", "home", "bath", "kitchen"]);
    let taken = shop.products.create_category(&shop.staff(), category("bath", None)).await;
    assert_eq!(taken, Err(Error::SlugTaken { slug: "bath".into() }));
    let orphan = shop.products.create_category(&shop.staff(), category("mugs", Some("attic"))).await;
    assert_eq!(orphan, Err(Error::UnknownCategory { slug: "attic".into() }));
    assert_eq!(shop.reopen().await.listed().await, ["garden", "home", "bath", "kitchen"]);
}

#[tokio::test]
async fn a_category_is_never_below_itself() {
    let shop = Shop::open().await;
    let home = shop.category("home", None).await;
    let kitchen = shop.category("kitchen", Some("home")).await;
    shop.category("mugs", Some("kitchen")).await;
    for (which, parent) in [(&home, "home"), (&home, "kitchen"), (&home, "mugs"), (&kitchen, "mugs")] {
        assert_eq!(shop.move_to(which, Some(parent)).await, Err(Error::CategoryCycle {}));
    }
    assert_eq!(shop.listed().await, ["home", "kitchen", "mugs"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moves_at_once_do_not_make_a_cycle() {
    let shop = Arc::new(Shop::open().await);
    let first = shop.category("first", None).await;
    let second = shop.category("second", None).await;
    for _ in 0..20 {
        let (a, b) = tokio::join!(shop.move_to(&first, Some("second")), shop.move_to(&second, Some("first")));
        assert!(a.is_ok() != b.is_ok());
        assert_eq!(shop.listed().await.len(), 2);
        let (a, b) = tokio::join!(shop.move_to(&first, None), shop.move_to(&second, None));
        assert!(a.is_ok() && b.is_ok());
    }
}

#[tokio::test]
async fn products_go_where_their_category_goes() {
    let shop = Shop::open().await;
    for (slug, parent) in [("home", None), ("garden", None), ("kitchen", Some("home"))] {
        shop.category(slug, parent).await;
    }
    let mugs = shop.category("mugs", Some("kitchen")).await;
    shop.create(NewProduct { category: Some("mugs".into()), ..mug("tall-mug", 1) }).await;
    shop.create(NewProduct { category: Some("kitchen".into()), ..mug("pan", 1) }).await;
    assert_eq!(shop.within("home").await, ["pan", "tall-mug"]);
    assert_eq!(shop.path_of("tall-mug").await, ["home", "kitchen", "mugs"]);
    shop.move_to(&mugs, Some("garden")).await.expect("moved");
    assert_eq!(shop.path_of("tall-mug").await, ["garden", "mugs"]);
    for (category, slugs) in [
        ("home", vec!["pan"]),
        ("kitchen", vec!["pan"]),
        ("garden", vec!["tall-mug"]),
        ("mugs", vec!["tall-mug"]),
    ] {
        assert_eq!(shop.within(category).await, slugs, "{category}");
    }
    shop.move_to(&mugs, None).await.expect("moved");
    assert_eq!(
        (shop.within("garden").await, shop.within("mugs").await),
        (vec![], vec!["tall-mug".to_owned()])
    );
    let title = NewCategory { title: "Beakers".into(), ..category("mugs", None) };
    let request = ReplaceCategory { id: mugs.id, category: title };
    shop.products.replace_category(&shop.staff(), request).await.expect("renamed");
    let found = shop.products.get_product(&shop.anonymous(), ProductRef::Slug("tall-mug".into())).await;
    assert_eq!(found.expect("found").category_path[0].title, "Beakers");
}

#[tokio::test]
async fn a_category_in_use_stays() {
    let shop = Shop::open().await;
    let home = shop.category("home", None).await;
    let mugs = shop.category("mugs", Some("home")).await;
    let product = shop.create(NewProduct { category: Some("mugs".into()), ..mug("mug", 1) }).await;
    let staff = shop.staff();
    for category in [&home, &mugs] {
        let result = shop.products.remove_category(&staff, CategoryRef { id: category.id }).await;
        assert_eq!(result, Err(Error::CategoryInUse {}));
    }
    // Archived products are still in it.
    shop.products.archive_product(&staff, ProductRef::Id(product.id)).await.expect("archived");
    let result = shop.products.remove_category(&staff, CategoryRef { id: mugs.id }).await;
    assert_eq!(result, Err(Error::CategoryInUse {}));
    let request = shoal_contract::products::ReplaceProduct {
        id: product.id,
        expected_version: None,
        product: mug("mug", 1),
    };
    shop.products.replace_product(&staff, request).await.expect("moved out");
    for category in [&mugs, &home] {
        shop.products.remove_category(&staff, CategoryRef { id: category.id }).await.expect("removed");
    }
    assert_eq!(shop.listed().await, [""; 0]);
    shop.category("mugs", None).await;
    let gone = shop.products.remove_category(&staff, CategoryRef { id: mugs.id }).await;
    assert_eq!(gone, Err(Error::UnknownCategory { slug: mugs.id.to_string() }));
}

#[tokio::test]
async fn only_staff_change_the_tree() {
    let shop = Shop::open().await;
    let home = shop.category("home", None).await;
    for (cx, fault) in [(shop.anonymous(), Fault::Unauthenticated {}), (shop.customer(), Fault::Forbidden {})]
    {
        let error = Error::Fault(fault);
        let new = category("mugs", None);
        assert_eq!(shop.products.create_category(&cx, new.clone()).await.err(), Some(error.clone()));
        let request = ReplaceCategory { id: home.id, category: new };
        assert_eq!(shop.products.replace_category(&cx, request).await.err(), Some(error.clone()));
        let removed = shop.products.remove_category(&cx, CategoryRef { id: home.id }).await;
        assert_eq!(removed, Err(error));
    }
    let cx = shop.keyed("key-1", 1);
    let first = shop.products.create_category(&cx, category("mugs", None)).await;
    assert_eq!(shop.products.create_category(&cx, category("mugs", None)).await, first);
}
