use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::template::{List, Template};
use crate::{Error, Value};

/// The most parameters one statement may have: SQLite's limit, below PostgreSQL's.
const PARAMS_MAX: usize = 32_766;
/// Texts of a list statement kept, each for another number of rows.
const TEXTS_MAX: usize = 128;

/// A registered SQL text with `$1, $2, ..` placeholders; made by [`statements!`](crate::statements).
///
/// `{rows:3}` in the text becomes as many rows of 3 parameters as the call has; `{in}` a list of parameters.
/// Their parameters are numbered after the fixed ones. Rows that do not stand in `insert .. values` name the types of
/// their columns, `{rows:uuid,bigint}`. `{lock}` holds the rows of a `select` until the transaction ends.
#[derive(Debug)]
pub struct Statement {
    name: &'static str,
    text: &'static str,
    template: OnceLock<Result<Template, String>>,
    plain: OnceLock<String>,
    texts: Mutex<Option<HashMap<usize, Arc<str>>>>,
}

impl Statement {
    /// A statement named as its constant.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, template: OnceLock::new(), plain: OnceLock::new(), texts: Mutex::new(None) }
    }

    /// The constant's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The text as registered.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// SQLite's text of a statement without a list.
    pub(crate) fn sqlite(&self) -> Result<&str, Error> {
        if let Some(text) = self.plain.get() {
            return Ok(text);
        }
        let template = self.template()?;
        if template.list.is_some() {
            return Err(self.misuse("has a list, so it needs the rows or values for it"));
        }
        Ok(self.plain.get_or_init(|| template.sqlite(0)))
    }

    /// SQLite's text with `count` rows or values in its list.
    pub(crate) fn sqlite_list(&self, count: usize) -> Result<Arc<str>, Error> {
        let template = self.template()?;
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = texts.get_or_insert_default();
        if let Some(text) = texts.get(&count) {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = template.sqlite(count).into();
        if texts.len() < TEXTS_MAX {
            texts.insert(count, Arc::clone(&text));
        }
        Ok(text)
    }

    /// How many rows fit one statement, after checking that `rows` and `fixed` have the right widths.
    pub(crate) fn rows_max<R: AsRef<[Value]>>(&self, fixed: &[Value], rows: &[R]) -> Result<usize, Error> {
        let template = self.template()?;
        let Some(List::Rows { width }) = template.list else {
            return Err(self.misuse("has no {rows:N}"));
        };
        if fixed.len() != template.fixed {
            return Err(self.misuse("was given another number of fixed parameters than it has"));
        }
        if rows.iter().any(|row| row.as_ref().len() != width) {
            return Err(self.misuse("was given a row of another width than {rows:N} says"));
        }
        Ok((PARAMS_MAX - fixed.len()) / width)
    }

    /// How many values its `{in}` is written for: `count`, up to the next power of two, so that few texts are
    /// prepared.
    pub(crate) fn in_len(&self, fixed: &[Value], count: usize) -> Result<usize, Error> {
        let template = self.template()?;
        if template.list != Some(List::In) {
            return Err(self.misuse("has no {in}"));
        }
        if fixed.len() != template.fixed {
            return Err(self.misuse("was given another number of fixed parameters than it has"));
        }
        if count > PARAMS_MAX - fixed.len() {
            return Err(self.misuse("was given more values than a statement can hold"));
        }
        Ok(count.next_power_of_two().min(PARAMS_MAX - fixed.len()))
    }

    /// Whether it has a list.
    pub(crate) fn has_list(&self) -> Result<bool, Error> {
        Ok(self.template()?.list.is_some())
    }

    /// Whether it changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        self.template().is_ok_and(|template| template.starts_with("select"))
    }

    /// Whether it puts in every row of its list or fails: no conflict is passed over, nothing is answered.
    pub(crate) fn inserts_all(&self) -> bool {
        self.template().is_ok_and(|template| template.inserts_all())
    }

    pub(crate) fn template(&self) -> Result<&Template, Error> {
        self.template
            .get_or_init(|| Template::parse(self.text))
            .as_ref()
            .map_err(|detail| Error::Statement { name: self.name, detail: detail.clone() })
    }

    pub(crate) fn misuse(&self, detail: &str) -> Error {
        Error::Statement { name: self.name, detail: detail.to_owned() }
    }
}

/// Registers the SQL texts of a house in a module: a constant each, and `ALL` for the test that prepares them.
///
/// ```
/// shoal_sql::statements! {
///     pub(crate) mod sql {
///         FIND_POND = "select name from ponds where id = $1";
///         ADD_FISH = "insert into fish (id, pond_id) values {rows:2}";
///     }
/// }
/// assert_eq!((sql::FIND_POND.name(), sql::ALL.len()), ("FIND_POND", 2));
/// ```
#[macro_export]
macro_rules! statements {
    ($visible:vis mod $module:ident { $($(#[$about:meta])* $name:ident = $text:expr;)+ }) => {
        /// The SQL texts of this store.
        $visible mod $module {
            $(
                $(#[$about])*
                #[doc = concat!("The statement `", stringify!($name), "`.")]
                pub static $name: &$crate::Statement = {
                    static REGISTERED: $crate::Statement = $crate::Statement::new(stringify!($name), $text);
                    &REGISTERED
                };
            )+
            /// Every statement of this store.
            pub static ALL: &[&$crate::Statement] = &[$($name),+];
        }
    };
}
