use std::collections::BTreeMap;

use proptest::prelude::*;
use shoal_types::{NodeId, Timestamp};
use uuid::Uuid;

use super::*;
use crate::message::{Group, Kind, MESSAGE_MAX, Message};
use crate::{Load, State};

const PATIENCE: Patience = Patience { phi: 3.5, forget_after: 50, gone_for: 20 };

/// The `n`th node, at a port of its own.
fn member(n: u64) -> Member {
    // Spread over the keys as random ids are.
    let id = NodeId::from_uuid(Uuid::from_u64_pair(n, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let port = 10_000 + u16::try_from(n).expect("few nodes");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut member = Member::new(id, format!("node-{n}"), "0.1.0", &["users"], address, at(n));
    member.state = State::Ready;
    member
}

fn at(n: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + i64::try_from(n).expect("few"))
}

fn table(n: u64) -> Table {
    Table::new(member(n), PATIENCE).expect("small")
}

/// `left` asks `right`; every message is encoded and decoded on its way. Gives the bytes exchanged.
fn exchange(left: &mut Table, right: &mut Table, turn: u32) -> usize {
    let mut bytes = 0;
    let mut carry = |message: &Message| {
        let encoded = message.encode();
        assert!(encoded.len() <= MESSAGE_MAX, "{}", encoded.len());
        bytes += encoded.len();
        Message::decode(&encoded).expect("our own words")
    };
    for question in left.ask() {
        for answer in right.respond(carry(&question), turn) {
            for last in left.respond(carry(&answer), turn) {
                assert_eq!(right.respond(carry(&last), turn), []);
            }
        }
    }
    bytes
}

fn names(table: &Table) -> Vec<String> {
    let mut names: Vec<_> = table.members().iter().map(|member| member.name.to_string()).collect();
    names.sort();
    names
}

fn find(table: &Table, n: u64) -> Option<Member> {
    table.members().into_iter().find(|other| other.id == member(n).id)
}

#[test]
fn one_exchange_tells_both_all_they_know() {
    let (mut anna, mut bert, mut carl) = (table(1), table(2), table(3));
    exchange(&mut anna, &mut bert, 0);
    exchange(&mut carl, &mut anna, 0);
    assert_eq!(names(&anna), ["node-1", "node-2", "node-3"]);
    assert_eq!(names(&carl), ["node-1", "node-2", "node-3"]);
    assert_eq!(names(&bert), ["node-1", "node-2"]);
}

#[test]
fn a_change_of_load_travels_without_the_card() {
    let (mut anna, mut bert) = (table(1), table(2));
    exchange(&mut anna, &mut bert, 0);
    let nothing_new = exchange(&mut anna, &mut bert, 0);
    let change = anna.update(|me| me.load = Load { in_flight: 9, cpu_permille: 500, memory_mib: 70 });
    assert_eq!(change, Ok(Change::Load));
    let news = exchange(&mut anna, &mut bert, 0);
    assert_eq!(find(&bert, 1).expect("known").load.in_flight, 9);
    assert!(news - nothing_new < 90, "{nothing_new} then {news}");
}

#[test]
fn who_falls_silent_is_listed_as_silent_then_forgotten_and_talk_does_not_bring_it_back() {
    let (mut anna, mut bert, mut carl) = (table(1), table(2), table(3));
    exchange(&mut anna, &mut bert, 0);
    exchange(&mut carl, &mut bert, 0);
    exchange(&mut anna, &mut carl, 0);
    for _ in 0..20 {
        anna.advance();
        carl.advance();
        exchange(&mut anna, &mut carl, 0);
    }
    assert!(!find(&anna, 2).expect("still listed").alive);
    assert_eq!(anna.contacts().alive.len(), 1);
    // One who does not know it is not told of it any more.
    let mut dora = table(4);
    exchange(&mut dora, &mut anna, 0);
    assert_eq!(names(&dora), ["node-1", "node-3", "node-4"]);
    for _ in 0..60 {
        anna.advance();
        carl.advance();
        exchange(&mut anna, &mut carl, 0);
    }
    assert_eq!(names(&anna), ["node-1", "node-3"]);
    // It was only cut off, and lives.
    bert.advance();
    exchange(&mut bert, &mut anna, 0);
    assert!(find(&anna, 2).expect("back").alive);
}

#[test]
fn who_left_is_gone_at_once_and_stays_gone() {
    let (mut anna, mut bert, mut carl) = (table(1), table(2), table(3));
    exchange(&mut anna, &mut bert, 0);
    exchange(&mut carl, &mut bert, 0);
    bert.leave();
    anna.respond(Message::tell(vec![bert.own_entry()]), 0);
    assert_eq!(names(&anna), ["node-1"]);
    exchange(&mut carl, &mut anna, 0);
    assert_eq!(names(&carl), ["node-1", "node-3"]);
    for _ in 0..30 {
        anna.advance();
    }
    exchange(&mut carl, &mut anna, 0);
    assert_eq!(names(&anna), ["node-1", "node-3"]);
}

#[test]
fn a_restart_at_the_same_address_replaces_the_node() {
    let (mut anna, mut bert) = (table(1), table(2));
    exchange(&mut anna, &mut bert, 0);
    let restarted = Member { gossip_address: member(2).gossip_address, ..member(3) };
    let mut next = Table::new(restarted, PATIENCE).expect("small");
    exchange(&mut next, &mut anna, 0);
    assert_eq!(names(&anna), ["node-1", "node-3"]);
    // What the old one still had under way does not bring it back.
    exchange(&mut bert, &mut anna, 0);
    assert_eq!(names(&anna), ["node-1", "node-3"]);
}

#[test]
fn a_restart_with_its_clock_set_back_replaces_the_node_too() {
    let (mut anna, mut old) = (table(1), table(5));
    exchange(&mut anna, &mut old, 0);
    let restarted = Member { gossip_address: member(5).gossip_address, ..member(2) };
    let mut next = Table::new(restarted, PATIENCE).expect("small");
    for _ in 0..25 {
        next.advance();
        anna.advance();
        exchange(&mut next, &mut anna, 0);
    }
    assert_eq!(names(&anna), ["node-1", "node-2"]);
    assert!(find(&anna, 2).expect("listed").alive);
}

#[test]
fn nobody_else_changes_what_a_node_says_of_itself() {
    let (mut anna, mut bert) = (table(1), table(2));
    exchange(&mut anna, &mut bert, 0);
    let mut entry = anna.own_entry();
    (entry.version, entry.gone) = (99, true);
    anna.respond(Message::tell(vec![entry]), 0);
    assert!(!anna.has_left());
    assert_eq!(names(&anna), ["node-1", "node-2"]);
}

#[test]
fn the_table_does_not_grow_without_end() {
    let mut anna = table(0);
    for n in 1..3_000 {
        anna.respond(Message::tell(vec![table(n).own_entry()]), 0);
    }
    assert_eq!(anna.members().len(), MEMBERS_MAX);
}

#[test]
fn more_nodes_than_fit_into_a_message_are_told_in_stretches() {
    let (mut anna, mut bert) = (table(0), table(999));
    for n in 1..400 {
        let entry = table(n).own_entry();
        let to = if n % 2 == 0 { &mut anna } else { &mut bert };
        to.respond(Message::tell(vec![entry]), 0);
    }
    let mut turn = 0_u32;
    while anna.members().len() < 401 || bert.members().len() < 401 {
        exchange(&mut anna, &mut bert, turn);
        exchange(&mut bert, &mut anna, turn);
        anna.allowance.refill();
        bert.allowance.refill();
        turn += 37;
        assert!(turn < 37 * 100, "{} and {}", anna.members().len(), bert.members().len());
    }
}

#[test]
fn a_seed_asked_by_all_at_once_tells_each_a_little_and_different_things() {
    let mut seed = table(0);
    for n in 1..100 {
        seed.respond(Message::tell(vec![table(n).own_entry()]), 0);
    }
    let (mut told, mut bytes) = (std::collections::BTreeSet::new(), 0);
    for n in 100..200 {
        let mut newcomer = table(n);
        bytes += exchange(&mut newcomer, &mut seed, u32::try_from(n).expect("few") * 31);
        // Itself, the seed and one more at least, so that it can ask on.
        assert!(newcomer.members().len() >= 3, "{n}");
        told.extend(names(&newcomer));
    }
    assert!(bytes < 90_000, "{bytes}");
    assert!(told.len() > 115, "{}", told.len());
}

fn group(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Option<Group>> {
    prop::option::of((0..6_u64, bytes).prop_map(|(version, bytes)| Group { version, bytes: bytes.into() }))
}

fn entry() -> impl Strategy<Value = Entry> {
    let (card, pulse) = (member(3).card().expect("small"), member(3).pulse().expect("small"));
    let noise = || prop::collection::vec(any::<u8>(), 0..40);
    let (card, pulse) = (prop_oneof![Just(card), noise()], prop_oneof![Just(pulse), noise()]);
    let number = || prop_oneof![0_u64..6, Just(u64::MAX)];
    (0..6_u64, number(), number(), any::<bool>(), group(card), group(pulse)).prop_map(
        |(n, heartbeat, version, gone, card, pulse)| Entry {
            id: member(n).id,
            heartbeat,
            version,
            gone,
            card,
            pulse,
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    let key = || prop_oneof![(0..6_u64).prop_map(|n| key(member(n).id)), any::<u64>()];
    let kind = prop_oneof![
        (any::<u64>(), any::<u64>()).prop_map(|(from, to)| Kind::Ask { from, to }),
        Just(Kind::Ask { from: 0, to: u64::MAX }),
        Just(Kind::Answer),
        Just(Kind::Tell),
    ];
    let item =
        (key(), 0..6_u64, 0..6_u64).prop_map(|(key, heartbeat, version)| Item { key, heartbeat, version });
    (kind, prop::collection::vec(item, 0..8), prop::collection::vec(entry(), 0..4))
        .prop_map(|(kind, items, entries)| Message { kind, items, entries })
}

proptest! {
    #[test]
    fn no_message_harms_the_table(messages in prop::collection::vec((message(), 0..4_u8), 1..40)) {
        let mut anna = table(1);
        for (message, ticks) in messages {
            for reply in anna.respond(message, u32::from(ticks)) {
                prop_assert!(reply.encode().len() <= MESSAGE_MAX);
            }
            (0..ticks).for_each(|_| { anna.advance(); });
            let members = anna.members();
            let own = members.iter().find(|other| other.id == member(1).id);
            prop_assert_eq!(own, Some(&member(1)));
            let ids: BTreeMap<NodeId, &Member> = members.iter().map(|member| (member.id, member)).collect();
            prop_assert_eq!(ids.len(), members.len());
        }
    }

    #[test]
    fn random_exchanges_bring_all_to_the_same_view(pairs in prop::collection::vec((0..12_usize, 0..12_usize), 200)) {
        let mut tables: Vec<Table> = (0..12).map(table).collect();
        for (turn, (left, right)) in (0_u32..).zip(pairs).filter(|(_, (left, right))| left != right) {
            let mut pair = tables.get_disjoint_mut([left, right]).expect("two of them");
            let [left, right] = &mut pair;
            exchange(left, right, turn);
        }
        // Whatever was missed so far, one sweep there and back brings.
        for n in (1..12).chain((1..12).rev()) {
            let [left, right] = tables.get_disjoint_mut([n - 1, n]).expect("two of them");
            exchange(left, right, 0);
        }
        for table in &tables {
            prop_assert_eq!(table.members(), tables[0].members());
            prop_assert_eq!(table.members().len(), 12);
        }
    }
}
