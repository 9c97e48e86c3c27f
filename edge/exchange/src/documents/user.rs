use shoal_contract::users::{ImportUsers, Imported, NewUser};
use shoal_contract::{Address, normal_email};
use shoal_types::{Context, Role};

use super::{Desk, Document, Spoiled, Stop, address, missing_section, needed, text_of, word};
use crate::Kind;
use crate::cells::{Row, Sheet};
use crate::convert::{self, Bad};
use crate::group::Kept;
use crate::mapping::UserRules;
use crate::summary::Targets;

impl Document for NewUser {
    const KIND: Kind = Kind::Users;
    const IDENTITY: &'static str = "e-mail";

    fn build(desk: &mut Desk<'_>, sheet: &Sheet, rows: &[Kept]) -> Result<(Self, Vec<u64>), Spoiled> {
        let (Some(rules), [kept, ..]) = (&desk.mapping.rules.user, rows) else {
            return Err(missing_section());
        };
        let user = read(rules, kept.row(sheet)).map_err(|bad| (kept.line, bad))?;
        Ok((user, Vec::new()))
    }

    fn identity(&self) -> String {
        normal_email(&self.email)
    }

    async fn write(
        targets: &Targets,
        cx: &Context,
        users: Vec<Self>,
        dry_run: bool,
    ) -> Result<Vec<Imported>, Stop> {
        Ok(targets.users.import_users(cx, ImportUsers { users, dry_run }).await?)
    }
}

fn read(rules: &UserRules, row: Row<'_>) -> Result<NewUser, Bad> {
    let email = needed(text_of(rules.email.as_ref(), row)?, rules.email.as_ref(), "e-mail")?;
    let name = needed(text_of(rules.name.as_ref(), row)?, rules.name.as_ref(), "name")?;
    let role = text_of(rules.role.as_ref(), row)?;
    let role = word(rules.role.as_ref(), role, Role::parse, "customer, staff, administrator")?;
    let accepts_marketing = match &rules.accepts_marketing {
        Some(rule) => convert::yes_no(rule, row)?.unwrap_or(false),
        None => false,
    };
    Ok(NewUser {
        role: role.unwrap_or(Role::Customer),
        phone: text_of(rules.phone.as_ref(), row)?,
        password: None,
        accepts_marketing,
        tags: tags(rules, row)?,
        addresses: addresses(rules, row, &name)?,
        email,
        name,
    })
}

fn tags(rules: &UserRules, row: Row<'_>) -> Result<Vec<String>, Bad> {
    let mut tags: Vec<String> = match &rules.json.tags {
        Some(column) => convert::json(column, row)?.unwrap_or_default(),
        None => Vec::new(),
    };
    for rule in &rules.tags {
        for tag in convert::list(rule, row)? {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
    Ok(tags)
}

fn addresses(rules: &UserRules, row: Row<'_>, name: &str) -> Result<Vec<Address>, Bad> {
    let mut addresses: Vec<Address> = match &rules.json.addresses {
        Some(column) => convert::json(column, row)?.unwrap_or_default(),
        None => Vec::new(),
    };
    if let Some(rules) = &rules.address {
        addresses.extend(address(rules, row, name)?);
    }
    Ok(addresses)
}
