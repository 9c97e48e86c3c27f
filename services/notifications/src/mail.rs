//! Mail: made of templates from what the other houses know, and handed to a mail server.

mod facts;
mod message;
mod sender;
mod server;
mod templates;

use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;

use crate::mail_options::{MailOptions, MailSetup};
use server::Server;
use templates::Templates;

/// What makes mails and sends them.
pub struct Mailer {
    server: Server,
    templates: Templates,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    shop_name: String,
    /// Without a slash at its end.
    shop_url: String,
    connections: u32,
    retry_for: Duration,
}

impl Mailer {
    /// A mailer with these settings. Call it within a tokio runtime; nothing is connected to yet.
    ///
    /// # Errors
    /// As [`MailOptions::check`].
    pub fn new(options: &MailOptions) -> Result<Self, MailSetup> {
        let (from, reply_to) = mailboxes(options)?;
        Ok(Self {
            templates: Templates::load(folder(&options.templates))?,
            from,
            reply_to,
            shop_name: options.shop_name.clone(),
            shop_url: shop_url(&options.public_url)?,
            connections: options.connections.max(1),
            retry_for: options.retry_for,
            server: Server::new(server::builder(options)?, options.timeout),
        })
    }

    /// How long a conversation with the mail server may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.server.timeout()
    }

    /// How long a mail is tried.
    pub(crate) fn retry_for(&self) -> Duration {
        self.retry_for
    }
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("shop_name", &self.shop_name).finish_non_exhaustive()
    }
}

impl MailOptions {
    /// Checks all that can be checked without a connection: addresses, certificates, every template.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn check(&self) -> Result<(), MailSetup> {
        mailboxes(self)?;
        shop_url(&self.public_url)?;
        Templates::load(folder(&self.templates))?;
        server::builder(self).map(|_| ())
    }
}

fn folder(path: &Path) -> Option<&Path> {
    Some(path).filter(|path| !path.as_os_str().is_empty())
}

/// Who writes, and who gets the answers.
fn mailboxes(options: &MailOptions) -> Result<(Mailbox, Option<Mailbox>), MailSetup> {
    let mut from = mailbox("from", &options.from)?;
    from.name = from.name.or_else(|| Some(message::one_line(&options.shop_name)));
    let reply_to = match options.reply_to.is_empty() {
        true => None,
        false => Some(mailbox("reply_to", &options.reply_to)?),
    };
    Ok((from, reply_to))
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox, MailSetup> {
    let wrong = || MailSetup::MailSettingInvalid {
        key: key.to_owned(),
        problem: "expected an address such as `The Shop <shop@example.com>`".to_owned(),
    };
    let plain = !text.contains(char::is_control);
    text.parse().ok().filter(|mailbox: &Mailbox| plain && is_plain(&mailbox.email)).ok_or_else(wrong)
}

fn is_plain(address: &Address) -> bool {
    let text: &str = address.as_ref();
    text.is_ascii()
}

fn shop_url(text: &str) -> Result<String, MailSetup> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits =
        |rest: &&str| !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control());
    let wrong = || MailSetup::MailSettingInvalid {
        key: "public_url".to_owned(),
        problem: "expected the shop's address on the web, such as https://shop.example".to_owned(),
    };
    host.filter(fits).map(|_| url.to_owned()).ok_or_else(wrong)
}
