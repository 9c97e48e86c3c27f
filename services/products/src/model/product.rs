//! What makes a product: that its parts fit together, and how it is written.

use std::collections::{BTreeMap, HashSet};

use shoal_contract::products::{
    CategoryCrumb, NewProduct, NewVariant, Product, ProductId, Variant, VariantId,
};
use shoal_types::{Currency, Fault, Timestamp, Violation};

/// What a product keeps whatever is written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: ProductId,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// The product that `new` describes, under `slug` and below the categories of `path`; `variant_id` gives each SKU's.
pub(crate) fn written(
    new: NewProduct,
    identity: Identity,
    slug: String,
    path: Vec<CategoryCrumb>,
    mut variant_id: impl FnMut(&str) -> VariantId,
) -> Product {
    let variants = new.variants.into_iter().map(|variant| Variant {
        id: variant_id(&variant.sku),
        sku: variant.sku,
        options: variant.options,
        prices: variant.prices,
        weight_g: variant.weight_g,
        image: variant.image,
        shippable: variant.shippable,
    });
    Product {
        id: identity.id,
        slug,
        title: new.title,
        description: new.description,
        brand: new.brand,
        category_path: path,
        status: new.status,
        tax_category: new.tax_category,
        options: new.options,
        variants: variants.collect(),
        images: new.images,
        attributes: new.attributes,
        version: identity.version,
        created_at: identity.created_at,
        updated_at: identity.updated_at,
    }
}

/// The lowest price in each currency, minor units.
pub(crate) fn lowest_prices(product: &Product) -> BTreeMap<Currency, i64> {
    let mut lowest = BTreeMap::new();
    for price in product.variants.iter().flat_map(|variant| &variant.prices) {
        let known = lowest.entry(price.currency).or_insert(price.amount);
        *known = price.amount.min(*known);
    }
    lowest
}

/// Checks the shape of each value, and that options, variants and pictures fit together.
///
/// # Errors
/// `Invalid` with every violation, fields as in `variants[2].options.Colour`.
pub(crate) fn check_fit(product: &NewProduct) -> Result<(), Fault> {
    // What is beyond a limit is not looked at more closely.
    shoal_contract::check(product)?;
    let mut fit = Fit { product, violations: Vec::new() };
    fit.options();
    fit.variants();
    match fit.violations {
        none if none.is_empty() => Ok(()),
        violations => Err(Fault::Invalid { violations }),
    }
}

/// The violations found so far.
struct Fit<'p> {
    product: &'p NewProduct,
    violations: Vec<Violation>,
}

impl Fit<'_> {
    fn violated(&mut self, field: String, rule: &str, message: String) {
        self.violations.push(Violation { field, rule: rule.to_owned(), message });
    }

    fn options(&mut self) {
        let mut names = HashSet::new();
        for (index, option) in self.product.options.iter().enumerate() {
            if !names.insert(&option.name) {
                let message = format!("the option {} is named twice", option.name);
                self.violated(format!("options[{index}].name"), "duplicate", message);
            }
            let mut values = HashSet::new();
            for (place, value) in option.values.iter().enumerate() {
                if !values.insert(value) {
                    let message = format!("{value} is listed twice");
                    self.violated(format!("options[{index}].values[{place}]"), "duplicate", message);
                }
            }
        }
    }

    fn variants(&mut self) {
        let (mut skus, mut choices) = (HashSet::new(), HashSet::new());
        let images: HashSet<&str> = self.product.images.iter().map(|image| image.url.as_str()).collect();
        for (index, variant) in self.product.variants.iter().enumerate() {
            self.choice(index, variant);
            if !skus.insert(&variant.sku) {
                let message = format!("{} is listed twice", variant.sku);
                self.violated(format!("variants[{index}].sku"), "duplicate", message);
            }
            if !choices.insert(&variant.options) {
                let message = "another variant has the same options".to_owned();
                self.violated(format!("variants[{index}].options"), "duplicate", message);
            }
            if variant.image.as_deref().is_some_and(|image| !images.contains(image)) {
                let message = "expected the url of one of the product's images".to_owned();
                self.violated(format!("variants[{index}].image"), "unknown_image", message);
            }
        }
    }

    /// A variant has a declared value of each declared option, and of no other.
    fn choice(&mut self, index: usize, variant: &NewVariant) {
        for option in &self.product.options {
            let field = format!("variants[{index}].options.{}", option.name);
            match variant.options.get(&option.name) {
                None => self.violated(field, "missing", format!("choose a value of {}", option.name)),
                Some(value) if !option.values.contains(value) => {
                    self.violated(field, "unknown_value", format!("{} has no value {value}", option.name));
                }
                Some(_) => {}
            }
        }
        for name in variant.options.keys() {
            if !self.product.options.iter().any(|option| option.name == *name) {
                let field = format!("variants[{index}].options.{name}");
                self.violated(field, "unknown_option", format!("the product has no option {name}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_contract::products::{Image, ProductOption, ProductStatus};
    use shoal_types::Money;

    use super::*;

    fn variant(sku: &str, choice: &[(&str, &str)]) -> NewVariant {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        NewVariant {
            sku: sku.to_owned(),
            options: choice.iter().map(own).collect(),
            prices: vec![Money::new(100, Currency::EUR)],
            weight_g: None,
            image: None,
            shippable: true,
            stock: 0,
        }
    }

    fn shirt(variants: Vec<NewVariant>) -> NewProduct {
        let option = |name: &str, values: &[&str]| ProductOption {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        NewProduct {
            slug: None,
            title: "Shirt".to_owned(),
            description: String::new(),
            brand: None,
            category: None,
            status: ProductStatus::Active,
            tax_category: "standard".to_owned(),
            options: vec![option("Colour", &["Sand", "Sea"]), option("Size", &["M", "L"])],
            variants,
            images: vec![Image { url: "/a.svg".to_owned(), alt: String::new() }],
            attributes: BTreeMap::new(),
        }
    }

    fn violations(product: &NewProduct) -> Vec<(String, String)> {
        match check_fit(product) {
            Err(Fault::Invalid { violations }) => {
                violations.into_iter().map(|violation| (violation.field, violation.rule)).collect()
            }
            other => panic!("expected violations, got {other:?}"),
        }
    }

    #[test]
    fn every_misfit_is_named_with_its_place() {
        let mut wrong = variant("C", &[("Colour", "Mud"), ("Fit", "Slim")]);
        wrong.image = Some("/b.svg".to_owned());
        let sand = [("Colour", "Sand"), ("Size", "M")];
        let found = violations(&shirt(vec![variant("A", &sand), variant("A", &sand), wrong]));
        let found: Vec<(&str, &str)> =
            found.iter().map(|(field, rule)| (field.as_str(), rule.as_str())).collect();
        assert_eq!(
            found,
            [
                ("variants[1].sku", "duplicate"),
                ("variants[1].options", "duplicate"),
                ("variants[2].options.Colour", "unknown_value"),
                ("variants[2].options.Size", "missing"),
                ("variants[2].options.Fit", "unknown_option"),
                ("variants[2].image", "unknown_image"),
            ]
        );
    }

    #[test]
    fn a_product_without_options_has_one_variant() {
        let mut mug = shirt(vec![variant("A", &[]), variant("B", &[])]);
        mug.options.clear();
        assert_eq!(violations(&mug), [("variants[1].options".to_owned(), "duplicate".to_owned())]);
        mug.variants.truncate(1);
        assert_eq!(check_fit(&mug), Ok(()));
    }

    #[test]
    fn the_contracts_own_rules_hold_here_too() {
        let mut mug = shirt(vec![variant(" A", &[])]);
        mug.title = " ".to_owned();
        mug.variants[0].prices[0].amount = -1;
        let mut fields: Vec<String> = violations(&mug).into_iter().map(|(field, _)| field).collect();
        fields.sort();
        assert_eq!(fields, ["title", "variants[0].prices", "variants[0].sku"]);
    }

    proptest! {
        #[test]
        fn what_fits_is_written_whole(picks in prop::collection::hash_set((0_usize..2, 0_usize..2), 1..4)) {
            let colours = ["Sand", "Sea"];
            let sizes = ["M", "L"];
            let variants = picks.iter().enumerate().map(|(index, (colour, size))| {
                variant(&format!("SKU-{index}"), &[("Colour", colours[*colour]), ("Size", sizes[*size])])
            });
            let new = shirt(variants.collect());
            prop_assert_eq!(check_fit(&new), Ok(()));
            let identity = Identity {
                id: ProductId::from_digest([1; 16]),
                version: 1,
                created_at: Timestamp::from_micros(1),
                updated_at: Timestamp::from_micros(1),
            };
            let mut next = 0_u8;
            let product = written(new.clone(), identity, "shirt".to_owned(), Vec::new(), |_| {
                next += 1;
                VariantId::from_digest([next; 16])
            });
            let ids: HashSet<VariantId> = product.variants.iter().map(|variant| variant.id).collect();
            prop_assert_eq!(ids.len(), new.variants.len());
            for (variant, new) in product.variants.iter().zip(&new.variants) {
                prop_assert_eq!((&variant.sku, &variant.options), (&new.sku, &new.options));
            }
            prop_assert_eq!(lowest_prices(&product).remove(&Currency::EUR), Some(100));
        }
    }
}
