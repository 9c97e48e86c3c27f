//! Hosts that reach each other until they are cut off.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use shoal_servers::{Host, Hosts, Options, Postgres};

/// What a connection within one machine needs, many times over; what is lost is waited for so long.
const SOON: Duration = Duration::from_millis(700);
const PORT: u16 = 7000;

/// A rig, or a word on why there is none.
fn rig(count: usize) -> Option<Hosts> {
    match Hosts::new(count) {
        Ok(rig) => Some(rig),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    }
}

/// Does something on a host.
fn on<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            host.enter().expect("the host is there");
            work()
        });
        worker.join().expect("the work is done")
    })
}

fn listener(host: &Host) -> TcpListener {
    let address = SocketAddr::from((host.address(), PORT));
    on(host, || TcpListener::bind(address)).expect("the port is free")
}

fn connect(from: &Host, to: &Host) -> io::Result<TcpStream> {
    let address = SocketAddr::from((to.address(), PORT));
    on(from, || TcpStream::connect_timeout(&address, SOON))
}

fn udp(host: &Host) -> UdpSocket {
    let socket = on(host, || UdpSocket::bind((host.address(), PORT))).expect("the port is free");
    socket.set_read_timeout(Some(SOON)).expect("a time above zero");
    socket
}

/// Whether a packet arrives, and from whom.
fn arrives(from: &UdpSocket, to: &UdpSocket) -> Option<SocketAddr> {
    let address = to.local_addr().expect("it is bound");
    from.send_to(b"fish", address).expect("the system takes it");
    let mut bytes = [0; 8];
    to.recv_from(&mut bytes).ok().map(|(_, sender)| sender)
}

#[test]
fn hosts_have_an_address_each_and_reach_each_other() {
    let Some(rig) = rig(3) else { return };
    assert_eq!(rig.host(2).address(), Ipv4Addr::new(10, 77, 0, 3));
    let listeners: Vec<_> = rig.all().iter().map(listener).collect();
    for from in rig.all() {
        for (to, listener) in rig.all().iter().zip(&listeners) {
            connect(from, to).expect("it is reached");
            let (_, caller) = listener.accept().expect("it was called");
            assert_eq!(caller.ip(), from.address());
        }
    }
    // An address of documentation (RFC 5737): the host itself knows no way there.
    let outside =
        on(rig.host(0), || TcpStream::connect_timeout(&"192.0.2.1:80".parse().expect("an address"), SOON));
    assert_eq!(outside.expect_err("nothing leads out").kind(), io::ErrorKind::NetworkUnreachable);
}

#[test]
fn a_cut_link_loses_everything_and_heals() {
    let Some(rig) = rig(3) else { return };
    let _listeners: Vec<_> = rig.all().iter().map(listener).collect();
    rig.part(&[0], &[1]).expect("cut");
    let refused = connect(rig.host(0), rig.host(1)).expect_err("the link is cut");
    assert_eq!(refused.kind(), io::ErrorKind::TimedOut, "nobody says that it is");
    connect(rig.host(0), rig.host(2)).expect("another link is another link");
    connect(rig.host(1), rig.host(2)).expect("another link is another link");
    rig.heal_all().expect("healed");
    connect(rig.host(0), rig.host(1)).expect("the link is whole");
}

#[test]
fn a_link_may_be_cut_in_one_direction() {
    let Some(rig) = rig(2) else { return };
    let (one, other) = (udp(rig.host(0)), udp(rig.host(1)));
    rig.cut_one_way(0, 1).expect("cut");
    assert_eq!(arrives(&one, &other), None);
    assert_eq!(arrives(&other, &one), other.local_addr().ok());
    rig.heal(0, 1).expect("healed");
    assert_eq!(arrives(&one, &other), one.local_addr().ok());
}

#[test]
fn a_slow_link_takes_its_time() {
    let Some(rig) = rig(2) else { return };
    let listener = listener(rig.host(1));
    let bytes = vec![7; 100_000];
    let transfer = || {
        let began = Instant::now();
        let mut stream = connect(rig.host(0), rig.host(1))?;
        let (mut sink, _) = listener.accept()?;
        stream.write_all(&bytes)?;
        drop(stream);
        let mut received = Vec::new();
        sink.read_to_end(&mut received)?;
        assert_eq!(received, bytes);
        io::Result::Ok(began.elapsed())
    };
    rig.slow(0, 1, 800).expect("slow");
    // A second, less what is let through at once.
    let slow = transfer().expect("it comes");
    assert!(slow > Duration::from_millis(500), "{slow:?}");
    rig.heal(0, 1).expect("fast again");
    let fast = transfer().expect("it comes");
    assert!(fast < slow / 2, "{fast:?} beside {slow:?}");
}

#[test]
fn a_capture_has_what_was_sent() {
    let Some(rig) = rig(2) else { return };
    let capture = rig.host(1).capture().expect("root may listen");
    let (one, other) = (udp(rig.host(0)), udp(rig.host(1)));
    assert!(arrives(&one, &other).is_some());
    let frames = capture.stop().expect("it listened");
    assert!(frames.windows(4).any(|window| window == b"fish"));
}

#[test]
fn a_command_runs_on_its_host_and_can_be_killed() {
    let Some(rig) = rig(2) else { return };
    let output = rig.host(1).command("ip").args(["address", "show", "dev", "lo"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("10.77.0.2/32"));
    let mut child = rig.host(0).command("sleep").arg("600").spawn().expect("it runs");
    child.kill().expect("it is our child");
    assert!(child.wait().expect("it is our child").code().is_none(), "no other process stands before it");
}

#[test]
fn a_server_on_a_host_is_reached_by_the_others() {
    if !super::installed() {
        return;
    }
    let Some(rig) = rig(2) else { return };
    let options = Options { address: Some(rig.host(1).address()), ..Options::default() };
    let server = on(rig.host(1), || Postgres::start(options)).expect("the server starts");
    let url = server.url("postgres");
    assert!(url.contains("@10.77.0.2:"), "{url}");
    let asked = rig.host(0).command("psql").args(["-XAtc", "select 6 * 7", &url]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "42", "{asked:?}");
}
