use std::sync::Arc;

use shoal_types::Env;
use tokio::task::LocalSet;

use super::unique;
use crate::counters::Tally;
use crate::migration::checksum;
use crate::postgres::{Admin, OWN_TABLES};
use crate::{Database, Error, Migration, Options, Server, Source};

/// A database cloned from a template, dropped with this.
pub(super) struct Cloned {
    admin: Server,
    server: Server,
}

impl Cloned {
    pub(super) async fn of(
        admin: &Server,
        houses: &[(&'static str, &'static [Migration])],
        env: &Env,
    ) -> Result<Self, Error> {
        let template = template_name(houses);
        let name = format!("test_{}", unique());
        let clone = format!("create database {name} template {template}");
        if run(admin, clone.clone()).await.is_err() {
            make_template(admin, &template, houses, env).await?;
            run(admin, clone).await?;
        }
        Ok(Self { admin: admin.clone(), server: admin.with_database(&name) })
    }

    /// Another database with the same content. Nobody is connected to this one.
    pub(super) async fn copied(&self) -> Result<Self, Error> {
        let name = format!("test_{}", unique());
        run(&self.admin, format!("create database {name} template {}", self.server.database())).await?;
        Ok(Self { admin: self.admin.clone(), server: self.admin.with_database(&name) })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }
}

impl Drop for Cloned {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.server.database().to_owned());
        let removed =
            std::thread::spawn(move || block_on(admin, format!("drop database {name} with (force)")));
        match removed.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a test's database stays"),
            Err(_) => tracing::warn!("a test's database stays: dropping it panicked"),
        }
    }
}

/// Named after the text of the migrations, so that another text is another template.
fn template_name(houses: &[(&'static str, &'static [Migration])]) -> String {
    let mut text = String::from(OWN_TABLES);
    for (name, migrations) in houses {
        text.push_str(name);
        migrations.iter().for_each(|migration| text.push_str(&checksum(migration)));
    }
    let sql: &'static str = Box::leak(text.into_boxed_str());
    format!("template_{}", &checksum(&Migration { version: 1, name: "template", sql })[..16])
}

/// Makes the template under another name and renames it when it is whole. Of several tests that do so at once one
/// wins, and the others drop theirs.
async fn make_template(
    admin: &Server,
    template: &str,
    houses: &[(&'static str, &'static [Migration])],
    env: &Env,
) -> Result<(), Error> {
    let making = format!("making_{}", unique());
    run(admin, format!("create database {making}")).await?;
    for (name, migrations) in houses {
        let source = Source::Postgres(admin.with_database(&making));
        Database::open(Options::new(source, name, migrations, env.clone())).await?.close().await;
    }
    if run(admin, format!("alter database {making} rename to {template}")).await.is_err() {
        run(admin, format!("drop database {making} with (force)")).await?;
    }
    Ok(())
}

/// Runs a statement on the server, on a thread of its own: the caller may be on any runtime, or none.
async fn run(admin: &Server, statement: String) -> Result<(), Error> {
    let admin = admin.clone();
    let done = tokio::task::spawn_blocking(move || block_on(admin, statement)).await;
    done.map_err(|error| Error::Panicked { message: error.to_string() })?
}

fn block_on(admin: Server, statement: String) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Unavailable { detail: error.to_string() })?;
    LocalSet::new().block_on(&runtime, async move {
        let admin = Admin::connect(admin, Arc::new(Tally::default())).await?;
        admin.run(&statement).await
    })
}
