//! What a mapping can say of a value, one by one.

use shoal_contract::orders::OrderStatus;
use shoal_contract::users::NewUser;
use shoal_exchange::Kind;

use crate::shop::{Shop, assert_accounted};

/// Users from the rules under `[user]` that are given besides the e-mail.
async fn users(rules: &str, csv: &str) -> Vec<NewUser> {
    let shop = Shop::open();
    let mapping = format!("kind = \"users\"\n[user]\nemail = \"mail\"\n{rules}");
    let summary = shop.import_csv(Kind::Users, &mapping, csv).await;
    assert_accounted(&summary);
    assert_eq!(shop.rejects(), [], "{summary}");
    shop.held(|held| held.users.all.clone())
}

#[tokio::test]
async fn a_value_comes_from_a_column_a_constant_or_a_template() {
    let rules =
        "name = { template = \"{first} {last} {{x}}\" }\nphone = { const = \"1\" }\ntags = [\"first\"]";
    let users = users(rules, "mail,first,last\na@b.de, Ada ,Byron\n").await;
    assert_eq!((users[0].name.as_str(), users[0].phone.as_deref()), ("Ada Byron {x}", Some("1")));
    assert_eq!(users[0].tags, ["Ada"]);
}

#[tokio::test]
async fn a_template_with_a_blank_column_gives_way_to_the_next_rule() {
    let rules = "name = { any = [{ template = \"{first} {last}\" }, \"last\", \"mail\"], default = \"-\" }";
    let users = users(rules, "mail,first,last\na@b.de,Ada,Byron\nc@d.de,,Byron\ne@f.de, ,\n").await;
    let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["Ada Byron", "Byron", "e@f.de"]);
}

#[tokio::test]
async fn blank_values_take_the_default_and_words_are_mapped() {
    let rules = "name = { column = \"name\", default = \"Friend\" }\n\
        role = { column = \"group\", map = { boss = \"administrator\", \"*\" = \"customer\" } }\n\
        accepts_marketing = \"news\"\n\
        tags = [{ column = \"tags\", split = \";\" }, { column = \"more\", map = { x = \"\", y = \"why\" } }]";
    let csv = "mail,name,group,news,tags,more\na@b.de,,boss,YES,red; ;blue ;red,x\nc@d.de,C,other,0,,y\n";
    let users = users(rules, csv).await;
    assert_eq!((users[0].name.as_str(), users[0].role.as_str()), ("Friend", "administrator"));
    assert_eq!(users[0].tags, ["red", "blue"]);
    assert_eq!((users[0].accepts_marketing, users[1].accepts_marketing), (true, false));
    assert_eq!(
        (users[1].role.as_str(), users[1].tags.as_slice()),
        ("customer", ["why".to_owned()].as_slice())
    );
}

#[tokio::test]
async fn white_space_stays_where_trimming_is_off() {
    let users = users("name = { column = \"name\", trim = false }", "mail,name\n a@b.de ,  Ada  \n").await;
    assert_eq!((users[0].email.as_str(), users[0].name.as_str()), ("a@b.de", "  Ada  "));
}

#[tokio::test]
async fn other_files_are_looked_up_by_a_key() {
    let shop = Shop::open();
    shop.file("people.csv", "number,full name\n7, Ada \n7,Second\n");
    let mapping = "kind = \"users\"\n[lookup.people]\nfile = \"people.csv\"\nkey = \"number\"\non = \"person\"\n\
        [user]\nemail = { template = \"{person}@example.com\" }\n\
        name = { column = \"people.full name\", default = \"Nobody\" }\n";
    shop.import_csv(Kind::Users, mapping, "person\n7\n8\n").await;
    let names = shop.held(|held| held.users.all.iter().map(|user| user.name.clone()).collect::<Vec<_>>());
    assert_eq!(names, ["Ada", "Nobody"]);
}

#[tokio::test]
async fn files_are_read_after_the_first_and_repeats_are_counted() {
    let shop = Shop::open();
    shop.file("more.csv", "visit,person\nx,2\ny,3\nz,@\n");
    let mapping = "kind = \"users\"\nalso = [{ file = \"more.csv\" }, { file = \"none.csv\", optional = true }]\n\
        [distinct]\nby = [\"person\"]\nreason = \"seen\"\n\
        [user]\nemail = { template = \"{person}@example.com\" }\nname = \"person\"\n";
    let summary = shop.import_csv(Kind::Users, mapping, "person\n1\n2\n1\n").await;
    assert_accounted(&summary);
    assert_eq!((summary.documents.created, summary.rows.skipped["seen"]), (3, 2));
    assert!(summary.notes.contains_key("missing_file"));
    let rejects = shop.rejects();
    assert_eq!((rejects[0].line, rejects[0].file.as_deref()), (4, Some("more.csv")));
    assert_eq!(rejects[0].column.as_deref(), Some("person"));
}

#[tokio::test]
async fn filters_are_counted_with_their_reason() {
    let shop = Shop::open();
    let filters = [
        "column = \"a\"\nequals = \"1\"\nreason = \"one\"",
        "column = \"a\"\none_of = [\"2\", \"3\"]\nreason = \"two or three\"",
        "column = \"a\"\nstarts_with = \"4\"\nends_with = \"5\"\nreason = \"4..5\"",
        "column = \"a\"\ncontains = \"6\"\nreason = \"a six\"",
        "column = \"a\"\nblank = true\nreason = \"blank\"",
        "column = \"a\"\nabove = \"99.5\"\nreason = \"large\"",
        "column = \"a\"\nbelow = \"50\"\nnot = true\nreason = \"no number below 50\"",
    ];
    let filters: String = filters.iter().map(|filter| format!("[[skip_when]]\n{filter}\n")).collect();
    let mapping =
        format!("kind = \"users\"\n{filters}[user]\nemail = {{ template = \"{{a}}@x.de\" }}\nname = \"a\"\n");
    let rows = ["1", "2", "3", "445", "161", "\"\"", "100", "70", "word", "44", "99.5"];
    let summary = shop.import_csv(Kind::Users, &mapping, format!("a\n{}\n", rows.join("\n"))).await;
    assert_accounted(&summary);
    let skipped: Vec<_> =
        summary.rows.skipped.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    let wanted = [
        ("4..5", 1),
        ("a six", 1),
        ("blank", 1),
        ("large", 1),
        ("no number below 50", 3),
        ("one", 1),
        ("two or three", 2),
    ];
    assert_eq!((skipped.as_slice(), summary.documents.created), (wanted.as_slice(), 1));
}

const ORDERS: &str = "kind = \"orders\"\ncurrency_column = \"cur\"\n[group]\nby = [\"no\"]\n\
    [order]\nsource = { const = \"old\" }\nnumber = \"no\"\n\
    status = { any = [{ const = \"returned\", when = { column = \"n\", below = \"0\" } }, { const = \"paid\" }] }\n";

#[tokio::test]
async fn money_is_summed_multiplied_divided_and_rounded_once() {
    let shop = Shop::open();
    let mapping = format!(
        "{ORDERS}placed_at = \"at\"\nshipping = {{ column = \"ship\", money = \"minor\" }}\n[line]\nsku = \"no\"\nquantity = \"n\"\n\
        subtotal = {{ column = \"price\", times = \"n\", round = \"half_even\" }}\n\
        unit_price = {{ sum = [\"price\", \"extra\"], divide_by = \"n\", whole_only = true }}\n\
        discounts = [{{ kind = {{ const = \"gift\" }}, amount = \"extra\" }}]\n"
    );
    let at = "2026-05-03T10:12:00+02:00";
    let csv = format!(
        "no,n,price,extra,cur,ship,at\n1,3,0.125,0.01,EUR,499,{at}\n1,2,1.00,0.50,eur,,{at}\n2,-3,100,,JPY,,{at}\n"
    );
    let summary = shop.import_csv(Kind::Orders, &mapping, csv).await;
    assert_eq!(shop.rejects(), []);
    assert_eq!(summary.notes["rounded"].examples, ["line 2: 0.125 to 0.38 EUR"]);
    shop.held(|held| {
        let first = &held.orders.all[0];
        let shown: Vec<_> = first
            .lines
            .iter()
            .map(|line| (line.subtotal.amount, line.unit_price.map(|price| price.amount)))
            .collect();
        assert_eq!(shown, [(38, None), (200, Some(75))]);
        assert_eq!(first.shipping.map(|shipping| shipping.amount), Some(499));
        assert_eq!(first.lines[1].discounts[0].amount.to_string(), "0.50 EUR");
        assert_eq!(first.placed_at.to_string(), "2026-05-03T08:12:00.000000Z");
        assert_eq!((first.status, held.orders.all[1].status), (OrderStatus::Paid, OrderStatus::Returned));
        assert_eq!(held.orders.all[1].lines[0].subtotal.to_string(), "-300 JPY");
    });
}

#[tokio::test]
async fn times_without_a_zone_are_meant_in_the_one_that_is_named() {
    let shop = Shop::open();
    let mapping = format!(
        "{ORDERS}placed_at = {{ column = \"at\", time = \"%d.%m.%Y %H:%M\", zone = \"+01:00\", pick = \"least\" }}\n\
        [line]\nsku = \"no\"\nquantity = \"n\"\nsubtotal = \"price\"\n"
    );
    let csv = "no,n,price,cur,at\n1,1,1,EUR,03.05.2026 00:30\n1,1,1,EUR,03.05.2026 00:29\n2,1,1,EUR,2026\n";
    let summary = shop.import_csv(Kind::Orders, &mapping, csv).await;
    assert_eq!(summary.notes["several_values"].count, 1);
    assert_eq!(shop.rejects()[0].code, "invalid_time");
    let at = shop.held(|held| held.orders.all[0].placed_at.to_string());
    assert_eq!(at, "2026-05-02T23:29:00.000000Z");
}

#[tokio::test]
async fn decimal_marks_of_other_countries_are_read_where_they_are_said() {
    let shop = Shop::open();
    let marks = "[file]\ndelimiter = \";\"\ndecimal_mark = \",\"\nthousands_mark = \".\"\n[group]";
    let mapping = format!(
        "{}placed_at = \"at\"\n[line]\nsku = \"no\"\nquantity = \"n\"\nsubtotal = \"price\"\n",
        ORDERS.replace("[group]", marks)
    );
    let csv =
        "no;n;price;cur;at\n1;1;1.299,50;EUR;2026-05-03T10:12:00Z\n2;1;12,99,5;EUR;2026-05-03T10:12:00Z\n";
    shop.import_csv(Kind::Orders, &mapping, csv).await;
    let rejects = shop.rejects();
    assert_eq!((rejects.len(), rejects[0].line, rejects[0].column.as_deref()), (1, 3, Some("price")));
    assert_eq!(shop.held(|held| held.orders.all[0].lines[0].subtotal.amount), 129_950);
}

#[tokio::test]
async fn rows_of_one_document_may_stand_anywhere_if_that_is_said() {
    let rules = "placed_at = \"at\"\n[line]\nsku = \"sku\"\nquantity = \"n\"\nsubtotal = \"price\"\n";
    let adjacent = format!("{ORDERS}{rules}");
    let at = "2026-05-03T10:12:00Z";
    let csv = format!("no,sku,n,price,cur,at\n1,c,1,1,EUR,{at}\n2,b,1,1,EUR,{at}\n1,a,1,1,EUR,{at}\n");

    let shop = Shop::open();
    let summary = shop.import_csv(Kind::Orders, &adjacent, &csv).await;
    assert_accounted(&summary);
    let reject = &shop.rejects()[0];
    assert_eq!((reject.line, reject.code.as_str()), (4, "duplicate"));
    assert!(reject.reason.contains("anywhere"), "{}", reject.reason);

    let shop = Shop::open();
    let anywhere = adjacent.replace("[group]", "[group]\nrows = \"anywhere\"\norder_by = \"sku\"");
    let summary = shop.import_csv(Kind::Orders, &anywhere, &csv).await;
    assert_eq!((summary.documents.created, shop.rejects()), (2, Vec::new()));
    let skus =
        shop.held(|held| held.orders.all[0].lines.iter().map(|line| line.sku.clone()).collect::<Vec<_>>());
    assert_eq!(skus, ["a", "c"]);
}

#[tokio::test]
async fn columns_that_nothing_reads_are_named() {
    let shop = Shop::open();
    let mapping = "kind = \"users\"\nignore = [\"b\"]\n[user]\nemail = \"a\"\nname = \"a\"\n";
    let summary = shop.import_csv(Kind::Users, mapping, "a,b,c,\nx@y.de,1,2,3\n").await;
    assert_eq!(summary.notes["unused_column"].examples, ["c"]);
}
