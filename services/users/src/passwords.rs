use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use shoal_contract::users::Error;
use shoal_types::{Context, Env, Fault, Secret};
use tokio::sync::Semaphore;
use zxcvbn::Score;

/// How passwords are hashed, and how many at a time.
#[derive(Debug, Clone)]
pub struct PasswordOptions {
    /// Memory of one hash, in KiB; less than 8 counts as 8.
    pub memory_kib: u32,
    /// Passes over that memory; 0 counts as 1.
    pub passes: u32,
    /// Hashes computed at the same time, each on a processor and `memory_kib` of its own; 0 counts as 1.
    pub hashes_max: usize,
    /// Callers waiting for their turn; more are refused with `Overloaded`.
    pub waiting_max: usize,
}

impl Default for PasswordOptions {
    /// 19 MiB and two passes, as many at a time as there are processors.
    ///
    /// Source: OWASP Password Storage Cheat Sheet, Argon2id.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { memory_kib: 19 * 1024, passes: 2, hashes_max: processors, waiting_max: 128 }
    }
}

/// Characters of a password that its strength is judged by; the judge's time grows steeply with them.
const JUDGED_CHARS: usize = 72;

/// Hashes and judges passwords, off the threads that serve, a bounded number at a time.
pub(crate) struct Passwords {
    hasher: Argon2<'static>,
    /// Stands in where there is no hash, so that an unknown e-mail takes as long as a wrong password.
    dummy: String,
    env: Env,
    /// One for each caller that works or waits.
    places: Arc<Semaphore>,
    /// One for each caller that works.
    turns: Arc<Semaphore>,
    hashes: Arc<AtomicU64>,
}

impl Passwords {
    pub(crate) fn new(options: &PasswordOptions, env: Env) -> Self {
        let (memory, passes) = (options.memory_kib.max(Params::MIN_M_COST), options.passes.max(1));
        let params = Params::new(memory, passes, 1, None).expect("both are in range");
        let turns = options.hashes_max.max(1);
        Self {
            dummy: dummy(&params, &env),
            hasher: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            env,
            places: Arc::new(Semaphore::new(turns.saturating_add(options.waiting_max))),
            turns: Arc::new(Semaphore::new(turns)),
            hashes: Arc::default(),
        }
    }

    /// Hashes computed so far.
    pub(crate) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// Whether `password` is the one that was hashed. Without a stored hash the answer is no, after the same work.
    pub(crate) async fn verify(
        &self,
        cx: &Context,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, Fault> {
        let (hasher, hashes) = (self.hasher.clone(), Arc::clone(&self.hashes));
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        self.run(cx, move || {
            hashes.fetch_add(1, Ordering::Relaxed);
            let stored = PasswordHash::new(&stored).map_err(|error| {
                tracing::error!(%error, "a stored password hash cannot be read");
                Fault::Internal {}
            })?;
            Ok(hasher.verify_password(password.expose().as_bytes(), &stored).is_ok())
        })
        .await?
    }

    /// Judges a new password and hashes it; `about` is what its owner's enemies would try first.
    ///
    /// # Errors
    /// `WeakPassword` with a hint; `Overloaded`, `DeadlineExceeded`.
    pub(crate) async fn accept(
        &self,
        cx: &Context,
        password: Secret,
        about: Vec<String>,
    ) -> Result<String, Error> {
        let (hasher, hashes) = (self.hasher.clone(), Arc::clone(&self.hashes));
        let mut salt = [0_u8; 16];
        self.env.rng().fill(&mut salt);
        self.run(cx, move || {
            judge(&password, &about)?;
            hashes.fetch_add(1, Ordering::Relaxed);
            let hash = hasher.hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| {
                tracing::error!(%error, "a password cannot be hashed");
                Fault::Internal {}.into()
            })
        })
        .await?
    }

    /// Judges a new password without hashing it.
    ///
    /// # Errors
    /// As [`Passwords::accept`].
    pub(crate) async fn judge(
        &self,
        cx: &Context,
        password: Secret,
        about: Vec<String>,
    ) -> Result<(), Error> {
        self.run(cx, move || judge(&password, &about)).await?
    }

    /// Runs `work` when its turn has come. Its place and turn are its own until it is done, also if the caller leaves.
    async fn run<T: Send + 'static>(
        &self,
        cx: &Context,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Fault::Overloaded {})?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(cx.deadline.remaining(&self.env), turn)
            .await
            .map_err(|_| Fault::DeadlineExceeded {})?;
        cx.deadline.check(&self.env)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "work on a password failed");
            Fault::Internal {}
        })
    }
}

fn judge(password: &Secret, about: &[String]) -> Result<(), Error> {
    let judged: String = password.expose().chars().take(JUDGED_CHARS).collect();
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    let verdict = zxcvbn::zxcvbn(&judged, &about);
    if verdict.score() >= Score::Two {
        return Ok(());
    }
    let hint = verdict.feedback().and_then(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.or_else(|| feedback.suggestions().first().map(ToString::to_string))
    });
    Err(Error::WeakPassword { hint: hint.unwrap_or_else(|| "use a few more uncommon words".to_owned()) })
}

/// The hash of a password that nobody has, made without hashing: random salt, random output.
fn dummy(params: &Params, env: &Env) -> String {
    let mut salt = [0_u8; 16];
    env.rng().fill(&mut salt);
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(env.rng().token()));
    let (memory, passes) = (params.m_cost(), params.t_cost());
    format!("$argon2id$v=19$m={memory},t={passes},p=1${salt}${output}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cheap(hashes_max: usize, waiting_max: usize) -> Passwords {
        let options = PasswordOptions { memory_kib: 8, passes: 1, hashes_max, waiting_max };
        Passwords::new(&options, Env::system())
    }

    fn context() -> Context {
        Context::system(&Env::system(), Duration::from_secs(60))
    }

    #[tokio::test]
    async fn the_right_password_is_told_from_others() {
        let (passwords, cx) = (cheap(1, 8), context());
        let right = || Secret::new("nine yellow herons");
        let hash = passwords.accept(&cx, right(), vec![]).await.expect("strong");
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_eq!(passwords.verify(&cx, right(), Some(hash.clone())).await, Ok(true));
        assert_eq!(passwords.verify(&cx, Secret::new("ten yellow herons"), Some(hash)).await, Ok(false));
        assert_eq!(passwords.verify(&cx, right(), None).await, Ok(false));
        assert_eq!(passwords.hashes(), 4);
    }

    #[tokio::test]
    async fn an_easy_password_is_refused_with_a_hint() {
        let passwords = cheap(1, 8);
        for easy in ["password123", "aaaaaaaaaaaaa", "ada lovelace"] {
            let about = vec!["ada@example.com".to_owned(), "Ada Lovelace".to_owned()];
            let refused = passwords.accept(&context(), Secret::new(easy), about).await;
            assert!(matches!(refused, Err(Error::WeakPassword { hint }) if !hint.is_empty()), "{easy}");
        }
        assert_eq!(passwords.hashes(), 0);
    }

    #[tokio::test]
    async fn more_callers_than_may_wait_are_refused() {
        let (passwords, cx) = (cheap(1, 1), context());
        let (release, held) = std::sync::mpsc::channel::<()>();
        let working = passwords.run(&cx, move || held.recv().is_ok());
        let waiting = passwords.run(&cx, || true);
        let refused = async {
            tokio::task::yield_now().await;
            let refused = passwords.verify(&cx, Secret::new("x"), None).await;
            release.send(()).expect("received");
            refused
        };
        let (working, waiting, refused) = tokio::join!(working, waiting, refused);
        assert_eq!((working, waiting, refused), (Ok(true), Ok(true), Err(Fault::Overloaded {})));
    }

    #[tokio::test]
    async fn nobody_waits_past_the_deadline() {
        let passwords = cheap(1, 1);
        let late = Context::system(&Env::system(), Duration::ZERO);
        let answer = passwords.verify(&late, Secret::new("x"), None).await;
        assert_eq!((answer, passwords.hashes()), (Err(Fault::DeadlineExceeded {}), 0));
    }
}
