use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use shoal_types::{Env, SeededRng, SystemClock, Timestamp};
use uuid::Uuid;

use super::sealer::{Opened, Refusal};
use super::*;
use shoal_types::NodeId;

const CLUSTER: Uuid = Uuid::from_u128(7);
const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

fn key(byte: u8) -> GossipKey {
    GossipKey::new([byte; 32])
}

fn node(seed: u64) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(u128::from(seed)))
}

fn sealer(cluster: Uuid, seed: u64, ring: &KeyRing) -> Sealer {
    let env = Env::new(Arc::new(SystemClock), Arc::new(SeededRng::new(seed)));
    Sealer::new(cluster, node(seed), ring, &env)
}

fn pair() -> (Sealer, Sealer) {
    let ring = KeyRing::new(key(1), None);
    (sealer(CLUSTER, 1, &ring), sealer(CLUSTER, 2, &ring))
}

#[test]
fn a_packet_is_opened_once_and_hides_what_it_says() {
    let (mut anna, mut bert) = pair();
    let packet = anna.seal(b"the mug is sold", NOW);
    assert_eq!(packet.len(), 15 + OVERHEAD);
    assert!(!packet.windows(3).any(|window| window == b"mug"));
    let opened = Opened { node: node(1), payload: b"the mug is sold".to_vec() };
    assert_eq!(bert.open(&packet, NOW), Ok(opened));
    assert_eq!(bert.open(&packet, NOW), Err(Refusal::Replayed));
    assert_eq!(anna.open(&packet, NOW), Err(Refusal::Own));
}

#[test]
fn equal_payloads_never_make_equal_packets() {
    let (mut anna, mut bert) = pair();
    let packets: std::collections::HashSet<Vec<u8>> =
        (0..100).flat_map(|_| [anna.seal(b"same", NOW), bert.seal(b"same", NOW)]).collect();
    let sealed: std::collections::HashSet<&[u8]> = packets.iter().map(|packet| &packet[HEADER..]).collect();
    assert_eq!((packets.len(), sealed.len()), (200, 200));
}

#[test]
fn packets_in_another_order_are_opened_each_once() {
    let (mut anna, mut bert) = pair();
    let packets: Vec<_> = (0..100_u8).map(|n| anna.seal(&[n], NOW)).collect();
    for packet in packets.iter().rev() {
        assert!(bert.open(packet, NOW).is_ok());
        assert_eq!(bert.open(packet, NOW), Err(Refusal::Replayed));
    }
}

#[test]
fn another_cluster_and_another_secret_are_foreign() {
    let ring = KeyRing::new(key(1), None);
    let (_, mut bert) = pair();
    let mut neighbour = sealer(Uuid::from_u128(8), 3, &ring);
    assert_eq!(bert.open(&neighbour.seal(b"hello", NOW), NOW), Err(Refusal::Foreign));
    let mut stranger = sealer(CLUSTER, 4, &KeyRing::new(key(9), None));
    assert_eq!(bert.open(&stranger.seal(b"hello", NOW), NOW), Err(Refusal::Foreign));
}

#[test]
fn a_clock_half_a_minute_off_is_refused_and_said_once() {
    for sent_at in [NOW.plus(Duration::from_secs(31)), NOW.minus(Duration::from_secs(31))] {
        let (mut anna, mut bert) = pair();
        let refusal = |first| Err(Refusal::Clock { node: node(1), sent_at, now: NOW, first });
        let packets = [anna.seal(b"late", sent_at), anna.seal(b"late", sent_at)];
        assert_eq!(bert.open(&packets[0], NOW), refusal(true));
        assert_eq!(bert.open(&packets[1], NOW), refusal(false));
    }
    let (mut anna, mut bert) = pair();
    let packet = anna.seal(b"in time", NOW.minus(Duration::from_secs(29)));
    assert!(bert.open(&packet, NOW).is_ok());
}

#[test]
fn keys_change_without_a_refusal() {
    let rings = [
        KeyRing::new(key(1), None),
        KeyRing::new(key(1), Some(key(2))),
        KeyRing::new(key(2), Some(key(1))),
        KeyRing::new(key(2), None),
    ];
    let (mut anna, mut bert) = pair();
    for ring in &rings {
        anna.swap(ring);
        assert!(bert.open(&anna.seal(b"anna first", NOW), NOW).is_ok());
        assert!(anna.open(&bert.seal(b"bert still old", NOW), NOW).is_ok());
        bert.swap(ring);
        assert!(anna.open(&bert.seal(b"bert too", NOW), NOW).is_ok());
    }
    bert.swap(&rings[0]);
    assert_eq!(bert.open(&anna.seal(b"too far ahead", NOW), NOW), Err(Refusal::Foreign));
}

#[test]
fn a_change_of_keys_does_not_open_the_way_for_a_replay() {
    let (mut anna, mut bert) = pair();
    let packet = anna.seal(b"pay", NOW);
    assert!(bert.open(&packet, NOW).is_ok());
    bert.swap(&KeyRing::new(key(2), Some(key(1))));
    assert_eq!(bert.open(&packet, NOW), Err(Refusal::Replayed));
}

#[test]
fn only_who_has_the_key_takes_a_place_among_the_senders() {
    let (mut anna, mut bert) = pair();
    let packet = anna.seal(b"x", NOW);
    for salt in 0..5_000_u32 {
        let mut forged = packet.clone();
        forged[SALT_AT..SALT_AT + 4].copy_from_slice(&salt.to_be_bytes());
        assert_eq!(bert.open(&forged, NOW), Err(Refusal::Forged));
    }
    assert!(bert.open(&packet, NOW).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..1500), like_ours in any::<bool>()) {
        let (_, mut bert) = pair();
        let mut bytes = bytes;
        if like_ours && bytes.len() > SALT_AT {
            bytes[..3].copy_from_slice(&[MAGIC[0], MAGIC[1], PROTOCOL]);
            bytes[3..SALT_AT].copy_from_slice(&key(1).id(CLUSTER));
        }
        prop_assert!(bert.open(&bytes, NOW).is_err());
    }

    #[test]
    fn a_packet_changed_in_one_bit_or_cut_is_refused(at in 0_usize..(OVERHEAD + 5), bit in 0..8_u8) {
        let (mut anna, mut bert) = pair();
        let packet = anna.seal(b"hello", NOW);
        let mut changed = packet.clone();
        changed[at] ^= 1 << bit;
        prop_assert!(bert.open(&changed, NOW).is_err());
        prop_assert!(bert.open(&packet[..at], NOW).is_err());
        prop_assert!(bert.open(&packet, NOW).is_ok());
    }
}
