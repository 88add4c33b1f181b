//! Clients that are slow or silent on purpose.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::support::Host;

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Everything until the other side closes, however it does.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection wasn't closed: {error}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn impatient() -> Host {
    Host::with(|config| {
        config.limits.idle_time = Duration::from_millis(300);
        config.limits.body_time = Duration::from_millis(300);
    })
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let host = impatient();
    for address in [host.addresses.otlp_http, host.addresses.api] {
        let mut stream = connect(address);
        stream
            .write_all(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-A: ")
            .unwrap();
        let started = Instant::now();
        let answer = read_to_end(&mut stream);
        assert!(!answer.contains("200 OK"), "{answer}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let host = impatient();
    for address in [
        host.addresses.otlp_http,
        host.addresses.otlp_grpc,
        host.addresses.api,
    ] {
        let mut stream = connect(address);
        let started = Instant::now();
        read_to_end(&mut stream);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_body_that_never_ends_is_400() {
    let host = impatient();
    let mut stream = connect(host.addresses.otlp_http);
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{{",
        host.key()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("didn't arrive in whole"), "{answer}");
    assert!(host.intake.taken().is_empty());
}

#[test]
fn a_client_that_hangs_up_in_its_body_leaves_nothing_behind() {
    let host = Host::with(|config| config.limits.requests_in_flight = 1);
    for _ in 0..3 {
        let mut stream = connect(host.addresses.otlp_http);
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nHost: x\r\nx-aia-key: {}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000\r\n\r\n{{",
            host.key()
        );
        stream.write_all(head.as_bytes()).unwrap();
    }
    let headers = [("content-type", "application/json"), ("x-aia-key", &*host.key())];
    crate::support::eventually(|| {
        crate::support::send("POST", &host.otlp("/v1/traces"), &headers, b"x").status == 200
    });
    assert_eq!(host.intake.taken().len(), 1);
}

#[test]
fn a_stranger_is_refused_before_its_body_is_read() {
    let host = Host::start();
    let mut stream = connect(host.addresses.otlp_http);
    let head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 401");
}

#[test]
fn connections_beyond_the_limit_wait_and_are_served_later() {
    let host = Host::with(|config| config.limits.connections = 1);
    let first = connect(host.addresses.api);
    // The first one's place is taken as soon as it was accepted; connecting alone says nothing.
    std::thread::sleep(Duration::from_millis(200));
    let mut second = connect(host.addresses.api);
    second
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut byte = [0];
    assert!(second.read_exact(&mut byte).is_err(), "served beyond the limit");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert!(read_to_end(&mut second).starts_with("HTTP/1.1 200"));
}

#[test]
fn no_server_banner() {
    let host = Host::start();
    for address in [host.addresses.otlp_http, host.addresses.api] {
        let mut stream = connect(address);
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        let answer = read_to_end(&mut stream).to_lowercase();
        assert!(answer.starts_with("http/1.1 40"), "{answer}");
        assert!(
            !answer.contains("\nserver:") && !answer.contains("x-powered-by"),
            "{answer}"
        );
    }
}
