use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, clock};
use http::header::{HeaderMap, HeaderName};
use http::{HeaderValue, Method};
use quick_cache::sync::Cache;
use shoal_types::Env;

use super::HttpError;
use super::config::{QuotaConfig, RateLimitConfig};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Never limited, never shed: health and metrics.
    Open,
    /// Reads.
    Read,
    /// Changes.
    Write,
    /// Tries a secret; counted per address.
    Login,
}

impl Class {
    pub(super) fn of(method: &Method) -> Self {
        if method.is_safe() { Self::Read } else { Self::Write }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Login => "login",
        }
    }
}

/// Who a quota belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(KeyKind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum KeyKind {
    Address(IpAddr),
    Digest(u64),
}

impl Key {
    /// A client's address; of an IPv6 address only the network, since a client has 2^64 of the rest.
    pub fn address(address: IpAddr) -> Self {
        let masked = match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
            v4 => v4,
        };
        Self(KeyKind::Address(masked))
    }

    /// Anything else: a token, a name. Only a digest of it is kept.
    pub fn digest(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self(KeyKind::Digest(hasher.finish()))
    }
}

/// Counts requests per class and caller.
///
/// Callers beyond `callers_max` push out those not seen for long, who then start with a full quota again.
pub struct RateLimiter {
    exempt_loopback: bool,
    read: Limit,
    write: Limit,
    login: Limit,
}

impl RateLimiter {
    /// A limiter with nothing counted yet.
    pub fn new(env: &Env, config: &RateLimitConfig) -> Self {
        let limit = |quota| Limit::new(env, quota, config.callers_max);
        Self {
            exempt_loopback: config.exempt_loopback,
            read: limit(&config.read),
            write: limit(&config.write),
            login: limit(&config.login),
        }
    }

    /// Counts one request of `class` by `key`.
    ///
    /// # Errors
    /// `RateLimited` with the seconds until the next one passes.
    pub fn check(&self, class: Class, key: Key) -> Result<(), HttpError> {
        self.count(class, key).map(|_| ())
    }

    /// Counts a request from `address`, with `token` if it sent one.
    pub(super) fn admit(
        &self,
        class: Class,
        address: IpAddr,
        token: Option<&[u8]>,
    ) -> Result<Option<Allowance>, HttpError> {
        if self.exempt_loopback && address.to_canonical().is_loopback() {
            return Ok(None);
        }
        // A caller who tries passwords would send another token each time.
        let token = token.filter(|_| class != Class::Login);
        self.count(class, token.map_or_else(|| Key::address(address), Key::digest))
    }

    fn count(&self, class: Class, key: Key) -> Result<Option<Allowance>, HttpError> {
        let limit = match class {
            Class::Open => return Ok(None),
            Class::Read => &self.read,
            Class::Write => &self.write,
            Class::Login => &self.login,
        };
        match limit.limiter.check_key(&key) {
            Ok(state) => Ok(Some(Allowance::of(&state))),
            Err(refused) => {
                let wait = refused.wait_time_from(limit.limiter.clock().now());
                let retry_after_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(HttpError::RateLimited {
                    class: class.as_str().to_owned(),
                    retry_after_s: retry_after_s.max(1),
                })
            }
        }
    }
}

/// What is left of a quota after a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
}

impl Allowance {
    fn of(state: &StateSnapshot) -> Self {
        Self { limit: state.quota().burst_size().get(), remaining: state.remaining_burst_capacity() }
    }

    pub(super) fn add_headers(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
    }
}

struct Limit {
    limiter: governor::RateLimiter<Key, Callers, SteadyClock, StateInformationMiddleware>,
}

impl Limit {
    fn new(env: &Env, config: &QuotaConfig, callers_max: usize) -> Self {
        let one_per = (config.per / config.requests.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(one_per).expect("the period is not zero").allow_burst(config.burst);
        let (callers, clock) = (Callers::at_most(callers_max), SteadyClock::new(env.clone()));
        Self { limiter: governor::RateLimiter::new(quota, callers, clock) }
    }
}

/// The count of each caller, at most so many.
struct Callers(Cache<Key, Arc<InMemoryState>>);

impl Callers {
    fn at_most(count: usize) -> Self {
        Self(Cache::new(count.max(1)))
    }
}

impl StateStore for Callers {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = self.0.get_or_insert_with(key, || Ok::<_, ()>(Arc::default())).unwrap_or_default();
        state.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

/// Turns the wall clock into one that never runs backwards: a clock set back by an hour must not lock callers out
/// for an hour.
struct SteadyClock {
    env: Env,
    seen_us: AtomicI64,
    steady_us: AtomicU64,
}

impl SteadyClock {
    fn new(env: Env) -> Self {
        let seen_us = AtomicI64::new(env.now().as_micros());
        Self { env, seen_us, steady_us: AtomicU64::new(0) }
    }
}

impl clock::Clock for SteadyClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let now = self.env.now().as_micros();
        let passed = u64::try_from(now - self.seen_us.swap(now, Ordering::Relaxed)).unwrap_or(0);
        Nanos::new((self.steady_us.fetch_add(passed, Ordering::Relaxed) + passed).saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use shoal_types::{ManualClock, SeededRng, Timestamp};

    use super::*;

    fn limiter(config: RateLimitConfig) -> (RateLimiter, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
        let env = Env::new(clock.clone(), Arc::new(SeededRng::new(1)));
        (RateLimiter::new(&env, &config), clock)
    }

    #[test]
    fn the_burst_passes_and_then_one_per_interval() {
        let (limiter, clock) = limiter(RateLimitConfig::default());
        let key = Key::digest(b"caller");
        for _ in 0..10 {
            assert_eq!(limiter.check(Class::Login, key), Ok(()));
        }
        let refused = HttpError::RateLimited { class: "login".into(), retry_after_s: 6 };
        assert_eq!(limiter.check(Class::Login, key), Err(refused));
        assert_eq!(limiter.check(Class::Login, Key::digest(b"another")), Ok(()));
        clock.advance(Duration::from_secs(6));
        assert_eq!(limiter.check(Class::Login, key), Ok(()));
    }

    #[test]
    fn callers_are_forgotten_when_there_are_too_many() {
        let callers = Callers::at_most(100);
        for caller in 0_u32..10_000 {
            let counted = callers.measure_and_replace(&Key::digest(&caller.to_le_bytes()), |_| {
                Ok::<_, ()>(((), Nanos::new(1)))
            });
            assert_eq!(counted, Ok(()));
        }
        assert!(callers.0.len() <= 100, "{}", callers.0.len());
    }

    #[test]
    fn addresses_of_one_network_share_a_quota() {
        let key = |text: &str| Key::address(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
