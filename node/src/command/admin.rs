use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use clap::{Args, Subcommand};
use shoal_contract::users::NewUser;
use shoal_types::{Context, Env, Role, Secret};

use crate::config::Config;
use crate::wiring::Opened;

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
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let What::Create { email, name } = self.what;
        let env = Env::system();
        let opened = Opened::open(&config, env.clone()).await?;
        let cx = Context::system(&env, Duration::from_secs(30));
        let password = draw_password(&env);
        let created = opened.users()?.create_user(&cx, administrator(email, name, password.clone())).await;
        opened.close().await;
        let user = created?;
        println!("{}", password.expose());
        eprintln!("{} is an administrator; the password above is shown this once", user.email);
        Ok(ExitCode::SUCCESS)
    }
}

/// An administrator's account.
pub(crate) fn administrator(email: String, name: String, password: Secret) -> NewUser {
    NewUser {
        email,
        name,
        role: Role::Administrator,
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
