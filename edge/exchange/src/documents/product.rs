use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use shoal_contract::products::{Image, ImportProducts, NewProduct, NewVariant, ProductOption, ProductStatus};
use shoal_contract::users::Imported;
use shoal_types::{Context, Money};

use super::{Desk, Document, Spoiled, Stop, first, missing_section, needed, pick_text, text_of, word};
use crate::Kind;
use crate::cells::{Row, Sheet};
use crate::convert::{self, Bad};
use crate::group::Kept;
use crate::mapping::{Group, PathRules, ProductRules, Rule, SameSku, VariantRules};
use crate::slug::slugify;
use crate::summary::{Notes, Targets};

impl Document for NewProduct {
    const KIND: Kind = Kind::Products;
    const IDENTITY: &'static str = "slug";

    fn build(desk: &mut Desk<'_>, sheet: &Sheet, rows: &[Kept]) -> Result<(Self, Vec<u64>), Spoiled> {
        let rules = &desk.mapping.rules;
        let (Some(product), Some(variant), [head, ..]) = (&rules.product, &rules.variant, rows) else {
            return Err(missing_section());
        };
        let mut page = Page { rules: product, rows, sheet, line: head.line };
        let variants = Variants::read(variant, rules.group.as_ref(), rows, sheet, &mut desk.notes)?;
        let title = page.text(&product.title, desk)?;
        let title = needed(title, product.title.as_ref(), "title").map_err(|bad| (head.line, bad))?;
        let status = page.text(&product.status, desk)?;
        let status = word(product.status.as_ref(), status, status_word, "draft, active, archived");
        let lines = variants.lines;
        let document = Self {
            slug: Some(page.slug(&title, variants.made.first(), desk)?),
            description: page.text(&product.description, desk)?.unwrap_or_default(),
            brand: page.text(&product.brand, desk)?,
            category: page.category(desk)?,
            status: status.map_err(|bad| (head.line, bad))?.unwrap_or_default(),
            tax_category: page.text(&product.tax_category, desk)?.unwrap_or_else(|| "standard".into()),
            options: page.json(&product.json.options)?.unwrap_or(variants.options),
            images: page.images(&variants.made)?,
            attributes: page.attributes(desk)?,
            variants: variants.made,
            title,
        };
        Ok((document, lines))
    }

    /// Without a slug the house finds it by its first SKU.
    fn identity(&self) -> String {
        let sku = || self.variants.first().map(|variant| format!("SKU {}", variant.sku));
        self.slug.clone().or_else(sku).unwrap_or_default()
    }

    fn forget_category(&mut self, unmade: &HashSet<String>) {
        if self.category.as_ref().is_some_and(|category| unmade.contains(category)) {
            self.category = None;
        }
    }

    async fn write(
        targets: &Targets,
        cx: &Context,
        products: Vec<Self>,
        dry_run: bool,
    ) -> Result<Vec<Imported>, Stop> {
        Ok(targets.products.import_products(cx, ImportProducts { products, dry_run }).await?)
    }
}

fn status_word(word: &str) -> Option<ProductStatus> {
    match word {
        "draft" => Some(ProductStatus::Draft),
        "active" => Some(ProductStatus::Active),
        "archived" => Some(ProductStatus::Archived),
        _ => None,
    }
}

/// What a product says once, whatever the number of its rows.
struct Page<'a> {
    rules: &'a ProductRules,
    rows: &'a [Kept],
    sheet: &'a Sheet,
    line: u64,
}

impl Page<'_> {
    fn text(&self, rule: &Option<Rule>, desk: &mut Desk<'_>) -> Result<Option<String>, Spoiled> {
        pick_text(rule.as_ref(), self.rows, self.sheet, &mut desk.notes)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, column: &Option<String>) -> Result<Option<T>, Spoiled> {
        let Some(column) = column else { return Ok(None) };
        first(self.rows, self.sheet, |row| convert::json(column, row))
    }

    /// A slug that the file gives stands as it is. One that is made gives way to an earlier product of the file.
    fn slug(
        &self,
        title: &str,
        variant: Option<&NewVariant>,
        desk: &mut Desk<'_>,
    ) -> Result<String, Spoiled> {
        // The title, of which a slug is made, tells of different values already.
        let mut untold = Notes::default();
        let made = self.rules.slug.as_ref().is_none_or(|rule| rule.0.slug);
        let sku = variant.map(|variant| variant.sku.as_str()).unwrap_or_default();
        let notes = if made { &mut untold } else { &mut desk.notes };
        let wanted = match pick_text(self.rules.slug.as_ref(), self.rows, self.sheet, notes)? {
            Some(given) if !made => return Ok(given),
            Some(given) => given,
            None => slugify(title),
        };
        let spare = self.text(&self.rules.slug_spare, desk)?;
        let spare = spare.as_deref().unwrap_or(sku);
        let wanted = if wanted.is_empty() { slugify(spare) } else { wanted };
        if wanted.is_empty() {
            let reason =
                "no slug can be made: neither title nor SKU has a letter or digit that is known".to_owned();
            let column = self.rules.title.as_ref().and_then(Rule::first_column);
            return Err((self.line, Bad { column, value: Some(title.to_owned()), code: "no_slug", reason }));
        }
        Ok(desk.slugs.give(wanted, Some(spare), sku))
    }

    fn category(&self, desk: &mut Desk<'_>) -> Result<Option<String>, Spoiled> {
        let Some(rules) = &self.rules.category else { return Ok(None) };
        if let Some(slug) = &rules.slug {
            return pick_text(Some(slug), self.rows, self.sheet, &mut desk.notes);
        }
        let path =
            first(self.rows, self.sheet, |row| Ok(Some(path(rules, row)?).filter(|path| !path.is_empty())))?;
        let Some(path) = path else { return Ok(None) };
        let place = desk.tree.place(&path, self.line);
        place.map(Some).ok_or_else(|| {
            let reason =
                "no category can be made of this path: at most 20 levels, each with a letter or digit";
            let column = rules.column.as_ref().or(rules.path.first()).and_then(Rule::first_column);
            let value = Some(path.join(" > "));
            (self.line, Bad { column, value, code: "invalid_category", reason: reason.to_owned() })
        })
    }

    /// Every picture that a row names, each once, in the order of the rows; those of the variants too.
    fn images(&self, variants: &[NewVariant]) -> Result<Vec<Image>, Spoiled> {
        let mut images: Vec<Image> = self.json(&self.rules.json.images)?.unwrap_or_default();
        for kept in self.rows {
            let row = kept.row(self.sheet);
            let mut read = || {
                for rule in &self.rules.images {
                    for url in convert::list(rule, row)? {
                        if !images.iter().any(|image| image.url == url) {
                            let alt = text_of(self.rules.image_alt.as_ref(), row)?.unwrap_or_default();
                            images.push(Image { url, alt });
                        }
                    }
                }
                Ok(())
            };
            read().map_err(|bad| (kept.line, bad))?;
        }
        for url in variants.iter().filter_map(|variant| variant.image.as_ref()) {
            if !images.iter().any(|image| image.url == *url) {
                images.push(Image { url: url.clone(), alt: String::new() });
            }
        }
        Ok(images)
    }

    fn attributes(&mut self, desk: &mut Desk<'_>) -> Result<BTreeMap<String, String>, Spoiled> {
        let mut attributes: BTreeMap<String, String> =
            self.json(&self.rules.json.attributes)?.unwrap_or_default();
        for (name, rule) in &self.rules.attributes {
            if let Some(value) = pick_text(Some(rule), self.rows, self.sheet, &mut desk.notes)? {
                attributes.insert(name.clone(), value);
            }
        }
        let Some(prefix) = &self.rules.attribute_prefix else { return Ok(attributes) };
        for column in &self.sheet.header {
            let Some(name) = column.strip_prefix(prefix.as_str()).filter(|name| !name.is_empty()) else {
                continue;
            };
            let value = first(self.rows, self.sheet, |row| {
                let cell = row.get(column).trim();
                Ok(Some(cell).filter(|cell| !cell.is_empty()).map(str::to_owned))
            })?;
            attributes.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(attributes)
    }
}

fn path(rules: &PathRules, row: Row<'_>) -> Result<Vec<String>, Bad> {
    let mut path = Vec::new();
    for level in &rules.path {
        path.extend(text_of(Some(level), row)?);
    }
    if let Some(found) = text_of(rules.column.as_ref(), row)? {
        match &rules.split {
            Some(split) => {
                let parts = found.split(split.as_str()).map(str::trim).filter(|part| !part.is_empty());
                path.extend(parts.map(str::to_owned));
            }
            None => path.push(found),
        }
    }
    Ok(path)
}

/// The variants of a product, with the line of each and the options they choose from.
struct Variants {
    made: Vec<NewVariant>,
    lines: Vec<u64>,
    options: Vec<ProductOption>,
}

impl Variants {
    fn read(
        rules: &VariantRules,
        group: Option<&Group>,
        rows: &[Kept],
        sheet: &Sheet,
        notes: &mut Notes,
    ) -> Result<Self, Spoiled> {
        let parent = |kept: &Kept| {
            let condition = group.and_then(|group| group.parent_when.as_ref());
            condition.is_some_and(|condition| condition.holds(kept.row(sheet)))
        };
        let alone = rows.iter().all(parent);
        let same_sku = group.map(|group| group.same_sku).unwrap_or_default();
        let mut variants = Self { made: Vec::new(), lines: Vec::new(), options: Vec::new() };
        for kept in rows.iter().filter(|kept| alone || !parent(kept)) {
            let row = kept.row(sheet);
            let made = variant(rules, row, notes).and_then(|(made, chosen)| {
                variants.options(chosen);
                variants.put(made, kept.line, same_sku, rules, notes)
            });
            made.map_err(|bad| (kept.line, bad))?;
        }
        if let Some((priceless, line)) =
            variants.made.iter().zip(&variants.lines).find(|(variant, _)| variant.prices.is_empty())
        {
            let bad = Bad {
                column: rules.prices.first().and_then(Rule::first_column),
                value: None,
                code: "missing_value",
                reason: format!("the price of {} is blank", priceless.sku),
            };
            return Err((*line, bad));
        }
        Ok(variants)
    }

    fn options(&mut self, chosen: Vec<(String, String)>) {
        for (name, value) in chosen {
            let option = match self.options.iter_mut().find(|option| option.name == name) {
                Some(option) => option,
                None => {
                    self.options.push(ProductOption { name, values: Vec::new() });
                    match self.options.last_mut() {
                        Some(option) => option,
                        None => continue,
                    }
                }
            };
            if !option.values.contains(&value) {
                option.values.push(value);
            }
        }
    }

    fn put(
        &mut self,
        made: NewVariant,
        line: u64,
        same_sku: SameSku,
        rules: &VariantRules,
        notes: &mut Notes,
    ) -> Result<(), Bad> {
        let Some(place) = self.made.iter().position(|variant| variant.sku == made.sku) else {
            self.made.push(made);
            self.lines.push(line);
            return Ok(());
        };
        let bad = |rule: Option<&Rule>, value: String, code, reason: &str| Bad {
            column: rule.and_then(Rule::first_column),
            value: Some(value),
            code,
            reason: reason.to_owned(),
        };
        match same_sku {
            SameSku::Refuse => {
                let reason = "the product has this SKU twice; if rows of one SKU add prices, say same_sku = \
                              \"add_prices\" under [group]";
                Err(bad(rules.sku.as_ref(), made.sku, "duplicate_sku", reason))
            }
            SameSku::First => {
                notes.add("repeated_sku", || {
                    format!("line {line}: {} again, its first row was taken", made.sku)
                });
                Ok(())
            }
            SameSku::AddPrices => add(&mut self.made[place], made).map_err(|price| {
                let reason = "the SKU has another price in this currency already";
                bad(rules.prices.first(), price.to_string(), "duplicate_price", reason)
            }),
        }
    }
}

/// Adds what a further row of the SKU says; the price that contradicts an earlier one is the error.
fn add(variant: &mut NewVariant, more: NewVariant) -> Result<(), Money> {
    for price in more.prices {
        match variant.prices.iter().find(|known| known.currency == price.currency) {
            None => variant.prices.push(price),
            Some(known) if *known == price => {}
            Some(_) => return Err(price),
        }
    }
    for (name, value) in more.options {
        variant.options.entry(name).or_insert(value);
    }
    variant.weight_g = variant.weight_g.or(more.weight_g);
    variant.image = variant.image.take().or(more.image);
    variant.stock = variant.stock.max(more.stock);
    Ok(())
}

/// A variant and what it chooses, in the order of the mapping.
type Chosen = (NewVariant, Vec<(String, String)>);

fn variant(rules: &VariantRules, row: Row<'_>, notes: &mut Notes) -> Result<Chosen, Bad> {
    let sku = needed(text_of(rules.sku.as_ref(), row)?, rules.sku.as_ref(), "SKU")?;
    let mut prices = Vec::new();
    for rule in &rules.prices {
        prices.extend(convert::prices(rule, row, notes)?);
    }
    let mut chosen: Vec<(String, String)> = Vec::new();
    if let Some(column) = &rules.json.options {
        let options: Option<BTreeMap<String, String>> = convert::json(column, row)?;
        chosen.extend(options.into_iter().flatten());
    }
    for option in &rules.options {
        let name = convert::text(&option.name, row)?.map(Cow::into_owned);
        let value = convert::text(&option.value, row)?.map(Cow::into_owned);
        chosen.extend(name.zip(value));
    }
    let weight_g = match &rules.weight {
        Some(rule) => convert::grams(rule, row)?,
        None => None,
    };
    let shippable = match &rules.shippable {
        Some(rule) => convert::yes_no(rule, row)?.unwrap_or(true),
        None => true,
    };
    let stock = match &rules.stock {
        Some(rule) => convert::whole(rule, row, notes)?.unwrap_or_default(),
        None => 0,
    };
    let image = text_of(rules.image.as_ref(), row)?;
    let options = chosen.iter().cloned().collect();
    Ok((NewVariant { sku, options, prices, weight_g, image, shippable, stock }, chosen))
}
