use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shoal_net::units;
use shoal_types::Secret;

/// How mails are sent, and what they say of the shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailOptions {
    /// The mail server: `smtp://HOST[:PORT]`, or `smtps://HOST[:PORT]` where TLS comes first. No mail if empty.
    pub url: String,
    /// Who logs in to it; nobody if empty.
    pub user: String,
    /// With which password.
    pub password: Secret,
    /// Whether the connection of `smtp://` becomes an encrypted one.
    pub encryption: Encryption,
    /// Certificates to trust besides the system's: a file of PEM; empty for none.
    pub ca: PathBuf,
    /// Who writes: `shop@example.com`, or `The Shop <shop@example.com>`.
    pub from: String,
    /// Where answers go; to `from` if empty.
    pub reply_to: String,
    /// The shop's name; the storefront's if empty.
    pub shop_name: String,
    /// The shop's address on the web, for links: `https://shop.example`.
    pub public_url: String,
    /// A folder of templates in place of those that come with Shoal; empty for none.
    pub templates: PathBuf,
    /// Mails sent at the same time, each over a connection of its own.
    pub connections: u32,
    /// How long a conversation with the mail server may take, from the connection to its last answer.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// How long a mail is tried.
    #[serde(with = "units::duration")]
    pub retry_for: Duration,
}

impl Default for MailOptions {
    /// No server; 4 connections, a minute a conversation, tried for a day.
    fn default() -> Self {
        Self {
            url: String::new(),
            user: String::new(),
            password: Secret::new(""),
            encryption: Encryption::Auto,
            ca: PathBuf::new(),
            from: String::new(),
            reply_to: String::new(),
            shop_name: String::new(),
            public_url: String::new(),
            templates: PathBuf::new(),
            connections: 4,
            timeout: Duration::from_secs(60),
            retry_for: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl MailOptions {
    /// Whether mail is sent at all.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }
}

/// Whether a connection that begins in the clear becomes an encrypted one, by STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// It must, unless the mail server is on this machine.
    #[default]
    Auto,
    /// It must.
    Required,
    /// It does not, wherever the mail server is.
    Off,
}

shoal_types::errors! {
    /// What is wrong with the settings of mail.
    pub enum MailSetup {
        /// `mail.url` names no mail server. It is `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`; user and password have
        /// keys of their own.
        MailUrlInvalid { problem: String } => (Invalid, "mail_url_invalid", "mail.url: {problem}"),
        /// `mail.from`, `mail.reply_to` or `mail.public_url` is missing or is not what it should be.
        MailSettingInvalid { key: String, problem: String } => (Invalid, "mail_setting_invalid", "mail.{key}: {problem}"),
        /// The file of `mail.ca` cannot be read, or holds no certificates in PEM.
        MailCertificatesInvalid { problem: String } => (Invalid, "mail_certificates_invalid", "mail.ca: {problem}"),
        /// A template of mails cannot be used. Each must be one that Shoal has, and use what its own use: the message names
        /// the file and the line.
        MailTemplateInvalid { template: String, problem: String } => (Invalid, "mail_template_invalid", "the template {template}: {problem}"),
    }
}
