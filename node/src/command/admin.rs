use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use clap::{Args, Subcommand};
use shoal_contract::users::{NewUser, User, Users};
use shoal_types::{Context, Env, Secret};

use super::cluster::Place;
use crate::config::{Config, Role, Roles};
use crate::wiring::Opened;

/// How long it may take: the password is hashed, perhaps at another node.
const CREATE_MAX: Duration = Duration::from_secs(30);

/// Makes administrators.
#[derive(Debug, Args)]
pub(crate) struct Admin {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make an administrator; the password is drawn and printed once.
    Create {
        /// E-mail address to log in with.
        email: String,
        /// Name.
        #[arg(long, default_value = "Administrator")]
        name: String,
    },
}

impl Admin {
    /// Asks a running cluster if one is named, else opens the data of the users itself.
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let What::Create { email, name } = self.what;
        let env = Env::system();
        let password = draw_password(&env);
        let account = administrator(email, name, password.clone());
        let user = match Place::named(&config)? {
            Some(cluster) => create(&*cluster.users().await?, account, &env).await?,
            None => {
                let config = Config { roles: Roles(vec![Role::Users]), ..config };
                let opened = Opened::open(&config, env.clone()).await?;
                let created = create(&*opened.users()?, account, &env).await;
                opened.close().await;
                created?
            }
        };
        println!("{}", password.expose());
        eprintln!("{} is an administrator; the password above is shown this once", user.email);
        Ok(ExitCode::SUCCESS)
    }
}

async fn create(users: &dyn Users, account: NewUser, env: &Env) -> anyhow::Result<User> {
    Ok(users.create_user(&Context::system(env, CREATE_MAX), account).await?)
}

/// An administrator's account.
pub(crate) fn administrator(email: String, name: String, password: Secret) -> NewUser {
    NewUser {
        email,
        name,
        role: shoal_types::Role::Administrator,
        phone: None,
        password: Some(password),
        accepts_marketing: false,
        tags: Vec::new(),
        addresses: Vec::new(),
    }
}

/// 120 random bits as 20 letters and digits.
pub(crate) fn draw_password(env: &Env) -> Secret {
    let random = env.rng().token();
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&random[..15]))
}
