use shoal_contract::orders::{OrderStatus, PastOrder};
use shoal_exchange::Kind;

use crate::shop::{Shop, assert_accounted, shared};

const FILE: &str = "online_retail/online_retail_2010-12.csv";

/// Revenue as the file itself gives it: price in pence times pieces of every row.
fn revenue_of(path: &std::path::Path) -> i64 {
    let mut reader = csv::Reader::from_path(path).expect("readable");
    let rows = reader.records().map(|row| row.expect("a row"));
    let pence = |price: &str| {
        let (pounds, pence) = price.split_once('.').expect("a decimal");
        pounds.parse::<i64>().expect("pounds") * 100 + format!("{pence:0<2}").parse::<i64>().expect("pence")
    };
    rows.map(|row| pence(&row[5]) * row[3].parse::<i64>().expect("pieces")).sum()
}

#[tokio::test]
async fn every_row_of_the_month_is_accounted_for_and_the_revenue_agrees() {
    let Some(input) = shared(FILE) else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Orders, &input, Some("online_retail"))).await;
    assert_accounted(&summary);
    assert_eq!(
        (summary.rows.read, summary.rows.imported, summary.documents.created),
        (42_481, 42_481, 2_025)
    );
    let several = &summary.notes["several_values"];
    assert_eq!(several.count, 1, "one invoice has two times: {summary}");
    shop.held(|held| {
        let orders = &held.orders.all;
        let lines = || orders.iter().flat_map(|order| &order.lines);
        assert_eq!(lines().count(), 42_481);
        assert_eq!(lines().map(|line| line.subtotal.amount).sum::<i64>(), revenue_of(&input));
        let cancelled: Vec<_> = orders.iter().filter(|order| order.number.starts_with('C')).collect();
        assert_eq!(cancelled.len(), 326);
        assert!(cancelled.iter().all(|order| order.status == OrderStatus::Returned));
        assert!(cancelled.iter().flat_map(|order| &order.lines).all(|line| line.quantity < 0));
        assert_eq!(guests(orders), 15_631);
        for service in ["POST", "DOT", "M", "m", "BANK CHARGES", "gift_0001_40"] {
            assert!(lines().any(|line| line.sku == service), "{service}");
        }
        assert!(lines().any(|line| line.sku == "85123A") && lines().any(|line| line.sku == "85123a"));
        assert_eq!(lines().filter(|line| line.subtotal.amount == 0).count(), 273);
        let nameless = lines().filter(|line| line.title == line.sku);
        assert!(nameless.count() >= 125);
        let two_times = held.orders.get("online-retail 536591").expect("there");
        assert_eq!(two_times.placed_at.to_string(), "2010-12-01T16:57:00.000000Z");
    });
}

/// Lines of orders without a customer.
fn guests(orders: &[PastOrder]) -> usize {
    orders.iter().filter(|order| order.email.is_none()).map(|order| order.lines.len()).sum()
}

#[tokio::test]
async fn goods_come_with_their_latest_name_and_price() {
    let Some(input) = shared(FILE) else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Products, &input, Some("online_retail_products"))).await;
    assert_accounted(&summary);
    assert_eq!(summary.documents.refused, 0, "{summary}");
    shop.held(|held| {
        let heart =
            held.products.all.iter().find(|product| product.variants[0].sku == "85123A").expect("there");
        assert_eq!(heart.title, "WHITE HANGING HEART T-LIGHT HOLDER");
        assert!(held.products.all.iter().all(|product| product.variants.len() == 1));
        assert!(held.products.all.iter().all(|product| product.variants[0].sku != "POST"));
    });
    let again = shop.run(&shop.import(Kind::Products, &input, Some("online_retail_products"))).await;
    assert_eq!(again.documents.unchanged, summary.documents.created);
}

#[tokio::test]
async fn customers_come_once_and_guests_are_counted() {
    let Some(input) = shared(FILE) else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Users, &input, Some("online_retail_customers"))).await;
    assert_accounted(&summary);
    assert_eq!(summary.rows.skipped["a guest"], 15_631);
    assert_eq!(summary.rows.imported, summary.documents.created);
}

/// The rows that the other months have and this one lacks.
#[tokio::test]
async fn bad_debts_negative_prices_and_fine_prices_are_reported() {
    let shop = Shop::open();
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    let rows = [
        "A563185,B,Adjust bad debt,1,2011-08-12T14:50:00,11062.06,,United Kingdom",
        "A563186,B,Adjust bad debt,1,2011-08-12T14:51:00,-11062.06,,United Kingdom",
        "563187,22423,REGENCY CAKESTAND,1,2011-08-12T14:51:00,-1.0,,United Kingdom",
        "550193,PADS,PADS TO MATCH ALL CUSHIONS,7,2011-04-15T09:27:00,0.001,13952,United Kingdom",
        "550194,PADS,PADS TO MATCH ALL CUSHIONS,500,2011-04-15T09:27:00,0.001,13952,United Kingdom",
    ];
    let input = shop.file("or.csv", format!("{header}\n{}\n", rows.join("\n")));
    let summary = shop.run(&shop.import(Kind::Orders, &input, Some("online_retail"))).await;
    assert_accounted(&summary);
    let rejects: Vec<_> = shop.rejects().into_iter().map(|reject| (reject.line, reject.code)).collect();
    let wanted = [(2, "bad_debt".into()), (3, "bad_debt".into()), (4, "negative_price".into())];
    assert_eq!(rejects, wanted);
    assert_eq!(summary.notes["rounded"].examples, ["line 5: 0.001 to 0.01 GBP"]);
    shop.held(|held| {
        let amounts: Vec<_> = held.orders.all.iter().map(|order| order.lines[0].subtotal.amount).collect();
        assert_eq!(amounts, [1, 50]);
        assert_eq!(held.orders.all[0].lines[0].unit_price, None);
    });
}
