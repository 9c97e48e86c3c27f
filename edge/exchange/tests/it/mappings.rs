//! Mistakes in a mapping: one clear error, before any row is read.

use shoal_exchange::{Error, Mapping};

const GOOD: &str = "kind = \"products\"\ncurrency = \"EUR\"\n[product]\ntitle = \"name\"\n[variant]\nsku = \"sku\"\nprices = [\"price\"]\n";

fn problem(text: &str) -> String {
    Mapping::parse("shop.toml", text).expect_err("a mistake").to_string()
}

#[test]
fn every_shipped_mapping_loads() {
    for name in Mapping::names() {
        let mapping = Mapping::builtin(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(mapping.name(), name);
    }
    Mapping::parse("good", GOOD).expect("valid");
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let Err(error @ Error::UnknownMapping { .. }) = Mapping::load("magento") else {
        panic!("expected an error")
    };
    assert!(error.to_string().contains("eshop"), "{error}");
}

#[test]
fn broken_toml_and_unknown_keys_name_their_place() {
    assert!(problem("kind = ").starts_with("mapping shop.toml: TOML parse error at line 1"));
    let unknown = problem(&GOOD.replace("title = \"name\"", "titel = \"name\""));
    assert!(
        unknown.contains("line 4") && unknown.contains("titel") && unknown.contains("`title`"),
        "{unknown}"
    );
    let deep = problem(&GOOD.replace("\"name\"", "{ column = \"name\", trimm = true }"));
    assert!(deep.contains("trimm") && deep.contains("`trim`"), "{deep}");
    assert!(problem(&GOOD.replace("\"products\"", "\"things\"")).contains("`products`"));
    assert!(problem(&GOOD.replace("\"EUR\"", "\"Taler\"")).contains("ISO 4217"));
    assert!(problem(&GOOD.replace("\"name\"", "5")).contains("the name of a column, or a table"));
    assert!(problem(&GOOD.replace("\"name\"", "{ template = \"{name\" }")).contains("without a closing one"));
}

#[test]
fn what_is_missing_or_does_not_fit_is_named_by_its_key() {
    let title = |rule: &str| problem(&GOOD.replace("\"name\"", rule));
    let price = |rule: &str| problem(&GOOD.replace("[\"price\"]", &format!("[{rule}]")));
    let cases = [
        (problem("kind = \"users\"\n"), "user: a mapping of users needs this table; add [user]"),
        (problem(&format!("{GOOD}[user]\nname = \"x\"\n")), "user: a mapping of products has no such table"),
        (problem(&GOOD.replace("title = \"name\"\n", "")), "product.title: is needed"),
        (problem(&GOOD.replace("prices = [\"price\"]\n", "")), "variant.prices: is needed"),
        (problem(&GOOD.replace("currency = \"EUR\"\n", "")), "variant.prices[0]: say the currency"),
        (title("{ trim = true }"), "product.title: give exactly one of column, const"),
        (title("{ column = \"a\", const = \"b\" }"), "product.title: give exactly one of column, const"),
        (title("{ column = \"a\", unit = \"lb\" }"), "product.title.unit: means nothing for this field"),
        (title("{ column = \"a\", currency = \"EUR\" }"), "product.title.currency: means nothing"),
        (title("{ any = [{ column = \"a\", zone = \"UTC\" }] }"), "product.title.any[0].zone: means nothing"),
        (
            title("{ column = \"a\", when = { column = \"b\" } }"),
            "product.title.when: tests nothing; add equals",
        ),
        (title("{ column = \"a\", when = { equals = \"b\" } }"), "product.title.when: names no column"),
        (price("{ column = \"a\", split = \"\" }"), "variant.prices[0].split: is empty"),
        (
            price("{ column = \"a\", decimal_mark = \",\", thousands_mark = \",\" }"),
            "decimal_mark and thousands_mark",
        ),
        (price("{ sum = [\"a\"], default = \"0\" }"), "variant.prices[0].default: means nothing"),
        (price("{ sum = [\"a\"], money = \"with_code\" }"), "amounts with codes cannot be summed"),
        (problem(&format!("{GOOD}weight = \"w\"\n")), "variant.weight: say the unit"),
        (
            problem(&GOOD.replace("[product]", "[[skip_when]]\ncolumn = \"a\"\nblank = true\n[product]")),
            "skip_when[0]: needs a reason",
        ),
        (problem(&GOOD.replace("[product]", "[group]\nby = []\n[product]")), "group.by: names no column"),
    ];
    for (found, wanted) in cases {
        assert!(found.contains(wanted), "{found:?} says {wanted:?}");
    }
}

#[test]
fn times_need_a_zone_exactly_once() {
    let orders = |rule: &str| {
        format!(
            "kind = \"orders\"\ncurrency = \"EUR\"\n[order]\nsource = \"s\"\nnumber = \"n\"\nplaced_at = {rule}\n\
             [line]\nsku = \"s\"\nquantity = \"q\"\nsubtotal = \"t\"\n"
        )
    };
    let naked = problem(&orders("{ column = \"at\", time = \"%Y-%m-%d\" }"));
    assert!(naked.contains("order.placed_at: these times have no zone"), "{naked}");
    let twice = problem(&orders("{ column = \"at\", time = \"%Y-%m-%d %z\", zone = \"UTC\" }"));
    assert!(twice.contains("remove zone"), "{twice}");
    let named = problem(&orders("{ column = \"at\", time = \"%Y-%m-%d\", zone = \"Europe/Berlin\" }"));
    assert!(named.contains("expected a zone"), "{named}");
}
