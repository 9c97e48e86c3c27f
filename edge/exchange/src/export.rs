//! What the houses hold, written so that an import takes it again.

mod past;
mod tables;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use shoal_contract::orders::{ListOrders, PastOrder};
use shoal_contract::products::{
    ListCategories, ListProducts, LookUp, NewCategory, NewProduct, NewVariant, Product,
};
use shoal_contract::users::{ListUsers, NewUser, User, UserRef};
use shoal_types::{Context, Cursor, Limit, PageRequest};

use crate::documents::Stop;
use crate::progress::{Progress, Progressed};
use crate::{Cancel, Delimiter, Error, Format, Kind, Targets};
use tables::Table;

/// SKUs whose stock is asked for in one call, at most.
const SKUS_MAX: usize = 1_000;

/// An export to be run.
#[derive(Debug, Clone)]
pub struct Export {
    /// What to write.
    pub kind: Kind,
    /// How.
    pub format: Format,
    /// What stands between cells.
    pub delimiter: Delimiter,
    /// The source under which orders placed here are written. An import refuses the source `web` as it stands, so
    /// that no order comes to be there twice; name one to take them into another shop.
    pub web_as: Option<String>,
    /// Ends the export after the page at hand; the file is then not made.
    pub cancel: Cancel,
}

/// What an export did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Exported {
    /// Documents written.
    pub documents: u64,
    /// Lines written, without a header.
    pub rows: u64,
    /// Whether it was asked to end early.
    pub cancelled: bool,
}

impl Export {
    /// An export with everything as usual.
    pub fn new(kind: Kind, format: Format) -> Self {
        Self { kind, format, delimiter: Delimiter::Comma, web_as: None, cancel: Cancel::default() }
    }

    /// Writes everything of the kind to `file`. It appears whole under its name, or not at all.
    ///
    /// # Errors
    /// `File` if it cannot be written, `Service` if a house does not answer.
    pub async fn run(
        &self,
        contexts: impl Fn() -> Context + Send + Sync,
        targets: &Targets,
        progress: &dyn Progress,
        file: &Path,
    ) -> Result<Exported, Error> {
        let part = part_of(file);
        let made = File::create(&part).map_err(|error| Error::file(&part, "make it", &error))?;
        let mut out = BufWriter::new(made);
        let written = self.write_to(contexts, targets, progress, &mut out).await;
        let placed = match written {
            Ok(exported) if !exported.cancelled => place(out, &part, file).map(|()| exported),
            other => {
                // The part is of no use; if it cannot be removed either, the first error says more.
                let _ = std::fs::remove_file(&part);
                return other;
            }
        };
        placed.map_err(|error| Error::file(file, "write it", &error))
    }

    /// Writes everything of the kind to `out`.
    ///
    /// # Errors
    /// `File` if it cannot be written, `Service` if a house does not answer.
    pub async fn write_to(
        &self,
        contexts: impl Fn() -> Context + Send + Sync,
        targets: &Targets,
        progress: &dyn Progress,
        out: &mut (dyn Write + Send),
    ) -> Result<Exported, Error> {
        let mut desk = Desk {
            export: self,
            contexts,
            targets,
            progress,
            table: Table::new(self.kind, self.format, self.delimiter, out)?,
            exported: Exported::default(),
        };
        match self.kind {
            Kind::Products => desk.products().await?,
            Kind::Users => desk.users().await?,
            Kind::Orders => desk.orders().await?,
            Kind::Categories => desk.categories().await?,
        }
        desk.table.finish()?;
        Ok(desk.exported)
    }
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".part");
    name.into()
}

fn place(out: BufWriter<File>, part: &Path, file: &Path) -> io::Result<()> {
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(part, file)
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        Self::Service { code: stop.code, message: stop.message }
    }
}

struct Desk<'a, F> {
    export: &'a Export,
    contexts: F,
    targets: &'a Targets,
    progress: &'a dyn Progress,
    table: Table<'a>,
    exported: Exported,
}

impl<F: Fn() -> Context + Send + Sync> Desk<'_, F> {
    fn context(&self) -> Context {
        (self.contexts)()
    }

    /// Notes a page; whether another is wanted.
    fn turn(&mut self, next: Option<Cursor>) -> Option<PageRequest> {
        let rows = self.exported.rows;
        self.progress.advance(Progressed { bytes_read: 0, bytes_total: 0, rows, refused: 0 });
        let page = next.map(|cursor| PageRequest { limit: Limit::MAX, cursor: Some(cursor) })?;
        self.exported.cancelled = self.export.cancel.is_cancelled();
        if self.exported.cancelled { None } else { Some(page) }
    }

    fn count(&mut self, rows: u64) {
        self.exported.documents += 1;
        self.exported.rows += rows;
    }

    async fn products(&mut self) -> Result<(), Error> {
        let mut wanted = Some(first_page());
        while let Some(page) = wanted {
            let list = ListProducts { page, ..ListProducts::default() };
            let found =
                self.targets.products.list_products(&self.context(), list).await.map_err(Stop::from)?;
            let stock = self.stock(&found.items).await?;
            let mut stock = stock.into_iter();
            for product in found.items {
                let stock = stock.by_ref().take(product.variants.len()).collect();
                let rows = self.table.product(&new_product(&product, stock))?;
                self.count(rows);
            }
            wanted = self.turn(found.next);
        }
        Ok(())
    }

    /// Pieces on hand of each variant, in order.
    async fn stock(&self, products: &[Arc<Product>]) -> Result<Vec<i64>, Error> {
        let variants = products.iter().flat_map(|product| &product.variants);
        let skus: Vec<String> = variants.map(|variant| variant.sku.clone()).collect();
        let mut on_hand = Vec::with_capacity(skus.len());
        for skus in skus.chunks(SKUS_MAX) {
            let asked = LookUp { skus: skus.to_vec() };
            let found = self.targets.products.get_stock(&self.context(), asked).await.map_err(Stop::from)?;
            on_hand.extend(found.into_iter().map(|stock| stock.map_or(0, |stock| stock.on_hand)));
        }
        Ok(on_hand)
    }

    async fn users(&mut self) -> Result<(), Error> {
        let mut wanted = Some(first_page());
        while let Some(page) = wanted {
            let list = ListUsers { page, ..ListUsers::default() };
            let found = self.targets.users.list_users(&self.context(), list).await.map_err(Stop::from)?;
            for user in found.items {
                let asked = UserRef { user: user.id };
                let saved =
                    self.targets.users.list_addresses(&self.context(), asked).await.map_err(Stop::from)?;
                let addresses = saved.into_iter().map(|saved| saved.address).collect();
                let rows = self.table.user(&new_user(user, addresses))?;
                self.count(rows);
            }
            wanted = self.turn(found.next);
        }
        Ok(())
    }

    async fn orders(&mut self) -> Result<(), Error> {
        let mut wanted = Some(first_page());
        while let Some(page) = wanted {
            let list = ListOrders { page, ..ListOrders::default() };
            let found = self.targets.orders.list_orders(&self.context(), list).await.map_err(Stop::from)?;
            for order in found.items {
                let past: PastOrder = past::past_order(order, self.export.web_as.as_deref());
                let rows = self.table.order(&past)?;
                self.count(rows);
            }
            wanted = self.turn(found.next);
        }
        Ok(())
    }

    async fn categories(&mut self) -> Result<(), Error> {
        let listed = self.targets.products.list_categories(&self.context(), ListCategories {}).await;
        let listed = listed.map_err(Stop::from)?;
        for category in &listed {
            let parent = listed.iter().find(|parent| Some(parent.id) == category.parent);
            let document = NewCategory {
                slug: category.slug.clone(),
                title: category.title.clone(),
                parent: parent.map(|parent| parent.slug.clone()),
                position: category.position,
            };
            let rows = self.table.category(&document)?;
            self.count(rows);
        }
        self.turn(None);
        Ok(())
    }
}

fn first_page() -> PageRequest {
    PageRequest { limit: Limit::MAX, cursor: None }
}

fn new_product(product: &Product, stock: Vec<i64>) -> NewProduct {
    let mut stock = stock.into_iter();
    let variants = product.variants.iter().map(|variant| NewVariant {
        sku: variant.sku.clone(),
        options: variant.options.clone(),
        prices: variant.prices.clone(),
        weight_g: variant.weight_g,
        image: variant.image.clone(),
        shippable: variant.shippable,
        stock: stock.next().unwrap_or_default(),
    });
    NewProduct {
        slug: Some(product.slug.clone()),
        title: product.title.clone(),
        description: product.description.clone(),
        brand: product.brand.clone(),
        category: product.category_path.last().map(|crumb| crumb.slug.clone()),
        status: product.status,
        tax_category: product.tax_category.clone(),
        options: product.options.clone(),
        variants: variants.collect(),
        images: product.images.clone(),
        attributes: product.attributes.clone(),
    }
}

fn new_user(user: User, addresses: Vec<shoal_contract::Address>) -> NewUser {
    NewUser {
        email: user.email,
        name: user.name,
        role: user.role,
        phone: user.phone,
        password: None,
        accepts_marketing: user.accepts_marketing,
        tags: user.tags,
        addresses,
    }
}
