use std::io::{self, Write};

use serde::Serialize;
use shoal_contract::orders::{PastLine, PastOrder};
use shoal_contract::products::{NewCategory, NewProduct, NewVariant, ProductStatus};
use shoal_contract::users::NewUser;
use shoal_types::Money;

use crate::{Delimiter, Error, Format, Kind};

/// Where documents are written, as JSON lines or as rows under a header.
pub(super) enum Table<'a> {
    JsonLines(&'a mut (dyn Write + Send)),
    Csv(Box<csv::Writer<&'a mut (dyn Write + Send)>>),
}

const PRODUCT: &[&str] = &[
    "slug",
    "title",
    "description",
    "brand",
    "category",
    "status",
    "tax_category",
    "options",
    "images",
    "attributes",
    "sku",
    "choice",
    "prices",
    "weight_g",
    "image",
    "shippable",
    "stock",
];
const USER: &[&str] = &["email", "name", "role", "phone", "accepts_marketing", "tags", "addresses"];
const ORDER: &[&str] = &[
    "source",
    "number",
    "status",
    "email",
    "placed_at",
    "shipping",
    "shipping_address",
    "note",
    "tracking",
    "currency",
    "sku",
    "title",
    "quantity",
    "unit_price",
    "subtotal",
    "discounts",
];
const CATEGORY: &[&str] = &["slug", "title", "parent", "position"];

fn unwritable(error: impl Into<io::Error>) -> Error {
    Error::file("the export", "write it", &error.into())
}

/// A cell that holds JSON; blank for nothing.
fn json<T: Serialize>(value: &T, blank: bool) -> Result<String, Error> {
    if blank { Ok(String::new()) } else { serde_json::to_string(value).map_err(unwritable) }
}

/// The amount without its currency: `19.99`.
fn decimal(money: Money) -> String {
    let shown = money.to_string();
    shown.split(' ').next().unwrap_or_default().to_owned()
}

fn or_blank(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

const fn status(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Draft => "draft",
        ProductStatus::Active => "active",
        ProductStatus::Archived => "archived",
    }
}

impl<'a> Table<'a> {
    /// Writes the header, if the format has one.
    pub(super) fn new(
        kind: Kind,
        format: Format,
        delimiter: Delimiter,
        out: &'a mut (dyn Write + Send),
    ) -> Result<Self, Error> {
        if format == Format::JsonLines {
            return Ok(Self::JsonLines(out));
        }
        let header = match kind {
            Kind::Products => PRODUCT,
            Kind::Users => USER,
            Kind::Orders => ORDER,
            Kind::Categories => CATEGORY,
        };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter.byte())
            .terminator(csv::Terminator::CRLF)
            .from_writer(out);
        writer.write_record(header).map_err(unwritable)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    /// Writes a line of JSON if that is the format; whether it is.
    fn line<T: Serialize>(&mut self, document: &T) -> Result<bool, Error> {
        let Self::JsonLines(out) = self else { return Ok(false) };
        serde_json::to_writer(&mut **out, document).map_err(unwritable)?;
        out.write_all(b"\n").map_err(unwritable)?;
        Ok(true)
    }

    fn row(&mut self, cells: &[&str]) -> Result<(), Error> {
        match self {
            Self::Csv(writer) => writer.write_record(cells).map_err(unwritable),
            Self::JsonLines(_) => Ok(()),
        }
    }

    /// Writes a product; the rows it took.
    pub(super) fn product(&mut self, product: &NewProduct) -> Result<u64, Error> {
        if self.line(product)? {
            return Ok(1);
        }
        let options = json(&product.options, product.options.is_empty())?;
        let images = json(&product.images, product.images.is_empty())?;
        let attributes = json(&product.attributes, product.attributes.is_empty())?;
        let head = [
            or_blank(&product.slug),
            &product.title,
            &product.description,
            or_blank(&product.brand),
            or_blank(&product.category),
            status(product.status),
            &product.tax_category,
            &options,
            &images,
            &attributes,
        ];
        for variant in &product.variants {
            let cells = variant_cells(variant)?;
            let row: Vec<&str> = head.into_iter().chain(cells.iter().map(String::as_str)).collect();
            self.row(&row)?;
        }
        Ok(product.variants.len() as u64)
    }

    /// Writes a user; the rows it took.
    pub(super) fn user(&mut self, user: &NewUser) -> Result<u64, Error> {
        if self.line(user)? {
            return Ok(1);
        }
        let tags = json(&user.tags, user.tags.is_empty())?;
        let addresses = json(&user.addresses, user.addresses.is_empty())?;
        let marketing = if user.accepts_marketing { "yes" } else { "no" };
        let phone = or_blank(&user.phone);
        self.row(&[&user.email, &user.name, user.role.as_str(), phone, marketing, &tags, &addresses])?;
        Ok(1)
    }

    /// Writes an order; the rows it took.
    pub(super) fn order(&mut self, order: &PastOrder) -> Result<u64, Error> {
        if self.line(order)? {
            return Ok(1);
        }
        let address = json(&order.shipping_address, order.shipping_address.is_none())?;
        let placed_at = order.placed_at.to_string();
        let shipping = order.shipping.map(decimal).unwrap_or_default();
        let head = [
            order.source.as_str(),
            &order.number,
            order.status.as_str(),
            or_blank(&order.email),
            &placed_at,
            &shipping,
            &address,
            or_blank(&order.note),
            or_blank(&order.tracking),
        ];
        for line in &order.lines {
            let cells = line_cells(line)?;
            let row: Vec<&str> = head.into_iter().chain(cells.iter().map(String::as_str)).collect();
            self.row(&row)?;
        }
        Ok(order.lines.len() as u64)
    }

    /// Writes a category; the rows it took.
    pub(super) fn category(&mut self, category: &NewCategory) -> Result<u64, Error> {
        if self.line(category)? {
            return Ok(1);
        }
        let position = category.position.to_string();
        self.row(&[&category.slug, &category.title, or_blank(&category.parent), &position])?;
        Ok(1)
    }

    /// Writes out what is buffered.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        match self {
            Self::JsonLines(out) => out.flush().map_err(unwritable),
            Self::Csv(writer) => writer.flush().map_err(unwritable),
        }
    }
}

fn variant_cells(variant: &NewVariant) -> Result<[String; 7], Error> {
    let prices: Vec<String> = variant.prices.iter().map(Money::to_string).collect();
    Ok([
        variant.sku.clone(),
        json(&variant.options, variant.options.is_empty())?,
        prices.join("; "),
        variant.weight_g.map(|grams| grams.to_string()).unwrap_or_default(),
        variant.image.clone().unwrap_or_default(),
        if variant.shippable { "yes" } else { "no" }.to_owned(),
        variant.stock.to_string(),
    ])
}

fn line_cells(line: &PastLine) -> Result<[String; 7], Error> {
    Ok([
        line.subtotal.currency.code().to_owned(),
        line.sku.clone(),
        line.title.clone(),
        line.quantity.to_string(),
        line.unit_price.map(decimal).unwrap_or_default(),
        decimal(line.subtotal),
        json(&line.discounts, line.discounts.is_empty())?,
    ])
}
