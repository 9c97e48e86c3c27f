//! The templates of mails: those that come with Shoal, and a shop's own in their place.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, Output, UndefinedBehavior, Value};
use serde::Serialize;
use shoal_contract::notifications::MailKind;

use super::facts;
use super::message::one_line;
use crate::mail_options::MailSetup;

/// What a template may cost, in steps of the engine: some hundred times what the longest order takes.
const FUEL: u64 = 5_000_000;
/// A longer file is no template of a mail.
const BYTES_MAX: u64 = 256 << 10;
/// Templates of a shop's own begin with this, if they are only parts of others.
const PART: char = '_';

macro_rules! own {
    ($($name:literal),+ $(,)?) => {
        /// Those that come with Shoal.
        const OWN: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/", $name)))),+];
    };
}

own![
    "layout.html",
    "parts.html",
    "order_placed.subject.txt",
    "order_placed.txt",
    "order_placed.html",
    "order_shipped.subject.txt",
    "order_shipped.txt",
    "order_shipped.html",
    "order_refunded.subject.txt",
    "order_refunded.txt",
    "order_refunded.html",
    "password_reset.subject.txt",
    "password_reset.txt",
    "password_reset.html",
    "welcome.subject.txt",
    "welcome.txt",
    "welcome.html",
];

/// A mail's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

/// Every template, read and tried.
pub(super) struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Reads the templates of `folder` over those that come with Shoal, and tries each on a mail that has everything and
    /// on one that has as little as can be.
    ///
    /// # Errors
    /// Names the first that cannot be used, and the line.
    pub(super) fn load(folder: Option<&Path>) -> Result<Self, MailSetup> {
        let mut sources: BTreeMap<String, String> =
            OWN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        if let Some(folder) = folder {
            sources.extend(read(folder)?);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        environment.set_formatter(|out, state, value| match state.auto_escape() {
            AutoEscape::Html if value.kind() == ValueKind::String && !value.is_safe() => {
                escape(out, value.as_str().unwrap_or_default())
            }
            _ => minijinja::escape_formatter(out, state, value),
        });
        for (name, text) in sources {
            let added = environment.add_template_owned(name.clone(), text);
            added.map_err(|error| invalid(&name, &error))?;
        }
        let templates = Self { environment };
        for kind in MailKind::ALL {
            for sample in facts::samples(kind) {
                templates.texts(kind, &sample).map_err(|(name, error)| invalid(&name, &error))?;
            }
        }
        Ok(templates)
    }

    /// The texts of a mail that tells `facts`.
    ///
    /// # Errors
    /// The template that does not go with them, and why.
    pub(super) fn texts<T: Serialize>(&self, kind: MailKind, facts: &T) -> Result<Texts, (String, Error)> {
        let facts = Value::from(Serde(facts));
        let render = |ending: &str, facts: Value| {
            let name = format!("{}.{ending}", kind.as_str());
            let text = self.environment.get_template(&name).and_then(|template| template.render(facts));
            text.map_err(|error| (name, error))
        };
        let subject = one_line(&render("subject.txt", facts.clone())?);
        let facts = minijinja::context! { subject => subject.clone(), ..facts };
        Ok(Texts { plain: render("txt", facts.clone())?, html: render("html", facts)?, subject })
    }
}

/// Writes a text into HTML, or into an attribute in quotes. Links stay readable: the engine's own way has `&#x2f;` for each
/// slash.
fn escape(out: &mut Output<'_>, text: &str) -> Result<(), Error> {
    for character in text.chars() {
        match character {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            _ => out.write_char(character)?,
        }
    }
    Ok(())
}

/// The templates in a folder: names of ours, or parts.
fn read(folder: &Path) -> Result<Vec<(String, String)>, MailSetup> {
    let wrong =
        |name: &str, problem: String| MailSetup::MailTemplateInvalid { template: name.to_owned(), problem };
    let shown = folder.display().to_string();
    let entries = fs::read_dir(folder).map_err(|error| wrong(&shown, error.to_string()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| wrong(&shown, error.to_string()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if !name.starts_with(PART) && !OWN.iter().any(|(own, _)| *own == name) {
            let problem = format!("no mail uses it; parts of others begin with `{PART}`");
            return Err(wrong(&name, problem));
        }
        let length = entry.metadata().map_err(|error| wrong(&name, error.to_string()))?.len();
        if length > BYTES_MAX {
            return Err(wrong(&name, format!("{length} bytes are too many: at most {BYTES_MAX}")));
        }
        let text = fs::read_to_string(entry.path()).map_err(|error| wrong(&name, error.to_string()))?;
        found.push((name, text));
    }
    Ok(found)
}

fn invalid(name: &str, error: &Error) -> MailSetup {
    let place = error.line().map_or_else(String::new, |line| format!(", line {line}"));
    let template = error.name().unwrap_or(name);
    let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
    MailSetup::MailTemplateInvalid {
        template: format!("{template}{place}"),
        problem: format!("{}{detail}", error.kind()),
    }
}
