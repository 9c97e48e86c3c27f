//! Products: who sees them, who writes them, and what is remembered of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shoal_contract::products::{
    Error, Image, LookUp, NewProduct, Product, ProductOption, ProductRef, ProductStatus, Products as _,
    ReplaceProduct,
};
use shoal_types::{Context, Fault};

use crate::shop::{Shop, eur, mug, variant};

fn by_slug(slug: &str) -> ProductRef {
    ProductRef::Slug(slug.to_owned())
}

fn asked(skus: &[&str]) -> LookUp {
    LookUp { skus: skus.iter().map(|sku| (*sku).to_owned()).collect() }
}

impl Shop {
    async fn replace(&self, cx: &Context, old: &Product, product: NewProduct) -> Result<Arc<Product>, Error> {
        let expected_version = Some(old.version);
        self.products.replace_product(cx, ReplaceProduct { id: old.id, expected_version, product }).await
    }

    async fn shirt(&self) -> Arc<Product> {
        self.create(shirt()).await
    }
}

fn shirt() -> NewProduct {
    let values = ["Sand", "Sea"].map(str::to_owned).to_vec();
    let mut sea = variant("SHIRT-SEA", &[("Colour", "Sea")], 3);
    sea.image = Some("/media/sea.svg".to_owned());
    let image = |url: &str| Image { url: url.to_owned(), alt: String::new() };
    NewProduct {
        title: "Linen shirt".to_owned(),
        slug: None,
        brand: Some("Loom".to_owned()),
        options: vec![ProductOption { name: "Colour".to_owned(), values }],
        variants: vec![variant("SHIRT-SAND", &[("Colour", "Sand")], 2), sea],
        images: vec![image("/media/shirt.svg"), image("/media/sea.svg")],
        ..mug("shirt", 0)
    }
}

#[tokio::test]
async fn a_product_is_found_by_id_and_by_slug() {
    let shop = Shop::open().await;
    let shirt = shop.shirt().await;
    assert_eq!((shirt.slug.as_str(), shirt.version), ("linen-shirt", 1));
    for which in [ProductRef::Id(shirt.id), by_slug("linen-shirt")] {
        let found = shop.products.get_product(&shop.anonymous(), which).await;
        assert_eq!(found.as_ref(), Ok(&shirt));
    }
    let unknown = shop.products.get_product(&shop.anonymous(), by_slug("no-shirt")).await;
    assert_eq!(unknown, Err(Error::UnknownProduct {}));
    assert_eq!((shop.counts("SHIRT-SAND").await, shop.counts("SHIRT-SEA").await), ((2, 0), (3, 0)));
}

#[tokio::test]
async fn what_is_stored_survives_a_restart() {
    let shop = Shop::open().await;
    let shirt = shop.shirt().await;
    let shop = shop.reopen().await;
    let found = shop.products.get_product(&shop.anonymous(), ProductRef::Id(shirt.id)).await;
    assert_eq!(found, Ok(shirt));
}

#[tokio::test]
async fn a_steady_shop_asks_the_database_nothing() {
    let shop = Shop::open().await;
    let shirt = shop.shirt().await;
    let cx = shop.anonymous();
    let skus = || asked(&["SHIRT-SEA", "SHIRT-SAND"]);
    let visit = async || {
        shop.products.get_product(&cx, ProductRef::Id(shirt.id)).await.expect("found");
        shop.products.get_product(&cx, by_slug("linen-shirt")).await.expect("found");
        shop.products.look_up(&cx, skus()).await.expect("found")
    };
    let first = visit().await;
    let before = shop.statements();
    let second = visit().await;
    // Each of the three asks whether another node has changed anything, where there may be one.
    let asked = if shop.is_shared() { 3 } else { 0 };
    assert_eq!(shop.statements() - before, asked);
    assert_eq!(first, second);
    let offer = second[0].as_ref().expect("for sale");
    assert_eq!((offer.choice.as_str(), offer.image.as_deref()), ("Colour: Sea", Some("/media/sea.svg")));
    assert_eq!((offer.title.as_str(), offer.price(eur(0).currency)), ("Linen shirt", Some(eur(1_999))));
}

#[tokio::test]
async fn drafts_and_archived_products_are_for_staff() {
    let shop = Shop::open().await;
    let draft = shop.create(NewProduct { status: ProductStatus::Draft, ..mug("draft", 1) }).await;
    let gone = shop.mug("gone", 1).await;
    shop.products.archive_product(&shop.staff(), ProductRef::Id(gone.id)).await.expect("archived");
    shop.products.archive_product(&shop.staff(), by_slug("gone")).await.expect("archived twice");
    for (id, slug, sku) in [(draft.id, "draft", "DRAFT"), (gone.id, "gone", "GONE")] {
        for cx in [shop.anonymous(), shop.customer()] {
            for which in [ProductRef::Id(id), by_slug(slug)] {
                let hidden = shop.products.get_product(&cx, which).await;
                assert_eq!(hidden, Err(Error::UnknownProduct {}), "{slug}");
            }
            assert_eq!(shop.products.get_stock(&cx, asked(&[sku])).await, Ok(vec![None]));
        }
        assert!(shop.products.get_product(&shop.staff(), by_slug(slug)).await.is_ok());
        assert_eq!(shop.products.look_up(&shop.staff(), asked(&[sku])).await, Ok(vec![None]), "{slug}");
    }
    let gone = shop.products.get_product(&shop.staff(), ProductRef::Id(gone.id)).await.expect("staff see it");
    assert_eq!((gone.status, gone.version), (ProductStatus::Archived, 2));
}

#[tokio::test]
async fn only_staff_write() {
    let shop = Shop::open().await;
    let old = shop.mug("mug", 1).await;
    for (cx, fault) in [(shop.anonymous(), Fault::Unauthenticated {}), (shop.customer(), Fault::Forbidden {})]
    {
        let error = Error::Fault(fault);
        let created = shop.products.create_product(&cx, mug("cup", 1)).await;
        assert_eq!(created, Err(error.clone()));
        assert_eq!(shop.replace(&cx, &old, mug("mug", 1)).await, Err(error.clone()));
        let archived = shop.products.archive_product(&cx, ProductRef::Id(old.id)).await;
        assert_eq!(archived, Err(error));
    }
}

#[tokio::test]
async fn a_write_is_seen_at_once() {
    let shop = Shop::open().await;
    let old = shop.shirt().await;
    let cx = shop.anonymous();
    shop.products.get_product(&cx, by_slug("linen-shirt")).await.expect("cached");
    shop.products.look_up(&cx, asked(&["SHIRT-SEA"])).await.expect("cached");
    let mut new = shirt();
    new.slug = Some("summer-shirt".to_owned());
    new.title = "Summer shirt".to_owned();
    new.variants[1] = variant("SHIRT-AQUA", &[("Colour", "Sea")], 9);
    let product = shop.replace(&shop.staff(), &old, new).await.expect("replaced");
    assert_eq!((product.version, product.variants[0].id), (2, old.variants[0].id));
    assert_ne!(product.variants[1].id, old.variants[1].id);
    let found = shop.products.get_product(&cx, by_slug("summer-shirt")).await;
    assert_eq!(found.as_ref(), Ok(&product));
    assert!(shop.products.get_product(&cx, by_slug("linen-shirt")).await.is_err());
    let offers = shop.products.look_up(&cx, asked(&["SHIRT-SAND", "SHIRT-SEA", "SHIRT-AQUA"])).await;
    let offers = offers.expect("answers");
    let titles: Vec<Option<&str>> =
        offers.iter().map(|offer| offer.as_ref().map(|offer| offer.title.as_str())).collect();
    assert_eq!(titles, [Some("Summer shirt"), None, Some("Summer shirt")]);
    // The stock given with a variant that exists is ignored.
    assert_eq!((shop.counts("SHIRT-SAND").await, shop.counts("SHIRT-AQUA").await), ((2, 0), (9, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_see_an_old_product_after_a_write() {
    let shop = Arc::new(Shop::open().await);
    let mut product = shop.mug("mug", 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (shop, done, id) = (Arc::clone(&shop), Arc::clone(&done), product.id);
            tokio::spawn(async move {
                let mut seen = 0;
                while !done.load(Ordering::Relaxed) {
                    let found = shop.products.get_product(&shop.anonymous(), ProductRef::Id(id)).await;
                    let version = found.expect("found").version;
                    assert!(version >= seen, "{version} after {seen}");
                    seen = version;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..200 {
        product = shop.replace(&shop.staff(), &product, mug("mug", 1)).await.expect("replaced");
        let found = shop.products.get_product(&shop.anonymous(), ProductRef::Id(product.id)).await;
        assert_eq!(found.expect("found").version, product.version);
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("no panic");
    }
}

#[tokio::test]
async fn an_edit_of_an_old_version_is_refused() {
    let shop = Shop::open().await;
    let old = shop.mug("mug", 1).await;
    let staff = shop.staff();
    shop.replace(&staff, &old, mug("mug", 1)).await.expect("replaced");
    assert_eq!(shop.replace(&staff, &old, mug("mug", 1)).await, Err(Error::ProductChanged { version: 2 }));
    let request = ReplaceProduct { id: old.id, expected_version: None, product: mug("mug", 1) };
    assert!(shop.products.replace_product(&staff, request).await.is_ok_and(|product| product.version == 3));
    let unknown = Product { id: shoal_types::Id::from_digest([5; 16]), ..(*old).clone() };
    assert_eq!(shop.replace(&staff, &unknown, mug("cup", 1)).await, Err(Error::UnknownProduct {}));
}

#[tokio::test]
async fn names_are_given_once() {
    let shop = Shop::open().await;
    shop.mug("mug", 1).await;
    let staff = shop.staff();
    let taken = shop.products.create_product(&staff, mug("mug", 1)).await;
    assert_eq!(taken, Err(Error::SlugTaken { slug: "mug".into() }));
    let twin = NewProduct { slug: Some("other".into()), ..mug("mug", 1) };
    let taken = shop.products.create_product(&staff, twin).await;
    assert_eq!(taken, Err(Error::SkuTaken { sku: "MUG".into() }));
    let cup = shop.mug("cup", 1).await;
    assert_eq!(shop.replace(&staff, &cup, mug("mug", 1)).await, Err(Error::SlugTaken { slug: "mug".into() }));
    let thief = NewProduct { slug: None, ..mug("mug", 1) };
    assert_eq!(shop.replace(&staff, &cup, thief).await, Err(Error::SkuTaken { sku: "MUG".into() }));
    // Without a slug, one is found.
    let nameless = NewProduct { slug: None, variants: vec![variant("MUG-2", &[], 0)], ..mug("mug", 1) };
    let named = shop.create(nameless).await;
    assert_eq!(named.slug, "mug-mug-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_racing_for_a_slug_make_one_product() {
    let shop = Arc::new(Shop::open().await);
    let racers = (0..8).map(|number| {
        let shop = Arc::clone(&shop);
        let new = NewProduct { variants: vec![variant(&format!("MUG-{number}"), &[], 1)], ..mug("mug", 1) };
        tokio::spawn(async move { shop.products.create_product(&shop.staff(), new).await })
    });
    let results = futures::future::join_all(racers).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        results.into_iter().map(|result| result.expect("no panic")).partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.iter().all(|lost| *lost == Err(Error::SlugTaken { slug: "mug".into() })));
}

#[tokio::test]
async fn a_repeated_creation_answers_the_first() {
    let shop = Shop::open().await;
    let cx = shop.keyed("key-1", 1);
    let first = shop.products.create_product(&cx, mug("mug", 1)).await.expect("created");
    assert_eq!(shop.products.create_product(&cx, mug("mug", 1)).await.as_ref(), Ok(&first));
    let reused = shop.products.create_product(&shop.keyed("key-1", 2), mug("cup", 1)).await;
    assert_eq!(reused, Err(Error::Fault(Fault::IdempotencyKeyReused {})));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_whole() {
    let shop = Shop::open().await;
    let mut new = shirt();
    new.variants[0].options.clear();
    let Err(Error::Fault(Fault::Invalid { violations })) =
        shop.products.create_product(&shop.staff(), new).await
    else {
        panic!("expected violations");
    };
    assert_eq!(violations[0].field, "variants[0].options.Colour");
    let homeless = NewProduct { category: Some("attic".into()), ..mug("mug", 1) };
    let result = shop.products.create_product(&shop.staff(), homeless).await;
    assert_eq!(result, Err(Error::UnknownCategory { slug: "attic".into() }));
    assert_eq!(shop.products.look_up(&shop.staff(), asked(&["MUG"])).await, Ok(vec![None]));
    let many: Vec<String> = (0..1_001).map(|number| number.to_string()).collect();
    assert!(shop.products.look_up(&shop.staff(), LookUp { skus: many }).await.is_err());
}
