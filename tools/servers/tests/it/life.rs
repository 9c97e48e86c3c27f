use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use shoal_servers::Options;

use crate::{SOON, ask, folder, is_there, refusal, start};

/// PostgreSQL's question whether it speaks TLS, which it answers with one letter.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[test]
fn a_new_server_is_as_it_was_asked_for() {
    let Some(server) = start(Options::default().setting("work_mem", "7MB")) else { return };
    assert_eq!(ask(&server, "select 1"), "1");
    assert_eq!(ask(&server, "select usesuper from pg_user where usename = current_user"), "t");
    let encoding =
        "select pg_encoding_to_char(encoding), datcollate from pg_database where datname = 'template1'";
    assert_eq!(ask(&server, encoding), "UTF8|C");
    for (setting, value) in [("max_connections", "300"), ("fsync", "off"), ("work_mem", "7MB")] {
        assert_eq!(ask(&server, &format!("show {setting}")), value, "{setting}");
    }
    assert!(refusal(&server, "postgres", "select 1/0").contains("division by zero"));
    assert!(refusal(&server, "nowhere", "select 1").contains("does not exist"));
}

#[test]
fn a_durable_server_keeps_what_was_committed_when_it_is_killed() {
    let Some(mut server) = start(Options::durable()) else { return };
    ask(&server, "create table kept (id bigint primary key)");
    ask(&server, "insert into kept values (7)");
    let (port, process) = (server.port(), server.pid().expect("it runs"));

    server.kill().expect("it is killed");
    assert_eq!(server.pid(), None);
    assert!(!is_there(process));
    assert!(refusal(&server, "postgres", "select 1").contains("refused"));

    server.start_again().expect("it starts on what is left");
    assert_eq!(server.port(), port);
    assert_eq!(ask(&server, "select id from kept"), "7");
    assert!(server.log().contains("database system was not properly shut down"), "{}", server.log());
    assert!(server.start_again().is_err(), "it runs already");
}

#[test]
fn a_stopped_server_starts_again_and_leaves_nothing_when_dropped() {
    let Some(mut server) = start(Options::default()) else { return };
    ask(&server, "create table kept (id bigint primary key)");
    let (folder, port) = (folder(&server), server.port());

    server.stop().expect("it stops in good order");
    assert_eq!(server.pid(), None);
    server.stop().expect("there is nothing to stop");
    server.kill().expect("there is nothing to kill");
    server.start_again().expect("it starts again");
    assert_eq!(ask(&server, "select count(*) from kept"), "0");

    let process = server.pid().expect("it runs");
    drop(server);
    assert!(!is_there(process));
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_paused_server_takes_connections_and_answers_when_it_is_resumed() {
    let Some(mut server) = start(Options::default()) else { return };
    server.pause().expect("it halts");
    let mut connection = TcpStream::connect(("127.0.0.1", server.port())).expect("the kernel takes it");
    connection.write_all(&SSL_REQUEST).expect("the kernel takes it");
    let mut answer = [0];
    connection.set_read_timeout(Some(Duration::from_millis(300))).expect("a time to wait");
    let silence = connection.read_exact(&mut answer).expect_err("no answer").kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");

    server.resume().expect("it goes on");
    connection.set_read_timeout(Some(SOON)).expect("a time to wait");
    connection.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"N");

    server.pause().expect("it halts");
    let process = server.pid().expect("it is there");
    drop(server);
    assert!(!is_there(process), "a paused server ends too");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    if !crate::installed() {
        return;
    }
    let options = Options::default().setting("shared_buffers", "many");
    let error = shoal_servers::Postgres::start(options).expect_err("it cannot start").to_string();
    assert!(error.contains("invalid value for parameter \"shared_buffers\": \"many\""), "{error}");
}
