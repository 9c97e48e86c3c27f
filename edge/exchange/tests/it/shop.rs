//! The three houses in memory, behind the contract's own wire; and what a test needs around an import.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_contract::orders::{self, ImportOrders, ListOrders, PastOrder};
use shoal_contract::products::{
    self, Category, ImportCategories, ImportProducts, ListProducts, LookUp, Stock,
};
use shoal_contract::products::{NewCategory, NewProduct};
use shoal_contract::users::{self, ImportUsers, Imported, ListUsers, NewUser, SavedAddress, UserRef};
use shoal_exchange::{Export, Exported, Format, Import, Kind, Mapping, Reject, Silent, Summary, Targets};
use shoal_types::wire::Call;
use shoal_types::{Context, Cursor, Env, Fault, Page, PageRequest};
use tempfile::TempDir;

use crate::shown::{id_of, shown_order, shown_product, shown_user};

/// Documents in the order they came, found again by their key.
#[derive(Debug, Clone)]
pub(crate) struct Shelf<D> {
    places: HashMap<String, usize>,
    pub(crate) all: Vec<D>,
}

impl<D> Default for Shelf<D> {
    fn default() -> Self {
        Self { places: HashMap::new(), all: Vec::new() }
    }
}

impl<D: Clone + Serialize> Shelf<D> {
    fn put(&mut self, key: String, document: D, dry_run: bool) -> Imported {
        match self.places.get(&key) {
            Some(&place) if text(&self.all[place]) == text(&document) => Imported::Unchanged,
            Some(&place) => {
                if !dry_run {
                    self.all[place] = document;
                }
                Imported::Updated
            }
            None => {
                if !dry_run {
                    self.places.insert(key, self.all.len());
                    self.all.push(document);
                }
                Imported::Created
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&D> {
        self.places.get(key).map(|&place| &self.all[place])
    }

    fn page(&self, page: &PageRequest) -> (Vec<D>, Option<Cursor>) {
        let start = page.cursor.as_ref().map_or(0, |cursor| {
            let [start] = cursor.keys::<1>().expect("our cursor");
            start.parse::<usize>().expect("our cursor")
        });
        let end = (start + page.limit.get()).min(self.all.len());
        let next = (end < self.all.len()).then(|| Cursor::after(&[&end.to_string()]));
        (self.all[start..end].to_vec(), next)
    }
}

fn text<D: Serialize>(document: &D) -> String {
    serde_json::to_string(document).expect("serialises")
}

/// What the houses hold.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) users: Shelf<NewUser>,
    pub(crate) products: Shelf<NewProduct>,
    pub(crate) categories: Shelf<NewCategory>,
    pub(crate) orders: Shelf<PastOrder>,
}

/// The houses.
#[derive(Default)]
pub(crate) struct Houses {
    pub(crate) held: Mutex<Held>,
    /// Import calls that were answered.
    pub(crate) calls: AtomicUsize,
    /// Import calls after which the houses are away; 0 for never.
    pub(crate) away_after: AtomicUsize,
}

fn refused(fault: &Fault) -> Imported {
    let Fault::Invalid { violations } = fault else { panic!("{fault}") };
    Imported::Refused {
        code: violations[0].rule.clone(),
        field: Some(violations[0].field.clone()),
        message: violations[0].message.clone(),
    }
}

impl Houses {
    fn answer_import(&self) -> Result<(), Fault> {
        let away_after = self.away_after.load(Ordering::SeqCst);
        if away_after > 0 && self.calls.load(Ordering::SeqCst) >= away_after {
            return Err(Fault::Unavailable { what: "the house".into() });
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn import_products(&self, import: ImportProducts) -> Result<Vec<Imported>, products::Error> {
        self.answer_import()?;
        let mut held = self.held.lock().expect("not poisoned");
        let take = |product: NewProduct| {
            if let Err(fault) = shoal_contract::check(&product) {
                return refused(&fault);
            }
            if let Some(category) = &product.category
                && held.categories.get(category).is_none()
            {
                let message = format!("there is no category {category}");
                return Imported::Refused {
                    code: "unknown_category".into(),
                    field: Some("category".into()),
                    message,
                };
            }
            let key = product.slug.clone().unwrap_or_else(|| product.variants[0].sku.clone());
            held.products.put(key, product, import.dry_run)
        };
        Ok(import.products.into_iter().map(take).collect())
    }

    fn import_categories(&self, import: ImportCategories) -> Result<Vec<Imported>, products::Error> {
        self.answer_import()?;
        let mut held = self.held.lock().expect("not poisoned");
        let mut seen: Vec<String> = Vec::new();
        let take = |category: NewCategory| {
            if let Err(fault) = shoal_contract::check(&category) {
                return refused(&fault);
            }
            if let Some(parent) = &category.parent
                && held.categories.get(parent).is_none()
                && !seen.contains(parent)
            {
                let message = format!("there is no category {parent}");
                return Imported::Refused {
                    code: "unknown_category".into(),
                    field: Some("parent".into()),
                    message,
                };
            }
            seen.push(category.slug.clone());
            held.categories.put(category.slug.clone(), category, import.dry_run)
        };
        Ok(import.categories.into_iter().map(take).collect())
    }

    fn import_users(&self, import: ImportUsers) -> Result<Vec<Imported>, users::Error> {
        self.answer_import()?;
        let mut held = self.held.lock().expect("not poisoned");
        let take = |user: NewUser| match shoal_contract::check(&user) {
            Ok(()) => held.users.put(user.email.clone(), user, import.dry_run),
            Err(fault) => refused(&fault),
        };
        Ok(import.users.into_iter().map(take).collect())
    }

    fn import_orders(&self, import: ImportOrders) -> Result<Vec<Imported>, orders::Error> {
        self.answer_import()?;
        let mut held = self.held.lock().expect("not poisoned");
        let take = |order: PastOrder| match shoal_contract::check(&order) {
            Ok(()) => held.orders.put(format!("{} {}", order.source, order.number), order, import.dry_run),
            Err(fault) => refused(&fault),
        };
        Ok(import.orders.into_iter().map(take).collect())
    }

    fn list_categories(&self) -> Vec<Category> {
        let held = self.held.lock().expect("not poisoned");
        let id = |slug: &str| id_of(slug);
        let shown = |category: &NewCategory| Category {
            id: id(&category.slug),
            slug: category.slug.clone(),
            title: category.title.clone(),
            parent: category.parent.as_deref().map(id),
            position: category.position,
        };
        held.categories.all.iter().map(shown).collect()
    }

    fn get_stock(&self, asked: &LookUp) -> Vec<Option<Stock>> {
        let held = self.held.lock().expect("not poisoned");
        let variants = || held.products.all.iter().flat_map(|product| &product.variants);
        let stock = |sku: &String| {
            let on_hand = variants().find(|variant| variant.sku == *sku)?.stock;
            let variant = id_of(sku);
            Some(Stock { variant, sku: sku.clone(), on_hand, reserved: 0, available: on_hand })
        };
        asked.skus.iter().map(stock).collect()
    }

    fn list_addresses(&self, asked: UserRef) -> Vec<SavedAddress> {
        let held = self.held.lock().expect("not poisoned");
        let user = held.users.all.iter().find(|user| id_of(&user.email) == asked.user);
        let addresses = user.map(|user| user.addresses.clone()).unwrap_or_default();
        let saved = addresses.into_iter().map(|address| SavedAddress {
            id: id_of(&address.line1),
            default: false,
            address,
        });
        saved.collect()
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    shoal_contract::decode(body)
}

fn fine<T: Serialize>(answer: T) -> Result<Bytes, Fault> {
    shoal_contract::encode(&Ok::<T, Fault>(answer))
}

#[async_trait]
impl Call for Houses {
    async fn call(
        &self,
        _: &Context,
        _: &'static str,
        method: &'static str,
        body: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        match method {
            "import_products" => shoal_contract::encode(&self.import_products(read(&body)?)),
            "import_categories" => shoal_contract::encode(&self.import_categories(read(&body)?)),
            "import_users" => shoal_contract::encode(&self.import_users(read(&body)?)),
            "import_orders" => shoal_contract::encode(&self.import_orders(read(&body)?)),
            "list_categories" => fine(self.list_categories()),
            "get_stock" => fine(self.get_stock(&read(&body)?)),
            "list_addresses" => fine(self.list_addresses(read(&body)?)),
            "list_products" => {
                let asked: ListProducts = read(&body)?;
                let (items, next) = self.held.lock().expect("not poisoned").products.page(&asked.page);
                fine(Page { items, next }.map(|product| shown_product(&product)))
            }
            "list_users" => {
                let asked: ListUsers = read(&body)?;
                let (items, next) = self.held.lock().expect("not poisoned").users.page(&asked.page);
                fine(Page { items, next }.map(|user| shown_user(&user)))
            }
            "list_orders" => {
                let asked: ListOrders = read(&body)?;
                let (items, next) = self.held.lock().expect("not poisoned").orders.page(&asked.page);
                fine(Page { items, next }.map(|order| shown_order(&order)))
            }
            other => panic!("an import or export does not call {other}"),
        }
    }
}

/// Houses, and a folder for files.
pub(crate) struct Shop {
    pub(crate) houses: Arc<Houses>,
    pub(crate) targets: Targets,
    pub(crate) folder: TempDir,
}

/// A context of the system with a minute to go.
pub(crate) fn context() -> Context {
    Context::system(&Env::system(), Duration::from_secs(60))
}

impl Shop {
    pub(crate) fn open() -> Self {
        let houses = Arc::new(Houses::default());
        let targets = Targets {
            users: Arc::new(users::Remote::new(houses.clone())),
            products: Arc::new(products::Remote::new(houses.clone())),
            orders: Arc::new(orders::Remote::new(houses.clone())),
        };
        Self { houses, targets, folder: TempDir::new().expect("a folder") }
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    }

    /// An import of `input`, its rejects into the folder, its mapping by name or text.
    pub(crate) fn import(&self, kind: Kind, input: &Path, mapping: Option<&str>) -> Import {
        let mapping = mapping.map(|mapping| match mapping.contains('\n') {
            true => Mapping::parse("test.toml", mapping).expect("a valid mapping"),
            false => Mapping::builtin(mapping).expect("a built-in mapping"),
        });
        let rejects = self.folder.path().join("rejects.jsonl");
        Import { mapping, rejects, ..Import::new(kind, input) }
    }

    pub(crate) async fn run(&self, import: &Import) -> Summary {
        import.run(context, &self.targets, &Silent).await.expect("the import runs")
    }

    /// Imports the text of a CSV file by the text of a mapping.
    pub(crate) async fn import_csv(&self, kind: Kind, mapping: &str, csv: impl AsRef<[u8]>) -> Summary {
        let input = self.file("input.csv", csv);
        self.run(&self.import(kind, &input, Some(mapping))).await
    }

    pub(crate) async fn export(&self, kind: Kind, format: Format, name: &str) -> (PathBuf, Exported) {
        let file = self.folder.path().join(name);
        let export = Export::new(kind, format);
        let exported = export.run(context, &self.targets, &Silent, &file).await.expect("the export runs");
        (file, exported)
    }

    /// The report of rejected rows.
    pub(crate) fn rejects(&self) -> Vec<Reject> {
        let Ok(report) = std::fs::read_to_string(self.folder.path().join("rejects.jsonl")) else {
            return Vec::new();
        };
        report.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }

    pub(crate) fn held<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.houses.held.lock().expect("not poisoned"))
    }
}

/// A file of the shared data sets; none, with a note, where they are not there.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let file = root.join(path);
    if !file.exists() {
        eprintln!("left out: {path} is not beside the project, in ../shared/data");
        return None;
    }
    Some(file)
}

/// Every row is accounted for.
pub(crate) fn assert_accounted(summary: &Summary) {
    let rows = &summary.rows;
    assert_eq!(rows.read, rows.imported + rows.skipped_total() + rows.rejected, "{summary}");
}
