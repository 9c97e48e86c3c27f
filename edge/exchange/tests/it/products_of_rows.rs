//! Products out of rows: parents, variants, options, weights, pictures, attributes, slugs, categories.

use shoal_contract::products::NewProduct;
use shoal_exchange::{Kind, Summary};

use crate::shop::{Shop, assert_accounted};

const HEAD: &str = "kind = \"products\"\ncurrency = \"EUR\"\n";
const VARIANT: &str = "[variant]\nsku = \"sku\"\nprices = [\"price\"]\n";

async fn products(mapping: &str, csv: &str) -> (Shop, Summary, Vec<NewProduct>) {
    let shop = Shop::open();
    let summary = shop.import_csv(Kind::Products, &format!("{HEAD}{mapping}"), csv).await;
    assert_accounted(&summary);
    let products = shop.held(|held| held.products.all.clone());
    (shop, summary, products)
}

const GROUPED: &str = "[group]\nby = [\"id\"]\nparent_when = { column = \"name\", blank = false }\n\
    [product]\ntitle = \"name\"\n\
    [variant]\nsku = \"sku\"\nprices = [\"price\"]\n\
    options = [{ name = { const = \"Size\" }, value = \"size\" }, { name = \"o\", value = \"v\" }]\n";

#[tokio::test]
async fn a_parent_row_is_no_variant_unless_it_stands_alone() {
    let csv = "id,name,sku,price,size,o,v\n1,Shirt,S,0,,,\n1,,S-1,5,M,Colour,Red\n1,,S-2,6,L,Colour,Red\n2,Cap,C,9,,,\n";
    let (_, _, products) = products(GROUPED, csv).await;
    let skus: Vec<Vec<&str>> = products
        .iter()
        .map(|product| product.variants.iter().map(|variant| variant.sku.as_str()).collect())
        .collect();
    assert_eq!(skus, [vec!["S-1", "S-2"], vec!["C"]]);
    let options: Vec<_> =
        products[0].options.iter().map(|option| (option.name.as_str(), option.values.join("/"))).collect();
    assert_eq!(options, [("Size", "M/L".to_owned()), ("Colour", "Red".to_owned())]);
    assert_eq!(products[0].variants[1].options["Size"], "L");
}

#[tokio::test]
async fn a_product_with_a_bad_variant_is_rejected_whole_and_each_row_says_so() {
    let csv = "id,name,sku,price,size,o,v\n1,Shirt,S,0,,,\n1,,S-1,5,M,,\n1,,S-2,cheap,L,,\n2,Cap,C,9,,,\n";
    let (shop, summary, products) = products(GROUPED, csv).await;
    assert_eq!((products.len(), summary.documents.refused, summary.rows.rejected), (1, 1, 3));
    let mut rejects: Vec<_> = shop.rejects().into_iter().map(|reject| (reject.line, reject.code)).collect();
    rejects.sort();
    assert_eq!(
        rejects,
        [(2, "document_rejected".into()), (3, "document_rejected".into()), (4, "invalid_money".into())]
    );
}

#[tokio::test]
async fn rows_of_one_sku_are_refused_add_prices_or_give_way() {
    let csv = "id,name,sku,price,size,o,v\n1,,A,5,,,\n1,Cup,A,6,,,\n";
    let plain = GROUPED.replace("parent_when = { column = \"name\", blank = false }\n", "");
    let of_sku = |word: &str| plain.replace("[product]", &format!("same_sku = \"{word}\"\n[product]"));

    let (shop, _, none) = products(&plain, csv).await;
    assert_eq!((none.len(), shop.rejects()[1].code.as_str()), (0, "duplicate_sku"));

    let (_, summary, one) = products(&of_sku("first"), csv).await;
    assert_eq!((one[0].variants[0].prices[0].amount, summary.notes["repeated_sku"].count), (500, 1));

    let (shop, _, none) = products(&of_sku("add_prices"), csv).await;
    assert_eq!((none.len(), shop.rejects()[1].code.as_str()), (0, "duplicate_price"));
}

#[tokio::test]
async fn weights_are_turned_into_grams() {
    let mapping = format!(
        "[product]\ntitle = \"sku\"\n{VARIANT}weight = {{ column = \"w\", unit = \"kg\", unit_column = \"u\" }}\n"
    );
    let csv = "sku,price,w,u\na,1,1.5,\nb,1,2,lb\nc,1,1,oz\nd,1,,lb\ne,1,1,stone\nf,1,-1,g\n";
    let (shop, _, products) = products(&mapping, csv).await;
    let weights: Vec<_> = products.iter().map(|product| product.variants[0].weight_g).collect();
    assert_eq!(weights, [Some(1500), Some(907), Some(28), None]);
    let codes: Vec<_> = shop.rejects().into_iter().map(|reject| reject.code).collect();
    assert_eq!(codes, ["unknown_unit", "invalid_weight"]);
}

#[tokio::test]
async fn prices_in_several_currencies_come_from_columns_or_from_one_cell() {
    let mapping = "[product]\ntitle = \"sku\"\n[variant]\nsku = \"sku\"\nprices = [\"eur\", { column = \"usd\", currency = \"USD\" }, \
        { column = \"more\", split = \";\", money = \"with_code\" }]\n";
    let (shop, _, products) =
        products(mapping, "sku,eur,usd,more\na,1,2.5,3 JPY; 4.10 GBP\nb,,,\nc,1,,4 QQQ\n").await;
    let shown: Vec<_> = products[0].variants[0].prices.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["1.00 EUR", "2.50 USD", "3 JPY", "4.10 GBP"]);
    let codes: Vec<_> = shop.rejects().into_iter().map(|reject| (reject.line, reject.code)).collect();
    assert_eq!(codes, [(3, "missing_value".into()), (4, "invalid_money".into())]);
}

#[tokio::test]
async fn attributes_pictures_and_texts_are_gathered() {
    let mapping = format!(
        "[product]\ntitle = \"sku\"\nimages = [{{ column = \"pics\", split = \" \" }}]\nimage_alt = \"sku\"\nattribute_prefix = \"x.\"\n\
        [product.attributes]\nsize = {{ template = \"{{w}} x {{h}}\" }}\n{VARIANT}image = \"own\"\nstock = \"n\"\nshippable = \"ship\"\n"
    );
    let csv = "sku,price,pics,own,w,h,x.wool,x.silk,n,ship\na,1,/1.jpg /2.jpg /1.jpg,/3.jpg,2,3,yes,,7,no\n";
    let (_, _, products) = products(&mapping, csv).await;
    let product = &products[0];
    let images: Vec<_> =
        product.images.iter().map(|image| (image.url.as_str(), image.alt.as_str())).collect();
    assert_eq!(images, [("/1.jpg", "a"), ("/2.jpg", "a"), ("/3.jpg", "")]);
    let attributes: Vec<_> =
        product.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(attributes, ["size=2 x 3", "wool=yes"]);
    assert_eq!((product.variants[0].stock, product.variants[0].shippable), (7, false));
}

#[tokio::test]
async fn a_made_slug_gives_way_and_a_given_one_is_a_duplicate() {
    let made = format!("[product]\ntitle = \"name\"\n{VARIANT}");
    let csv = "name,sku,price\nMug,1A,1\nMug,2A,1\nmug!,1a,1\n§,Ä1,1\n§,§,1\n";
    let (shop, _, products) = products(&made, csv).await;
    let slugs: Vec<_> = products.iter().filter_map(|product| product.slug.as_deref()).collect();
    assert_eq!(slugs, ["mug", "mug-2a", "mug-1a", "ae1"]);
    assert_eq!(shop.rejects()[0].code, "no_slug");

    let given = format!("[product]\nslug = \"slug\"\ntitle = \"name\"\n{VARIANT}");
    let (shop, _, one) = self::products(&given, "slug,name,sku,price\nmug,Mug,1,1\nmug,Other,2,1\n").await;
    let reject = &shop.rejects()[0];
    assert_eq!((one.len(), reject.line, reject.code.as_str()), (1, 3, "duplicate"));
}

#[tokio::test]
async fn categories_are_made_from_paths() {
    let mapping = format!("[product]\ntitle = \"sku\"\ncategory = {{ path = [\"a\", \"b\"] }}\n{VARIANT}");
    let (shop, summary, products) =
        products(&mapping, "sku,price,a,b\n1,1,Home,Mugs\n2,1,Home,\n3,1,,\n4,1,Home,§\n").await;
    let categories: Vec<_> = products.iter().map(|product| product.category.as_deref()).collect();
    assert_eq!(categories, [Some("home-mugs"), Some("home"), None]);
    assert_eq!((summary.categories.created, shop.rejects()[0].code.as_str()), (2, "invalid_category"));

    let split =
        format!("[product]\ntitle = \"sku\"\ncategory = {{ column = \"a\", split = \">\" }}\n{VARIANT}");
    let (_, _, products) = self::products(&split, "sku,price,a\n1,1,Home > Mugs > \n").await;
    assert_eq!(products[0].category.as_deref(), Some("home-mugs"));
}
