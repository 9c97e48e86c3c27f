//! Many shoppers at once for less than they want: what is sold is what there was.

use futures::future::join_all;
use shoal_testkit::{Answer, Client, Item, Market};

const SHOPPERS: usize = 200;

/// How many got an order; all others were told that stock is too low.
fn sold(answers: &[Answer]) -> usize {
    let (bought, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    for answer in refused {
        assert_eq!(answer.problem(), (409, "stock_too_low".to_owned()), "{answer}");
    }
    bought.len()
}

#[tokio::test]
async fn two_hundred_shoppers_for_fifty_pieces_buy_fifty() {
    let shop = Market::start().await;
    let mug = shop.product("mug").stock(50).create().await;
    let rush = join_all((0..SHOPPERS).map(|_| shop.checkout(&mug, 1))).await;
    assert_eq!(sold(&rush), 50);
    assert_eq!(shop.stock(&mug).await, 0);
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.shelf("MUG")), (50, (0, 0)));
    assert_eq!((books.money(), books.payments("captured")), (50 * (1999 + 490), 50));
    assert_eq!(
        books.payments("authorised") + books.payments("voided"),
        0,
        "somebody without stock was charged"
    );
}

#[tokio::test]
async fn two_hundred_carts_with_the_same_fifty_pieces_make_fifty_orders() {
    let shop = Market::start().await;
    let mug = shop.product("mug").stock(50).create().await;
    let lines = [(&mug, 1)];
    let carts = join_all((0..SHOPPERS).map(|_| shop.cart(&lines))).await;
    let rush = join_all(carts.iter().map(|cart| shop.pay(cart).into_future())).await;
    assert_eq!(sold(&rush), 50);
    assert_eq!(shop.audit().await.shelf("MUG"), (0, 0));
}

/// What shopper `number` wants: two or three of the goods, in ever other order, one of them twice.
fn bundle(goods: &[Item; 3], number: usize) -> Vec<(&Item, i64)> {
    let [a, b, c] = [0, 1, 2].map(|place| &goods[(place + number) % 3]);
    match number % 4 {
        0 => vec![(a, 1), (b, 1)],
        1 => vec![(b, 2), (a, 1)],
        2 => vec![(c, 1), (b, 1), (a, 1)],
        _ => vec![(a, 1), (c, 1), (a, 1)],
    }
}

async fn bought(shopper: &Client, lines: Vec<(&Item, i64)>) -> (Answer, Vec<(String, i64)>) {
    let wanted = lines.iter().map(|(item, quantity)| (item.sku.clone(), *quantity)).collect();
    (shopper.buy(&lines).await, wanted)
}

#[tokio::test]
async fn two_hundred_shoppers_for_overlapping_bundles_buy_no_piece_twice() {
    let shop = Market::start().await;
    let goods = [
        shop.product("cup").stock(50).create().await,
        shop.product("pot").stock(40).create().await,
        shop.product("jug").stock(30).create().await,
    ];
    let rush = join_all((0..SHOPPERS).map(|number| bought(&shop, bundle(&goods, number)))).await;
    let (answers, wanted): (Vec<_>, Vec<_>) = rush.into_iter().unzip();
    let orders = sold(&answers);
    let books = shop.audit().await;
    assert_eq!(books.orders(), i64::try_from(orders).expect("few"));
    for (item, stock) in goods.iter().zip([50, 40, 30]) {
        let pieces: i64 = answers
            .iter()
            .zip(&wanted)
            .filter(|(answer, _)| answer.status == 201)
            .flat_map(|(_, lines)| lines)
            .filter(|(sku, _)| *sku == item.sku)
            .map(|(_, quantity)| quantity)
            .sum();
        assert_eq!(books.shelf(&item.sku), (stock - pieces, 0), "{}", item.sku);
    }
    // Every bundle needs two of the three, and 200 want more than there is: at most one has something left.
    let left: Vec<_> = goods.iter().filter(|item| books.shelf(&item.sku).0 > 1).collect();
    assert!(left.len() <= 1, "bundles were refused that could be had: {left:?}");
}

#[tokio::test]
async fn nothing_is_sold_of_what_there_is_none() {
    let shop = Market::start().await;
    let mug = shop.product("mug").stock(0).create().await;
    let rush = join_all((0..20).map(|_| shop.checkout(&mug, 1))).await;
    assert_eq!(sold(&rush), 0);
    let books = shop.audit().await;
    assert_eq!((books.orders_ever(), books.money()), (0, 0));
}

#[tokio::test]
async fn pieces_that_come_back_in_the_rush_are_sold_again() {
    let shop = Market::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    // Every other card is declined after the stock is held.
    let card = |number: usize| if number.is_multiple_of(2) { "tok_success" } else { "tok_declined" };
    let lines = [(&mug, 1)];
    let rush = join_all((0..40).map(|number| shop.buy(&lines).card(card(number)).into_future())).await;
    assert!(rush.iter().all(|answer| [201, 402, 409].contains(&answer.status)), "{rush:?}");
    let mut bought = rush.iter().filter(|answer| answer.status == 201).count();
    // Who comes after the rush gets what the declined cards have left.
    while shop.checkout(&mug, 1).await.status == 201 {
        bought += 1;
    }
    assert_eq!(bought, 10);
    assert_eq!(shop.audit().await.shelf("MUG"), (0, 0));
}
