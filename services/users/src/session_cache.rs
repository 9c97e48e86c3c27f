use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;
use shoal_contract::users::{Authenticated, SessionId, UserId};
use shoal_types::{Role, Timestamp};

use crate::model::token::Presented;

/// The sessions seen lately, so that a request need not ask the database whose it is.
///
/// What ends a session takes it out at once, as this process has the data to itself; with a `life` of zero it remembers
/// nothing.
pub(crate) struct SessionCache {
    entries: Cache<SessionId, Entry>,
    /// Grows with each ending: what was read before an ending is not put in after it.
    endings: AtomicU64,
    life: Duration,
}

/// A session as read at `read_at`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) user: UserId,
    pub(crate) role: Role,
    pub(crate) token_hash: [u8; 32],
    pub(crate) expires_at: Timestamp,
    pub(crate) read_at: Timestamp,
}

/// The endings seen before a session was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(u64);

impl SessionCache {
    pub(crate) fn new(sessions_max: usize, life: Duration) -> Self {
        Self { entries: Cache::new(sessions_max.max(1)), endings: AtomicU64::new(0), life }
    }

    /// Whose the token is, if that is known and fresh.
    pub(crate) fn get(&self, token: &Presented, now: Timestamp) -> Option<Authenticated> {
        let entry = self.entries.get(&token.session)?;
        let fresh = now.since(entry.read_at) < self.life && now >= entry.read_at && now < entry.expires_at;
        let proven = token.proves(&entry.token_hash) && entry.user == token.user;
        (fresh && proven).then_some(Authenticated {
            user: entry.user,
            role: entry.role,
            session: token.session,
        })
    }

    /// To be called before a session is read.
    pub(crate) fn before_read(&self) -> Seen {
        Seen(self.endings.load(Ordering::SeqCst))
    }

    /// Puts in what was read, unless a session ended meanwhile.
    pub(crate) fn put(&self, seen: Seen, session: SessionId, entry: Entry) {
        if self.life.is_zero() {
            return;
        }
        self.entries.insert(session, entry);
        if self.endings.load(Ordering::SeqCst) != seen.0 {
            self.entries.remove(&session);
        }
    }

    /// One session ended, or has another token.
    pub(crate) fn end(&self, session: SessionId) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.entries.remove(&session);
    }

    /// Sessions of a user ended, or have another role.
    pub(crate) fn end_all(&self, user: UserId) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.entries.retain(|_, entry| entry.user != user);
    }
}

#[cfg(test)]
mod tests {
    use shoal_types::{Env, Secret};

    use super::*;
    use crate::model::token;

    fn fixture() -> (SessionCache, Presented, Entry) {
        let env = Env::system();
        let (user, session) = (env.id(), env.id());
        let (token, token_hash) = token::issue(user, session, env.rng().token());
        let presented = Presented::parse(&Secret::new(token.expose())).expect("ours");
        let at = Timestamp::from_micros(0);
        let entry = Entry {
            user,
            role: Role::Staff,
            token_hash,
            expires_at: at.plus(Duration::from_secs(60)),
            read_at: at,
        };
        (SessionCache::new(10, Duration::from_secs(1)), presented, entry)
    }

    #[test]
    fn an_entry_lives_for_its_time_only() {
        let (cache, token, entry) = fixture();
        cache.put(cache.before_read(), token.session, entry);
        let at = |ms| entry.read_at.plus(Duration::from_millis(ms));
        assert_eq!(cache.get(&token, at(999)).map(|found| found.role), Some(Role::Staff));
        assert_eq!(cache.get(&token, at(1000)), None);
        assert_eq!(cache.get(&token, entry.read_at.minus(Duration::from_millis(1))), None);
    }

    #[test]
    fn without_a_life_nothing_is_remembered() {
        let (_, token, entry) = fixture();
        let cache = SessionCache::new(10, Duration::ZERO);
        cache.put(cache.before_read(), token.session, entry);
        assert_eq!((cache.get(&token, entry.read_at), cache.entries.len()), (None, 0));
    }

    #[test]
    fn a_session_that_ended_while_it_was_read_is_not_kept() {
        let (cache, token, entry) = fixture();
        let seen = cache.before_read();
        cache.end(token.session);
        cache.put(seen, token.session, entry);
        assert_eq!(cache.get(&token, entry.read_at), None);
    }

    #[test]
    fn ending_all_of_a_user_leaves_the_others() {
        let (cache, token, entry) = fixture();
        let (_, other, of_other) = fixture();
        for (token, entry) in [(&token, entry), (&other, of_other)] {
            cache.put(cache.before_read(), token.session, entry);
        }
        cache.end_all(token.user);
        assert_eq!(cache.get(&token, entry.read_at), None);
        assert!(cache.get(&other, of_other.read_at).is_some());
    }
}
