//! What cannot be read or taken is reported with its line, column and reason, and the good rows go in.

use std::fmt::Write as _;

use shoal_exchange::{Delimiter, Error, Kind, Silent};

use crate::shop::{Shop, assert_accounted, context};

const USERS: &str = "kind = \"users\"\n[user]\nemail = \"mail\"\nname = \"name\"\n";

/// Line, column and code of each rejected row.
fn rejects(shop: &Shop) -> Vec<(u64, Option<String>, String)> {
    shop.rejects().into_iter().map(|reject| (reject.line, reject.column, reject.code)).collect()
}

fn reject(line: u64, column: &str, code: &str) -> (u64, Option<String>, String) {
    (line, Some(column).filter(|column| !column.is_empty()).map(str::to_owned), code.to_owned())
}

#[tokio::test]
async fn a_byte_order_mark_and_quoted_line_breaks_are_read() {
    let shop = Shop::open();
    let csv =
        "\u{feff}mail,name\r\n\r\na@b.de,\"Ada, \"\"the\"\" Byron\"\r\nc@d.de,\"two\nlines\"\r\ne@f.de,E\r\n";
    let summary = shop.import_csv(Kind::Users, USERS, csv).await;
    assert_accounted(&summary);
    assert_eq!(shop.held(|held| held.users.all[0].name.clone()), "Ada, \"the\" Byron");
    // A name is one line: the house says so, and the row is told by where it begins.
    assert_eq!(rejects(&shop), [reject(4, "name", "line")]);
    assert_eq!(summary.documents.created, 2);
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_named_and_the_others_go_in() {
    let shop = Shop::open();
    let csv =
        b"mail,name\na@b.de,A\nc@d.de,\xff\xfe\ne@f.de\ng@h.de,G,more\ni@j.de,I\x00\n,K\nl,L\nm@n.de,M\n";
    let summary = shop.import_csv(Kind::Users, USERS, csv).await;
    assert_accounted(&summary);
    let wanted = [
        reject(3, "name", "invalid_utf8"),
        reject(4, "", "wrong_cell_count"),
        reject(5, "", "wrong_cell_count"),
        reject(6, "name", "invalid_text"),
        reject(7, "mail", "missing_value"),
        reject(8, "mail", "email"),
    ];
    assert_eq!((rejects(&shop), summary.documents.created), (wanted.to_vec(), 2));
    assert_eq!(summary.rejects, Some(shop.folder.path().join("rejects.jsonl")));
}

#[tokio::test]
async fn a_quote_that_never_closes_does_not_take_the_rest_unseen() {
    let shop = Shop::open();
    let summary =
        shop.import_csv(Kind::Users, USERS, "mail,name\na@b.de,A\nc@d.de,\"C\ne@f.de,E\ng@h.de,G\n").await;
    assert_eq!(rejects(&shop), [reject(3, "", "open_quote")]);
    assert_eq!(summary.documents.created, 1);

    let shop = Shop::open();
    let long = format!("mail,name\na@b.de,\"{}", "x@y.de,X\n".repeat(1 << 20));
    let input = shop.file("input.csv", long);
    let error = shop.import(Kind::Users, &input, Some(USERS)).run(context, &shop.targets, &Silent).await;
    let Err(Error::File { problem, .. }) = error else { panic!("expected an error, got {error:?}") };
    assert!(problem.contains("quote"), "{problem}");
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_named_with_what_stands_there() {
    let shop = Shop::open();
    let mapping = "kind = \"products\"\ncurrency_column = \"cur\"\n[product]\ntitle = \"sku\"\nstatus = \"status\"\n\
        [variant]\nsku = \"sku\"\nprices = [\"price\"]\nstock = \"stock\"\nshippable = \"ship\"\n\
        json = { options = \"opt\" }\n";
    let rows = [
        ("\"1,50\",EUR,1,yes,active,", "price", "invalid_money", Some("1,50")),
        ("1.999,EUR,1,yes,active,", "price", "invalid_money", Some("1.999")),
        ("99999999999999999999,EUR,1,yes,active,", "price", "invalid_money", Some("99999999999999999999")),
        ("-1,EUR,1,yes,active,", "price", "range", None),
        ("1,XXQ,1,yes,active,", "cur", "unknown_currency", Some("XXQ")),
        ("1,,1,yes,active,", "cur", "unknown_currency", None),
        ("1,EUR,1.5,yes,active,", "stock", "invalid_number", Some("1.5")),
        ("1,EUR,-4,yes,active,", "stock", "range", None),
        ("1,EUR,1,perhaps,active,", "ship", "invalid_yes_no", Some("perhaps")),
        ("1,EUR,1,yes,sold,", "status", "unknown_word", Some("sold")),
        ("1,EUR,1,yes,active,{x", "opt", "invalid_json", Some("{x")),
        (",EUR,1,yes,active,", "price", "missing_value", None),
    ];
    let mut csv = "sku,price,cur,stock,ship,status,opt\n".to_owned();
    for (index, (row, ..)) in rows.iter().enumerate() {
        writeln!(csv, "P{index},{row}").expect("fits");
    }
    csv.push_str("good,1,EUR,1,yes,active,\n");
    let summary = shop.import_csv(Kind::Products, mapping, csv).await;
    assert_accounted(&summary);
    let mut found = shop.rejects();
    found.sort_by_key(|reject| reject.line);
    assert_eq!((found.len(), summary.documents.created), (rows.len(), 1));
    for ((row, column, code, value), reject) in rows.iter().zip(&found) {
        let shown = (reject.column.as_deref(), reject.code.as_str(), reject.value.as_deref());
        assert_eq!(shown, (Some(*column), *code, *value), "{row}");
    }
    assert!(found[0].reason.contains("decimal_mark"), "{}", found[0].reason);
    assert_eq!(found[3].field.as_deref(), Some("variants[0].prices"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_spoils_its_order_but_no_other() {
    let shop = Shop::open();
    let mapping = "kind = \"orders\"\ncurrency = \"EUR\"\n[group]\nby = [\"no\"]\n[order]\nsource = { const = \"old\" }\n\
        number = \"no\"\nplaced_at = \"at\"\n[line]\nsku = \"sku\"\nquantity = \"n\"\nsubtotal = \"sum\"\n";
    let at = "2026-05-03T10:12:00Z";
    // Short rows: one within order 1, one before order 3 with its key, one that may be anybody's.
    let rows = [
        format!("1,{at},a,1,1"),
        "?".to_owned(),
        "1,x".to_owned(),
        format!("1,{at},b,1,1"),
        format!("2,{at},c,1,1"),
        "3,x".to_owned(),
        format!("3,{at},d,1,1"),
        "?".to_owned(),
        format!("4,{at},e,1,1"),
        "4".to_owned(),
    ];
    let summary =
        shop.import_csv(Kind::Orders, mapping, format!("no,at,sku,n,sum\n{}\n", rows.join("\n"))).await;
    assert_accounted(&summary);
    let numbers =
        shop.held(|held| held.orders.all.iter().map(|order| order.number.clone()).collect::<Vec<_>>());
    assert_eq!((numbers, summary.rows.rejected), (vec!["2".to_owned()], 9));
    let mut lines: Vec<_> = rejects(&shop).into_iter().map(|(line, _, code)| (line, code)).collect();
    lines.sort();
    let spoiled = lines.iter().filter(|(_, code)| code == "document_rejected").map(|(line, _)| *line);
    assert_eq!(spoiled.collect::<Vec<_>>(), [2, 5, 8, 10]);

    let shop = Shop::open();
    let csv = format!("no,at,sku,n,sum\n1,{at},a,1,1\n2,\"x\n");
    let summary =
        shop.import_csv(Kind::Orders, &mapping.replace("[group]", "[group]\nrows = \"anywhere\""), csv).await;
    assert_accounted(&summary);
    assert_eq!((summary.documents.created, summary.rows.rejected), (1, 1));
}

#[tokio::test]
async fn json_lines_are_refused_with_the_path_of_the_field() {
    let shop = Shop::open();
    let lines = [
        "{\"email\":\"a@b.de\",\"name\":\"A\",\"role\":\"customer\"}",
        "",
        "{\"email\":\"a@b.de\"",
        "{\"email\":\"a@b.de\",\"name\":5,\"role\":\"customer\"}",
        "{\"email\":\"c@d.de\",\"name\":\"C\",\"role\":\"customer\",\"adresses\":[]}",
        "{\"email\":\"A@b.de\",\"name\":\"again\",\"role\":\"customer\"}",
        "{\"email\":\"e@f.de\",\"name\":\"E\",\"role\":\"customer\"} {}",
        "{\"email\":\"g@h.de\",\"name\":\"\",\"role\":\"customer\"}",
        "{\"email\":\"i@j.de\",\"name\":\"I\",\"role\":\"king\"}",
    ];
    let input = shop.file("users.jsonl", format!("\u{feff}{}", lines.join("\n")));
    let summary = shop.run(&shop.import(Kind::Users, &input, None)).await;
    assert_accounted(&summary);
    let wanted = [
        reject(3, "", "invalid_json"),
        reject(4, "name", "invalid_value"),
        reject(5, "adresses", "unknown_field"),
        reject(6, "", "duplicate"),
        reject(7, "", "invalid_json"),
        reject(9, "role", "invalid_value"),
        reject(8, "name", "line"),
    ];
    assert_eq!((rejects(&shop), summary.documents.created), (wanted.to_vec(), 1));
}

#[tokio::test]
async fn products_without_a_slug_are_told_apart_by_their_first_sku() {
    let shop = Shop::open();
    let product = |sku: &str| {
        let price = "{\"amount\":100,\"currency\":\"EUR\"}";
        format!("{{\"title\":\"Mug\",\"variants\":[{{\"sku\":\"{sku}\",\"prices\":[{price}]}}]}}\n")
    };
    let input = shop.file("products.jsonl", [product("A"), product("B"), product("A")].concat());
    let summary = shop.run(&shop.import(Kind::Products, &input, None)).await;
    assert_eq!((rejects(&shop), summary.documents.created), (vec![reject(3, "", "duplicate")], 2));
}

#[tokio::test]
async fn a_line_without_end_is_passed_over() {
    let shop = Shop::open();
    let long = "x".repeat(5 << 20);
    let good = "{\"email\":\"a@b.de\",\"name\":\"A\",\"role\":\"customer\"}";
    let input = shop.file("users.jsonl", format!("{long}\n{good}\n"));
    let summary = shop.run(&shop.import(Kind::Users, &input, None)).await;
    assert_eq!((rejects(&shop), summary.documents.created), (vec![reject(1, "", "line_too_long")], 1));
}

#[tokio::test]
async fn an_earlier_report_goes_and_none_is_made_without_rejects() {
    let shop = Shop::open();
    shop.import_csv(Kind::Users, USERS, "mail,name\nx,X\n").await;
    assert_eq!(shop.rejects().len(), 1);
    let summary = shop.import_csv(Kind::Users, USERS, "mail,name\nx@y.de,X\n").await;
    assert_eq!((shop.rejects(), summary.rejects), (Vec::new(), None));
}

#[tokio::test]
async fn the_delimiter_of_the_call_wins() {
    let shop = Shop::open();
    let input = shop.file("input.csv", "mail;name\na@b.de;A, B\n");
    let mut import = shop.import(Kind::Users, &input, Some(USERS));
    import.delimiter = Some(Delimiter::Semicolon);
    shop.run(&import).await;
    assert_eq!(shop.held(|held| held.users.all[0].name.clone()), "A, B");
}

#[tokio::test]
async fn files_that_cannot_be_used_say_what_to_do() {
    let shop = Shop::open();
    let error = async |name: &str, text: &str, mapping: Option<&str>| {
        let input = shop.file(name, text);
        let run = shop.import(Kind::Users, &input, mapping).run(context, &shop.targets, &Silent).await;
        run.expect_err("an error").to_string()
    };
    assert!(error("a.csv", "", Some(USERS)).await.contains("first row must name the columns"));
    assert!(error("a.csv", "mail,name,mail\n", Some(USERS)).await.contains("the column mail twice"));
    assert!(error("a.xls", "mail,name\n", Some(USERS)).await.contains("say csv or jsonl"));
    assert!(error("a.jsonl", "{}\n", Some(USERS)).await.contains("a mapping is for CSV"));
    let unknown = error("a.csv", "mail,title\n", Some(USERS)).await;
    assert!(unknown.contains("user.name: there is no column name in"), "{unknown}");
    assert!(unknown.ends_with("there are: mail, title"), "{unknown}");
    let kind = error("a.csv", "mail,name\n", Some("eshop")).await;
    assert_eq!(
        kind,
        "mapping eshop makes products, not users: run the import of products, or take another mapping"
    );
    let missing = shop.import(Kind::Users, &shop.folder.path().join("none.csv"), Some(USERS));
    let missing = missing.run(context, &shop.targets, &Silent).await.expect_err("an error").to_string();
    assert!(missing.contains("none.csv: cannot open it"), "{missing}");
}
