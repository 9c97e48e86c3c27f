use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use shoal_contract::users::Error;
use shoal_sql::Source;
use shoal_types::{Context, Env, Secret};

use super::admin::{administrator, draw_password};
use super::serve::{Signals, until_told_to_stop};
use crate::cli::Demo;
use crate::config::{Config, Loaded, Role};
use crate::demo::{Shop, media, seed};
use crate::{Node, Opened, Telemetry};

/// The administrator of the sample shop.
const ADMINISTRATOR: &str = "admin@shoal.example";
/// Where its password is kept between two runs, readable by its owner only.
const PASSWORD_FILE: &str = "administrator-password";

/// Seeds the sample shop and serves it.
pub(crate) async fn run(demo: Demo, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let mut config = of_demo(loaded);
    let Some(data) = config.data.directory().map(Path::to_path_buf) else {
        anyhow::bail!(
            "the sample shop keeps its data in a directory, not in {}: try --data DIR",
            config.data
        );
    };
    if demo.fresh && data.exists() {
        forget(&data)?;
    }
    let telemetry = Telemetry::new(&config)?;
    let env = telemetry.watch(Env::system());
    let opened = Opened::open(&config, env.clone()).await?;
    let shop = seed(&env, &opened.targets()?).await?;
    config.web.name.clone_from(&shop.name);
    config.web.tagline.clone_from(&shop.tagline);
    let password = administrator_of(&opened, &data, &env).await?;
    let signals = Signals::listen()?;
    let node = Node::serve(opened, &config, Some(media()), telemetry).await?;
    let address = node.address().map_or_else(String::new, |address| address.to_string());
    eprintln!("the demo serves http://{address}");
    welcome(&shop, &address, &password)?;
    until_told_to_stop(node, signals).await
}

/// The sample shop's own directory, every role, and the test provider: whatever the configuration says otherwise.
fn of_demo(loaded: Loaded) -> Config {
    let is_default = |key: &str| loaded.settings.iter().any(|it| it.key == key && it.source == "default");
    let own_data = is_default("data");
    let mut config = loaded.config;
    config.roles.0 = vec![Role::All];
    config.checkout.test_provider = true;
    config.web.enabled = true;
    if let (true, Some(data)) = (own_data, config.data.directory()) {
        config.data = Source::Directory(data.join("demo"));
    }
    config
}

/// Removes what an earlier demo left; nothing else.
fn forget(data: &Path) -> anyhow::Result<()> {
    if !data.join(PASSWORD_FILE).exists() {
        anyhow::bail!("{} holds no sample shop; --fresh removes nothing else", data.display());
    }
    std::fs::remove_dir_all(data).with_context(|| format!("{} cannot be removed", data.display()))
}

/// The administrator's password: drawn at the first run, kept for the next ones.
async fn administrator_of(opened: &Opened, data: &Path, env: &Env) -> anyhow::Result<Secret> {
    let file = data.join(PASSWORD_FILE);
    let password = match std::fs::read_to_string(&file) {
        Ok(kept) => Secret::new(kept.trim()),
        Err(_) => {
            // Kept before it is used: a crash in between loses nothing.
            let drawn = draw_password(env);
            let mut options = std::fs::OpenOptions::new();
            let mut kept = options.write(true).create_new(true).mode(0o600).open(&file)?;
            kept.write_all(drawn.expose().as_bytes())?;
            kept.sync_all()?;
            drawn
        }
    };
    let cx = Context::system(env, Duration::from_secs(30));
    let account = administrator(ADMINISTRATOR.to_owned(), "Ada Sprat".to_owned(), password.clone());
    match opened.users()?.create_user(&cx, account).await {
        Ok(_) | Err(Error::EmailTaken {}) => Ok(password),
        Err(error) => Err(error.into()),
    }
}

fn welcome(shop: &Shop, address: &str, password: &Secret) -> std::io::Result<()> {
    let password = password.expose();
    let mut out = std::io::stdout().lock();
    write!(
        out,
        r#"{name}: {tagline}

  Shop      http://{address}/
  API       http://{address}/v1/products
  API docs  http://{address}/docs
  Health    http://{address}/readyz   Metrics http://{address}/metrics

  Administrator  {ADMINISTRATOR}
  Password       {password}

Products    curl -s 'http://{address}/v1/search?q=mug'
Users       TOKEN=$(curl -s http://{address}/v1/sessions -H 'content-type: application/json' -d '{{"email":"{ADMINISTRATOR}","password":"{password}"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
            curl -s http://{address}/v1/users -H "authorization: Bearer $TOKEN"
Orders      curl -s http://{address}/v1/orders -H "authorization: Bearer $TOKEN"
All three   curl -s 'http://{address}/v1/overview?include=users,products,orders' -H "authorization: Bearer $TOKEN"
Checkout    curl -s http://{address}/v1/checkouts -H 'content-type: application/json' -H "idempotency-key: $(date +%s%N)" -d '{{"lines":[{{"sku":"MUG-HARB-SAND","quantity":1}}],"email":"you@example.com","shipping_method":"standard","shipping_address":{{"name":"You","line1":"1 Pier Road","city":"Hamburg","postal_code":"20457","country":"DE"}},"payment":{{"token":"tok_success"}}}}'

Ctrl-C stops it.
"#,
        name = shop.name,
        tagline = shop.tagline,
    )?;
    out.flush()
}
