use serde_json::json;
use shoal_testkit::{Client, Item, Request, Setup, Shop};

/// The statements of all houses for one request, when nothing else happens.
async fn statements(shop: &Shop, request: Request) -> u64 {
    let sum = || shop.houses().counters().iter().map(|counters| counters.statements).sum::<u64>();
    shop.quiet().await;
    let before = sum();
    let answer = request.await;
    assert!(answer.status < 300, "{answer}");
    sum() - before
}

async fn still() -> Shop {
    let hour = std::time::Duration::from_secs(3600);
    Shop::with(Setup { relays: false, sweep_every: hour, session_trusted: hour, ..Setup::default() }).await
}

async fn stocked(shop: &Shop, count: usize) -> Vec<Item> {
    let mut goods = Vec::new();
    for number in 0..count {
        goods.push(shop.product(&format!("cup {number}")).stock(1_000_000).create().await);
    }
    goods
}

fn one_more(who: &Client, cart: &str, item: &Item) -> Request {
    who.post(format!("/v1/carts/{cart}/lines"), &json!({"sku": item.sku, "quantity": 1}))
}

#[tokio::test]
async fn adding_to_a_cart_costs_the_same_with_one_line_or_a_hundred_and_more_tax_and_shipping() {
    let shop = still().await;
    let goods = stocked(&shop, 101).await;
    let lines: Vec<_> = goods.iter().map(|item| (item, 1)).collect();
    let (small, large) = (shop.cart(&lines[..1]).await, shop.cart(&lines[..100]).await);
    // What a product is, is read once; from then on it is remembered.
    shop.cart(&lines[100..]).await;
    let with_one = statements(&shop, one_more(&shop, &small, &goods[100])).await;
    assert_eq!(statements(&shop, one_more(&shop, &large, &goods[100])).await, with_one);

    let letters = || (b'A'..=b'Z').flat_map(|a| (b'A'..=b'Z').map(move |b| [a, b]));
    let country = |pair: [u8; 2]| String::from_utf8_lossy(&pair).into_owned();
    let rates: Vec<_> = letters()
        .map(|pair| json!({"country": country(pair), "category": "standard", "rate_bp": 1900, "included": true}))
        .collect();
    shop.staff().put("/v1/settings/tax-rates", &json!({"tax_rates": rates})).await.expect(200);
    assert_eq!(statements(&shop, one_more(&shop, &large, &goods[100])).await, with_one);
    println!("{with_one} statements to add a line");
}

#[tokio::test]
async fn a_line_of_9999_pieces_costs_no_more_than_one_of_1() {
    let shop = still().await;
    let goods = stocked(&shop, 1).await;
    shop.checkout(&goods[0], 1).await.expect(201);
    let with_one = statements(&shop, shop.buy(&[(&goods[0], 1)]).request()).await;
    assert_eq!(statements(&shop, shop.buy(&[(&goods[0], 9_999)]).request()).await, with_one);
    let books = shop.audit().await;
    assert_eq!(books.shelf("CUP-0"), (1_000_000 - 10_001, 0));
}

/// The statements of a page whose products are remembered.
async fn of_a_page(shop: &Shop, list: &str) -> u64 {
    shop.staff().get(list).await.expect(200);
    statements(shop, shop.staff().get(list)).await
}

#[tokio::test]
async fn a_page_costs_the_same_of_a_short_list_and_of_a_long_one_and_counts_nothing() {
    let shop = still().await;
    let goods = stocked(&shop, 3).await;
    shop.checkout(&goods[0], 1).await.expect(201);
    let lists = [
        "/v1/products?limit=2",
        "/v1/products?limit=2&sort=price_low",
        "/v1/orders?limit=2",
        "/v1/users?limit=1",
    ];
    let mut short = Vec::new();
    for list in lists {
        short.push(of_a_page(&shop, list).await);
    }
    for number in 0..60 {
        shop.product(&format!("pot {number}")).create().await;
        shop.checkout(&goods[0], 1).await.expect(201);
    }
    for (list, short) in lists.iter().zip(short) {
        assert_eq!(of_a_page(&shop, list).await, short, "{list}");
        let page = shop.staff().get(*list).await.json();
        assert!(page.get("total").is_none() && page.get("count").is_none(), "{list} counts");
    }
}
