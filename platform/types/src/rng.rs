use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Id, Noun, Timestamp};

/// The only source of randomness and ids. Houses receive one; simulations pass a [`SeededRng`].
pub trait Rng: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Rng {
    /// A new UUIDv7 id: `now` in milliseconds, then 74 random bits.
    ///
    /// Source: RFC 9562, section 5.7.
    pub fn id<T: Noun>(&self, now: Timestamp) -> Id<T> {
        let mut random = [0_u8; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
        Id::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// 256 random bits, for tokens.
    pub fn token(&self) -> [u8; 32] {
        let mut bytes = [0_u8; 32];
        self.fill(&mut bytes);
        bytes
    }

    /// A number below `bound`, evenly spread but for a bias below 2^-32; 0 if `bound` is 0.
    pub fn below(&self, bound: u32) -> u32 {
        let mut bytes = [0_u8; 8];
        self.fill(&mut bytes);
        let wide = u128::from(u64::from_le_bytes(bytes)) * u128::from(bound);
        u32::try_from(wide >> 64).unwrap_or(0)
    }
}

/// The operating system's entropy.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives entropy");
    }
}

/// A reproducible generator for tests and simulation. Not for secrets.
///
/// Source: SplitMix64, <https://prng.di.unimi.it/splitmix64.c> (public domain description).
#[derive(Debug)]
pub struct SeededRng(AtomicU64);

impl SeededRng {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}
