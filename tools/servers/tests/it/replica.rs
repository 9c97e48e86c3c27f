use shoal_servers::Options;

use crate::{ask, refusal, soon, start};

#[test]
fn a_replica_follows_and_takes_over() {
    let Some(mut primary) = start(Options::durable()) else { return };
    ask(&primary, "create table kept (id bigint primary key)");
    let replica = primary.replica().expect("it can be copied");
    assert_ne!(replica.port(), primary.port());
    assert_eq!(ask(&replica, "select pg_is_in_recovery()"), "t");
    ask(&primary, "insert into kept values (7)");
    soon("the row has arrived", || ask(&replica, "select id from kept") == "7");
    assert!(refusal(&replica, "postgres", "insert into kept values (8)").contains("read-only transaction"));

    primary.kill().expect("it is killed");
    replica.promote().expect("the replica takes over");
    ask(&replica, "insert into kept values (8)");
    assert_eq!(ask(&replica, "select count(*) from kept"), "2");
}
