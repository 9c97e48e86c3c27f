use std::collections::HashMap;

use shoal_contract::events::OpenedBy;
use shoal_contract::users::{Error, ImportUsers, Imported, NewUser, User, UserId};
use shoal_queue::{Outgoing, append_all};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Env, Fact, Fault};

use super::accounts::{about, book};
use super::claims;
use crate::House;
use crate::error::Failure;
use crate::events::{self, Told};
use crate::model::import::{self, Checked, Entry, Known, Plan, ROWS_MAX, refused};
use crate::model::{access, address_book, profile};
use crate::store::claims::Claim;
use crate::store::{self, addresses, users};

/// Hashes of the passwords that new accounts start with, by e-mail.
type Hashes = HashMap<String, String>;

pub(super) async fn import(
    house: &House,
    cx: &Context,
    request: ImportUsers,
) -> Result<Vec<Imported>, Error> {
    access::system(&cx.caller)?;
    if request.users.len() > ROWS_MAX {
        return Err(Fault::invalid("users", "too_many", format!("at most {ROWS_MAX} users at a time")).into());
    }
    let mut rows: Vec<Checked> = request.users.into_iter().map(import::checked).collect();
    judge(house, cx, &mut rows).await?;
    let emails = emails(&rows);
    let (known, unmet) = house.db.read(cx, async move |tx| read(tx, &emails).await).await?;
    let plan = import::plan(&rows, known);
    if request.dry_run {
        return Ok(plan.outcomes);
    }
    claims::clear(house, cx, unmet).await?;
    let hashes = hash(house, cx, &plan).await?;
    let env = house.env.clone();
    let written = house.db.write(cx, async move |tx| {
        // Planned again on what is there now, in the transaction that writes.
        let (known, _) = read(tx, &self::emails(&rows)).await?;
        let plan = import::plan(&rows, known);
        let mut writes = Writes::default();
        plan.entries.into_iter().try_for_each(|entry| writes.gather(entry, &hashes, &env))?;
        writes.write(tx, &env).await?;
        Ok::<_, Failure>(plan.outcomes)
    });
    Ok(written.await?)
}

/// Refuses the rows whose password is too weak.
async fn judge(house: &House, cx: &Context, rows: &mut [Checked]) -> Result<(), Error> {
    for row in rows {
        let Ok(NewUser { password: Some(password), email, name, .. }) = row else { continue };
        let about = vec![email.clone(), name.clone()];
        match house.passwords.judge(cx, password.clone(), about).await {
            Ok(()) => {}
            Err(error @ Error::WeakPassword { .. }) => {
                *row = Err(refused(error.code(), Some("password"), &error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn emails(rows: &[Checked]) -> Vec<String> {
    rows.iter().flatten().map(|row| row.email.clone()).collect()
}

/// The accounts that have these e-mails, and the claims on them whose accounts have not.
async fn read(tx: &mut ReadTx, emails: &[String]) -> Result<(HashMap<String, Known>, Vec<Claim>), Failure> {
    let (claims, found) = users::list_claimed(tx, emails).await?;
    let mut kept: HashMap<UserId, Vec<_>> = HashMap::new();
    for (user, address) in addresses::list_of_all(tx, found.iter().map(|user| user.id)).await? {
        kept.entry(user).or_default().push(address);
    }
    let known = |user: User| {
        let addresses = kept.remove(&user.id).unwrap_or_default();
        (user.email.clone(), Known { user, addresses })
    };
    let known: HashMap<_, _> = found.into_iter().map(known).collect();
    let unmet = claims.into_iter().filter(|claim| !known.contains_key(&claim.email)).collect();
    Ok((known, unmet))
}

/// Hashes the passwords of the accounts that are new. One after another: an import leaves processors to others.
async fn hash(house: &House, cx: &Context, plan: &Plan) -> Result<Hashes, Error> {
    let mut hashes = Hashes::new();
    for entry in plan.entries.iter().filter(|entry| entry.before.is_none()) {
        let Some(password) = entry.after.password.clone() else { continue };
        let user = profile::open(house.env.id(), &entry.after, house.env.now());
        let hash = house.passwords.accept(cx, password, about(&user)).await?;
        hashes.insert(user.email, hash);
    }
    Ok(hashes)
}

/// What an import writes, gathered so that the number of statements is constant.
#[derive(Default)]
struct Writes {
    opened: Vec<(User, Option<String>)>,
    changed: Vec<User>,
    /// Users whose addresses are replaced.
    emptied: Vec<UserId>,
    addresses: Vec<(UserId, address_book::Entry)>,
    told: Vec<Outgoing<Told>>,
}

impl Writes {
    fn gather(&mut self, entry: Entry, hashes: &Hashes, env: &Env) -> Result<(), Error> {
        let id = match entry.before {
            None => {
                let user = profile::open(env.id(), &entry.after, env.now());
                self.told.push(events::registered(&user, OpenedBy::Import));
                self.opened.push((user.clone(), hashes.get(&user.email).cloned()));
                user.id
            }
            Some(before) => {
                let id = before.id;
                if entry.profile_changed {
                    let user = profile::imported(before.clone(), &entry.after, env.now());
                    self.told.push(events::changed(&before, &user));
                    self.changed.push(user);
                }
                if entry.addresses_changed {
                    self.emptied.push(id);
                }
                id
            }
        };
        if entry.addresses_changed {
            self.addresses.extend(book(env, id, entry.after.addresses)?);
        }
        Ok(())
    }

    async fn write(&self, tx: &mut Tx, env: &Env) -> Result<(), Failure> {
        // Hundreds of accounts at once: their claims are in the same commit, whatever lies where.
        let claim = |user: &User| Claim { email: user.email.clone(), user: user.id, claimed_at: env.now() };
        let claims: Vec<_> = self.opened.iter().map(|(user, _)| claim(user)).collect();
        if store::claims::add(tx, &claims).await? < claims.len() as u64 {
            return Err(Error::EmailTaken {}.into());
        }
        users::add(tx, &self.opened).await?;
        users::update(tx, &self.changed, env.now()).await?;
        addresses::remove_of_all(tx, &self.emptied).await?;
        addresses::add(tx, &self.addresses).await?;
        append_all(tx, &self.told, env).await?;
        Ok(())
    }
}
