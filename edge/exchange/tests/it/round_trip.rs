//! What is exported comes in again just so, in both formats.

use std::collections::BTreeMap;

use shoal_contract::Address;
use shoal_contract::orders::{Discount, OrderStatus, PastLine, PastOrder};
use shoal_contract::products::{Image, NewCategory, NewProduct, NewVariant, ProductOption, ProductStatus};
use shoal_contract::users::NewUser;
use shoal_exchange::{Cancel, Error, Export, Format, Kind, Silent};
use shoal_types::{Currency, Money, Role, Timestamp};

use crate::shop::{Shop, context, shared};

fn text_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn address() -> Address {
    Address {
        name: "Ada; Byron".into(),
        line1: "1, \"Main\" Street".into(),
        line2: None,
        city: "Köln".into(),
        postal_code: Some("01234".into()),
        region: None,
        country: "DE".into(),
        phone: Some("+49 1".into()),
    }
}

fn variant(sku: &str, size: &str, prices: &[(i64, Currency)]) -> NewVariant {
    NewVariant {
        sku: sku.into(),
        options: text_map(&[("Size", size)]),
        prices: prices.iter().map(|(amount, currency)| Money::new(*amount, *currency)).collect(),
        weight_g: Some(340),
        image: Some("/media/a.svg".into()),
        shippable: false,
        stock: 12,
    }
}

fn products() -> Vec<NewProduct> {
    let option = ProductOption { name: "Size".into(), values: vec!["L".into(), "S".into(), "XS".into()] };
    let yen: Currency = "JPY".parse().expect("valid");
    let mug = NewProduct {
        slug: Some("mug".into()),
        title: "Mug, \"big\"; blue".into(),
        description: " First line\n\tsecond; = line ".into(),
        brand: Some("Ölberg".into()),
        category: Some("home-mugs".into()),
        status: ProductStatus::Archived,
        tax_category: "reduced".into(),
        options: vec![option],
        variants: vec![
            variant("M-S", "S", &[(1999, Currency::EUR), (2500, yen)]),
            variant("m-s", "L", &[(0, Currency::EUR)]),
        ],
        images: vec![Image { url: "/media/a.svg".into(), alt: "a mug\nwith a handle".into() }],
        attributes: text_map(&[("a;b", "1,\n2"), ("wool", "\"yes\"")]),
    };
    let plain = NewProduct {
        slug: Some("plain".into()),
        title: "Plain".into(),
        description: String::new(),
        brand: None,
        category: None,
        status: ProductStatus::Active,
        tax_category: "standard".into(),
        options: Vec::new(),
        variants: vec![NewVariant {
            options: BTreeMap::new(),
            weight_g: None,
            image: None,
            shippable: true,
            ..variant("P", "", &[(1, Currency::USD)])
        }],
        images: Vec::new(),
        attributes: BTreeMap::new(),
    };
    vec![mug, plain]
}

fn users() -> Vec<NewUser> {
    let ada = NewUser {
        email: "ada@example.com".into(),
        name: "Ada \"Countess\" Byron".into(),
        role: Role::Staff,
        phone: Some("+44 1".into()),
        password: None,
        accepts_marketing: true,
        tags: vec!["a;b".into(), "c".into()],
        addresses: vec![address(), Address { line1: "2".into(), ..address() }],
    };
    let bare = NewUser {
        email: "b@example.com".into(),
        role: Role::Customer,
        phone: None,
        accepts_marketing: false,
        tags: Vec::new(),
        addresses: Vec::new(),
        ..ada.clone()
    };
    vec![ada, bare]
}

fn orders() -> Vec<PastOrder> {
    let line = |sku: &str, quantity, amount| PastLine {
        sku: sku.into(),
        title: "Heart, white".into(),
        quantity,
        unit_price: Some(Money::new(255, Currency::GBP)),
        subtotal: Money::new(amount, Currency::GBP),
        discounts: Vec::new(),
    };
    let coupon = Discount { kind: "coupon".into(), amount: Money::new(100, Currency::GBP) };
    let first = PastOrder {
        source: "old-shop".into(),
        number: "00536365".into(),
        status: OrderStatus::Fulfilled,
        email: Some("ada@example.com".into()),
        placed_at: Timestamp::parse("2010-12-01T08:26:00.000123Z").expect("valid"),
        lines: vec![
            line("85123A", 6, 1530),
            PastLine { unit_price: None, discounts: vec![coupon], ..line("85123a", 0, -3) },
        ],
        shipping: Some(Money::new(490, Currency::GBP)),
        shipping_address: Some(address()),
        note: Some("two\nlines; and more".into()),
        tracking: Some("T 1".into()),
    };
    let second = PastOrder {
        number: "C1".into(),
        status: OrderStatus::Returned,
        email: None,
        lines: vec![line("M", -1, -1)],
        shipping: None,
        shipping_address: None,
        note: None,
        tracking: None,
        ..first.clone()
    };
    vec![first, second]
}

fn categories() -> Vec<NewCategory> {
    let home = NewCategory { slug: "home".into(), title: "Home; sweet".into(), parent: None, position: -2 };
    let mugs = NewCategory {
        slug: "home-mugs".into(),
        title: "Mugs".into(),
        parent: Some("home".into()),
        position: 1,
    };
    vec![home, mugs]
}

fn lines<T: serde::Serialize>(documents: &[T]) -> String {
    documents.iter().map(|document| serde_json::to_string(document).expect("serialises") + "\n").collect()
}

/// A shop with one document of each kind that has every field, and one that has as few as can be.
async fn full_shop() -> Shop {
    let shop = Shop::open();
    let files = [
        (Kind::Categories, lines(&categories())),
        (Kind::Products, lines(&products())),
        (Kind::Users, lines(&users())),
        (Kind::Orders, lines(&orders())),
    ];
    for (kind, text) in files {
        let input = shop.file(&format!("{}.jsonl", kind.as_str()), text);
        let summary = shop.run(&shop.import(kind, &input, None)).await;
        assert_eq!((summary.documents.created, shop.rejects()), (2, Vec::new()), "{}", kind.as_str());
    }
    shop
}

const KINDS: [Kind; 4] = [Kind::Categories, Kind::Products, Kind::Users, Kind::Orders];

#[tokio::test]
async fn what_is_exported_comes_in_again_unchanged_and_whole() {
    let shop = full_shop().await;
    for (format, ending) in [(Format::JsonLines, "jsonl"), (Format::Csv, "csv")] {
        let elsewhere = Shop::open();
        for kind in KINDS {
            let name = format!("out-{}.{ending}", kind.as_str());
            let (file, exported) = shop.export(kind, format, &name).await;
            assert_eq!(exported.documents, 2);
            let again = shop.run(&shop.import(kind, &file, None)).await;
            assert_eq!((again.documents.unchanged, shop.rejects()), (2, Vec::new()), "{name}");
            let fresh = elsewhere.run(&elsewhere.import(kind, &file, None)).await;
            assert_eq!(fresh.documents.created, 2, "{name}");
            let (copy, _) = elsewhere.export(kind, format, &name).await;
            let texts = [file, copy].map(|file| std::fs::read_to_string(file).expect("readable"));
            assert_eq!(texts[0], texts[1], "{name}");
        }
        elsewhere.held(|held| assert_eq!(held.products.all, products()));
        elsewhere.held(|held| assert_eq!(held.orders.all, orders()));
    }
}

#[tokio::test]
async fn a_real_catalogue_survives_the_way_out_and_in() {
    let Some(input) = shared("spree/products.csv") else { return };
    let shop = Shop::open();
    shop.run(&shop.import(Kind::Products, &input, Some("spree"))).await;
    let (file, exported) = shop.export(Kind::Products, Format::Csv, "spree.csv").await;
    assert_eq!((exported.documents, exported.rows), (37, 87));
    let again = shop.run(&shop.import(Kind::Products, &file, None)).await;
    assert_eq!((again.documents.unchanged, again.rows.read), (37, 87), "{again}");
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let shop = Shop::open();
    let rows: String = (0..250).map(|number| format!("{number}@example.com,N\n")).collect();
    let mapping = "kind = \"users\"\n[user]\nemail = \"mail\"\nname = \"name\"\n";
    shop.import_csv(Kind::Users, mapping, format!("mail,name\n{rows}")).await;
    let (file, exported) = shop.export(Kind::Users, Format::JsonLines, "users.jsonl").await;
    assert_eq!(exported.documents, 250);
    assert_eq!(std::fs::read_to_string(file).expect("readable").lines().count(), 250);
}

#[tokio::test]
async fn orders_placed_here_are_written_under_the_source_that_is_named() {
    let shop = Shop::open();
    let web = PastOrder { source: "web".into(), ..orders().remove(0) };
    let input = shop.file("orders.jsonl", lines(&[web]));
    shop.run(&shop.import(Kind::Orders, &input, None)).await;
    for (web_as, wanted) in [(None, "web"), (Some("north".to_owned()), "north")] {
        let export = Export { web_as, ..Export::new(Kind::Orders, Format::JsonLines) };
        let mut out = Vec::new();
        export.write_to(context, &shop.targets, &Silent, &mut out).await.expect("written");
        let written: PastOrder = serde_json::from_slice(&out).expect("a document");
        assert_eq!(written.source, wanted);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_an_error_and_a_cancelled_one_is_not_left() {
    let shop = full_shop().await;
    let export = Export::new(Kind::Users, Format::Csv);
    let nowhere = shop.folder.path().join("none/users.csv");
    let failed = export.run(context, &shop.targets, &Silent, &nowhere).await;
    assert!(matches!(failed, Err(Error::File { .. })), "{failed:?}");

    let file = shop.folder.path().join("users.csv");
    let stopped = Export { cancel: Cancel::default(), ..Export::new(Kind::Products, Format::Csv) };
    stopped.cancel.cancel();
    fill(&shop, 150).await;
    let exported = stopped.run(context, &shop.targets, &Silent, &file).await.expect("ends well");
    assert!(exported.cancelled && !file.exists());
    assert_eq!(std::fs::read_dir(shop.folder.path()).expect("a folder").filter(is_part).count(), 0);
}

fn is_part(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".part"))
}

/// Adds products, more than a page.
async fn fill(shop: &Shop, count: u32) {
    let rows: String = (0..count).map(|number| format!("N{number},1.00\n")).collect();
    let mapping = "kind = \"products\"\ncurrency = \"EUR\"\n[product]\ntitle = \"sku\"\n[variant]\nsku = \"sku\"\nprices = [\"price\"]\n";
    shop.import_csv(Kind::Products, mapping, format!("sku,price\n{rows}")).await;
}
