//! What foreign columns mean, as a TOML file. `edge/exchange/README.md` describes it for those who write one.

mod check;
mod condition;
mod rule;
mod sections;

use std::path::Path;

pub(crate) use condition::Condition;
pub(crate) use rule::{MoneyForm, Pick, Rule, RuleTable, Segment, Unit, Zone};
pub(crate) use sections::*;

use crate::kind::Kind;
use crate::lookup::Lookup;
use crate::{Error, cells};

/// What the columns of a file mean.
#[derive(Debug, Clone)]
pub struct Mapping {
    name: String,
    pub(crate) rules: Rules,
    /// Each column that is read, with the key that reads it.
    columns: Vec<(String, String)>,
}

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        const SHIPPED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../mappings/", $name, ".toml")))),+];
    };
}

shipped! {
    "completejourney_households",
    "completejourney_orders",
    "completejourney_products",
    "eshop",
    "online_retail",
    "online_retail_customers",
    "online_retail_products",
    "shoal_categories",
    "shoal_orders",
    "shoal_products",
    "shoal_users",
    "spree",
    "spree_customers",
}

impl Mapping {
    /// Loads a built-in mapping by its name, or the file at a path.
    ///
    /// # Errors
    /// `UnknownMapping` if it is neither; otherwise as [`Mapping::parse`].
    pub fn load(name_or_path: &str) -> Result<Self, Error> {
        if let Ok(mapping) = Self::builtin(name_or_path) {
            return Ok(mapping);
        }
        let path = Path::new(name_or_path);
        if !path.is_file() {
            return Err(Error::UnknownMapping { name: name_or_path.to_owned(), known: Self::names() });
        }
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::file(path, "read the mapping", &error))?;
        Self::parse(name_or_path, &text)
    }

    /// A mapping that is shipped with the program, such as `eshop`.
    ///
    /// # Errors
    /// `UnknownMapping`.
    pub fn builtin(name: &str) -> Result<Self, Error> {
        match SHIPPED.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::parse(name, text),
            None => Err(Error::UnknownMapping { name: name.to_owned(), known: Self::names() }),
        }
    }

    /// The names of the built-in mappings.
    pub fn names() -> Vec<&'static str> {
        SHIPPED.iter().map(|(name, _)| *name).collect()
    }

    /// Reads a mapping; `name` is for error messages.
    ///
    /// # Errors
    /// `Mapping` names the key and what to do: broken TOML, unknown keys, missing fields, keys that do not fit.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let wrong = |key: String, problem: String| Error::Mapping { mapping: name.to_owned(), key, problem };
        let mut rules: Rules = toml::from_str(text)
            .map_err(|error| wrong(String::new(), error.to_string().trim_end().to_owned()))?;
        check::check(&mut rules).map_err(|(key, problem)| wrong(key, problem))?;
        let columns = columns(&mut rules);
        Ok(Self { name: name.to_owned(), rules, columns })
    }

    /// The mapping of our own CSV files.
    pub(crate) fn own(kind: Kind) -> Result<Self, Error> {
        Self::builtin(&format!("shoal_{}", kind.as_str()))
    }

    /// What it makes.
    pub fn kind(&self) -> Kind {
        self.rules.kind
    }

    /// Its file or name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns of lookup `name` that are read.
    fn wanted(&self, name: &str) -> Vec<String> {
        let mut wanted: Vec<String> = Vec::new();
        for (_, column) in &self.columns {
            if let Some((table, column)) = column.split_once('.')
                && table == name
                && !wanted.iter().any(|known| known == column)
            {
                wanted.push(column.to_owned());
            }
        }
        wanted
    }

    /// Reads the files whose rows are looked up; they stand beside the input.
    pub(crate) fn read_lookups(&self, folder: &Path) -> Result<Vec<(String, Lookup)>, Error> {
        let mut lookups = Vec::new();
        for (name, rules) in &self.rules.lookup {
            let file = folder.join(&rules.file);
            let on = rules.on.as_deref().unwrap_or(&rules.key);
            let wanted = self.wanted(name);
            let lookup = if rules.optional && !file.exists() {
                Lookup::empty(on, &wanted)
            } else {
                Lookup::read(&file, on, &rules.key, &wanted)?
            };
            lookups.push((name.clone(), lookup));
        }
        Ok(lookups)
    }

    /// Passes a file that has every column that is read.
    pub(crate) fn fits(&self, sheet: &cells::Sheet, file: &Path) -> Result<(), Error> {
        let lookups = self.rules.lookup.values().map(|rules| rules.on.as_ref().unwrap_or(&rules.key));
        let lookups = lookups.map(|on| ("lookup", on.as_str()));
        let columns = self.columns.iter().map(|(key, column)| (key.as_str(), column.as_str()));
        for (key, column) in columns.chain(lookups) {
            if !sheet.has(column) {
                let problem = format!(
                    "there is no column {column} in {}; there are: {}",
                    file.display(),
                    sheet.header.join(", ")
                );
                return Err(Error::Mapping { mapping: self.name.clone(), key: key.to_owned(), problem });
            }
        }
        Ok(())
    }

    /// The column that a field of our document comes from: `lines[3].subtotal` from what `line.subtotal` reads.
    pub(crate) fn column_of(&self, field: &str) -> Option<&str> {
        let plain: String = field.split(']').map(|part| part.split('[').next().unwrap_or_default()).collect();
        let (part, rest) = plain.split_once('.').unwrap_or((plain.as_str(), ""));
        let key = match (self.rules.kind, part) {
            (Kind::Products, "variants") => format!("variant.{rest}"),
            (Kind::Products, _) => format!("product.{part}"),
            (Kind::Users, "addresses") => format!("user.address.{rest}"),
            (Kind::Users, _) => format!("user.{plain}"),
            (Kind::Orders, "lines") => format!("line.{rest}"),
            (Kind::Orders, _) => format!("order.{plain}"),
            (Kind::Categories, _) => format!("category.{plain}"),
        };
        let key = if key == "variant.weight_g" { "variant.weight".to_owned() } else { key };
        self.columns.iter().find(|(known, _)| known.starts_with(&key)).map(|(_, column)| column.as_str())
    }

    /// The columns of a file that nothing reads and that are not said to be of no interest.
    pub(crate) fn unused<'s>(&self, sheet: &'s cells::Sheet) -> Vec<&'s str> {
        let prefix = self.rules.product.as_ref().and_then(|product| product.attribute_prefix.as_deref());
        let lookups: Vec<_> =
            self.rules.lookup.values().map(|rules| rules.on.as_ref().unwrap_or(&rules.key)).collect();
        let used = |name: &str| {
            self.columns.iter().any(|(_, column)| column == name)
                || self.rules.ignore.iter().any(|ignored| ignored == name)
                || prefix.is_some_and(|prefix| name.starts_with(prefix))
                || lookups.iter().any(|on| *on == name)
        };
        sheet.header.iter().map(String::as_str).filter(|name| !name.is_empty() && !used(name)).collect()
    }
}

/// Every column that the mapping reads, with its key.
fn columns(rules: &mut Rules) -> Vec<(String, String)> {
    let mut columns: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, column: &str| columns.push((key.to_owned(), column.to_owned()));
    rules.visit(&mut |key, _, rule| rule.columns(&mut |column| add(key, column)));
    for (key, column) in rules.json_columns() {
        add(key, column);
    }
    for (key, filters) in [("skip_when", &rules.skip_when), ("reject_when", &rules.reject_when)] {
        filters.iter().for_each(|filter| add(key, &filter.column));
    }
    if let Some(distinct) = &rules.distinct {
        distinct.by.iter().for_each(|column| add("distinct.by", column));
    }
    if let Some(group) = &rules.group {
        group.by.iter().for_each(|column| add("group.by", column));
        group.order_by.iter().for_each(|column| add("group.order_by", column));
        group.parent_when.iter().for_each(|parent| add("group.parent_when", &parent.column));
    }
    columns
}
