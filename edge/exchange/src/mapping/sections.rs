//! The tables of a mapping, one for each part of our documents.

use std::collections::BTreeMap;

use serde::Deserialize;
use shoal_types::Currency;

use super::{Condition, Rule};
use crate::kind::{Delimiter, Kind};

/// What a field holds; decides which keys its rule may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    List,
    Money,
    Prices,
    Number,
    YesNo,
    Weight,
    Time,
}

/// Called with each rule, the key it stands under and what its field holds.
pub(crate) type Visit<'v> = dyn FnMut(&str, Holds, &mut Rule) + 'v;

/// A mapping as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    pub(crate) kind: Kind,
    #[serde(default)]
    #[expect(dead_code, reason = "for readers of the file")]
    about: Option<String>,
    #[serde(default)]
    pub(crate) file: FileRules,
    pub(crate) currency: Option<Currency>,
    pub(crate) currency_column: Option<String>,
    #[serde(default)]
    pub(crate) ignore: Vec<String>,
    #[serde(default)]
    pub(crate) lookup: BTreeMap<String, LookupRules>,
    #[serde(default)]
    pub(crate) also: Vec<AlsoFile>,
    #[serde(default)]
    pub(crate) skip_when: Vec<Condition>,
    #[serde(default)]
    pub(crate) reject_when: Vec<Condition>,
    pub(crate) distinct: Option<Distinct>,
    pub(crate) group: Option<Group>,
    pub(crate) product: Option<ProductRules>,
    pub(crate) variant: Option<VariantRules>,
    pub(crate) user: Option<UserRules>,
    pub(crate) order: Option<OrderRules>,
    pub(crate) line: Option<LineRules>,
    pub(crate) category: Option<CategoryRules>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileRules {
    pub(crate) delimiter: Option<Delimiter>,
    pub(crate) decimal_mark: Option<char>,
    pub(crate) thousands_mark: Option<char>,
}

/// A file whose rows are looked up by a key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupRules {
    pub(crate) file: String,
    /// Its column.
    pub(crate) key: String,
    /// The column of the main file; the same name if absent.
    pub(crate) on: Option<String>,
    #[serde(default)]
    pub(crate) optional: bool,
}

/// A file read after the main one, by the same rules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlsoFile {
    pub(crate) file: String,
    #[serde(default)]
    pub(crate) optional: bool,
}

/// Only the first row of each key counts; the others are skipped and counted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Distinct {
    pub(crate) by: Vec<String>,
    pub(crate) reason: String,
}

/// Rows with the same key make one document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) by: Vec<String>,
    #[serde(default)]
    pub(crate) rows: Neighbours,
    pub(crate) order_by: Option<String>,
    #[serde(default)]
    pub(crate) descending: bool,
    /// Such a row tells of the product and is no variant, unless it stands alone.
    pub(crate) parent_when: Option<Condition>,
    #[serde(default)]
    pub(crate) same_sku: SameSku,
}

/// Where the rows of a group are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Neighbours {
    /// One after the other: the file is read in constant memory.
    #[default]
    Adjacent,
    /// All over the file: it is held in memory.
    Anywhere,
}

/// What several rows of one SKU mean in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SameSku {
    #[default]
    Refuse,
    AddPrices,
    First,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProductRules {
    pub(crate) slug: Option<Rule>,
    /// Goes behind a slug that another document of the file has.
    pub(crate) slug_spare: Option<Rule>,
    pub(crate) title: Option<Rule>,
    pub(crate) description: Option<Rule>,
    pub(crate) brand: Option<Rule>,
    pub(crate) category: Option<PathRules>,
    pub(crate) status: Option<Rule>,
    pub(crate) tax_category: Option<Rule>,
    pub(crate) images: Vec<Rule>,
    pub(crate) image_alt: Option<Rule>,
    pub(crate) attributes: BTreeMap<String, Rule>,
    pub(crate) attribute_prefix: Option<String>,
    pub(crate) json: ProductJson,
}

/// Columns that hold JSON of our own shape.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProductJson {
    pub(crate) options: Option<String>,
    pub(crate) images: Option<String>,
    pub(crate) attributes: Option<String>,
}

/// Where a product hangs in the tree.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PathRules {
    /// One rule a level; blank levels are left out.
    pub(crate) path: Vec<Rule>,
    /// One column with the whole path.
    pub(crate) column: Option<Rule>,
    pub(crate) split: Option<String>,
    /// The column holds the slug of a category that is there.
    pub(crate) slug: Option<Rule>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VariantRules {
    pub(crate) sku: Option<Rule>,
    pub(crate) prices: Vec<Rule>,
    pub(crate) options: Vec<OptionRule>,
    pub(crate) weight: Option<Rule>,
    pub(crate) image: Option<Rule>,
    pub(crate) shippable: Option<Rule>,
    pub(crate) stock: Option<Rule>,
    pub(crate) json: VariantJson,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VariantJson {
    pub(crate) options: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptionRule {
    pub(crate) name: Rule,
    pub(crate) value: Rule,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UserRules {
    pub(crate) email: Option<Rule>,
    pub(crate) name: Option<Rule>,
    pub(crate) role: Option<Rule>,
    pub(crate) phone: Option<Rule>,
    pub(crate) accepts_marketing: Option<Rule>,
    pub(crate) tags: Vec<Rule>,
    pub(crate) address: Option<AddressRules>,
    pub(crate) json: UserJson,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UserJson {
    pub(crate) tags: Option<String>,
    pub(crate) addresses: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddressRules {
    pub(crate) name: Option<Rule>,
    pub(crate) line1: Option<Rule>,
    pub(crate) line2: Option<Rule>,
    pub(crate) city: Option<Rule>,
    pub(crate) postal_code: Option<Rule>,
    pub(crate) region: Option<Rule>,
    pub(crate) country: Option<Rule>,
    pub(crate) phone: Option<Rule>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrderRules {
    pub(crate) source: Option<Rule>,
    pub(crate) number: Option<Rule>,
    pub(crate) status: Option<Rule>,
    pub(crate) email: Option<Rule>,
    pub(crate) placed_at: Option<Rule>,
    pub(crate) shipping: Option<Rule>,
    pub(crate) shipping_address: Option<AddressRules>,
    pub(crate) note: Option<Rule>,
    pub(crate) tracking: Option<Rule>,
    pub(crate) json: OrderJson,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrderJson {
    pub(crate) shipping_address: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LineRules {
    pub(crate) sku: Option<Rule>,
    pub(crate) title: Option<Rule>,
    pub(crate) quantity: Option<Rule>,
    pub(crate) unit_price: Option<Rule>,
    pub(crate) subtotal: Option<Rule>,
    pub(crate) discounts: Vec<DiscountRule>,
    pub(crate) json: LineJson,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LineJson {
    pub(crate) discounts: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscountRule {
    pub(crate) kind: Rule,
    pub(crate) amount: Rule,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CategoryRules {
    pub(crate) slug: Option<Rule>,
    pub(crate) title: Option<Rule>,
    pub(crate) parent: Option<Rule>,
    pub(crate) position: Option<Rule>,
}

fn one(visit: &mut Visit<'_>, key: &str, holds: Holds, rule: &mut Option<Rule>) {
    if let Some(rule) = rule {
        visit(key, holds, rule);
    }
}

fn all<'r>(visit: &mut Visit<'_>, key: &str, holds: Holds, rules: impl IntoIterator<Item = &'r mut Rule>) {
    for (index, rule) in rules.into_iter().enumerate() {
        visit(&format!("{key}[{index}]"), holds, rule);
    }
}

impl Rules {
    /// Visits every rule of the mapping's sections.
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        if let Some(product) = &mut self.product {
            product.visit(visit);
        }
        if let Some(variant) = &mut self.variant {
            variant.visit(visit);
        }
        if let Some(user) = &mut self.user {
            user.visit(visit);
        }
        if let Some(order) = &mut self.order {
            order.visit(visit);
        }
        if let Some(line) = &mut self.line {
            line.visit(visit);
        }
        if let Some(category) = &mut self.category {
            one(visit, "category.slug", Holds::Text, &mut category.slug);
            one(visit, "category.title", Holds::Text, &mut category.title);
            one(visit, "category.parent", Holds::Text, &mut category.parent);
            one(visit, "category.position", Holds::Number, &mut category.position);
        }
    }

    /// The columns that hold JSON, with their keys.
    pub(crate) fn json_columns(&self) -> Vec<(&'static str, &str)> {
        let product = self.product.as_ref().map(|product| &product.json);
        let variant = self.variant.as_ref().map(|variant| &variant.json);
        let user = self.user.as_ref().map(|user| &user.json);
        let columns = [
            ("product.json.options", product.and_then(|json| json.options.as_deref())),
            ("product.json.images", product.and_then(|json| json.images.as_deref())),
            ("product.json.attributes", product.and_then(|json| json.attributes.as_deref())),
            ("variant.json.options", variant.and_then(|json| json.options.as_deref())),
            ("user.json.tags", user.and_then(|json| json.tags.as_deref())),
            ("user.json.addresses", user.and_then(|json| json.addresses.as_deref())),
            (
                "order.json.shipping_address",
                self.order.as_ref().and_then(|order| order.json.shipping_address.as_deref()),
            ),
            ("line.json.discounts", self.line.as_ref().and_then(|line| line.json.discounts.as_deref())),
        ];
        columns.into_iter().filter_map(|(key, column)| column.map(|column| (key, column))).collect()
    }
}

impl ProductRules {
    fn visit(&mut self, visit: &mut Visit<'_>) {
        use Holds::{List, Text};
        one(visit, "product.slug", Text, &mut self.slug);
        one(visit, "product.slug_spare", Text, &mut self.slug_spare);
        one(visit, "product.title", Text, &mut self.title);
        one(visit, "product.description", Text, &mut self.description);
        one(visit, "product.brand", Text, &mut self.brand);
        one(visit, "product.status", Text, &mut self.status);
        one(visit, "product.tax_category", Text, &mut self.tax_category);
        all(visit, "product.images", List, &mut self.images);
        one(visit, "product.image_alt", Text, &mut self.image_alt);
        for (name, rule) in &mut self.attributes {
            visit(&format!("product.attributes.{name}"), Text, rule);
        }
        if let Some(category) = &mut self.category {
            all(visit, "product.category.path", Text, &mut category.path);
            one(visit, "product.category.column", Text, &mut category.column);
            one(visit, "product.category.slug", Text, &mut category.slug);
        }
    }
}

impl VariantRules {
    fn visit(&mut self, visit: &mut Visit<'_>) {
        one(visit, "variant.sku", Holds::Text, &mut self.sku);
        all(visit, "variant.prices", Holds::Prices, &mut self.prices);
        all(
            visit,
            "variant.options.name",
            Holds::Text,
            self.options.iter_mut().map(|option| &mut option.name),
        );
        all(
            visit,
            "variant.options.value",
            Holds::Text,
            self.options.iter_mut().map(|option| &mut option.value),
        );
        one(visit, "variant.weight", Holds::Weight, &mut self.weight);
        one(visit, "variant.image", Holds::Text, &mut self.image);
        one(visit, "variant.shippable", Holds::YesNo, &mut self.shippable);
        one(visit, "variant.stock", Holds::Number, &mut self.stock);
    }
}

impl UserRules {
    fn visit(&mut self, visit: &mut Visit<'_>) {
        one(visit, "user.email", Holds::Text, &mut self.email);
        one(visit, "user.name", Holds::Text, &mut self.name);
        one(visit, "user.role", Holds::Text, &mut self.role);
        one(visit, "user.phone", Holds::Text, &mut self.phone);
        one(visit, "user.accepts_marketing", Holds::YesNo, &mut self.accepts_marketing);
        all(visit, "user.tags", Holds::List, &mut self.tags);
        if let Some(address) = &mut self.address {
            address.visit("user.address", visit);
        }
    }
}

impl AddressRules {
    fn visit(&mut self, key: &str, visit: &mut Visit<'_>) {
        let Self { name, line1, line2, city, postal_code, region, country, phone } = self;
        let fields = [
            ("name", name),
            ("line1", line1),
            ("line2", line2),
            ("city", city),
            ("postal_code", postal_code),
            ("region", region),
            ("country", country),
            ("phone", phone),
        ];
        for (field, rule) in fields {
            one(visit, &format!("{key}.{field}"), Holds::Text, rule);
        }
    }
}

impl OrderRules {
    fn visit(&mut self, visit: &mut Visit<'_>) {
        one(visit, "order.source", Holds::Text, &mut self.source);
        one(visit, "order.number", Holds::Text, &mut self.number);
        one(visit, "order.status", Holds::Text, &mut self.status);
        one(visit, "order.email", Holds::Text, &mut self.email);
        one(visit, "order.placed_at", Holds::Time, &mut self.placed_at);
        one(visit, "order.shipping", Holds::Money, &mut self.shipping);
        one(visit, "order.note", Holds::Text, &mut self.note);
        one(visit, "order.tracking", Holds::Text, &mut self.tracking);
        if let Some(address) = &mut self.shipping_address {
            address.visit("order.shipping_address", visit);
        }
    }
}

impl LineRules {
    fn visit(&mut self, visit: &mut Visit<'_>) {
        one(visit, "line.sku", Holds::Text, &mut self.sku);
        one(visit, "line.title", Holds::Text, &mut self.title);
        one(visit, "line.quantity", Holds::Number, &mut self.quantity);
        one(visit, "line.unit_price", Holds::Money, &mut self.unit_price);
        one(visit, "line.subtotal", Holds::Money, &mut self.subtotal);
        let discounts = &mut self.discounts;
        all(
            visit,
            "line.discounts.kind",
            Holds::Text,
            discounts.iter_mut().map(|discount| &mut discount.kind),
        );
        all(
            visit,
            "line.discounts.amount",
            Holds::Money,
            discounts.iter_mut().map(|discount| &mut discount.amount),
        );
    }
}
