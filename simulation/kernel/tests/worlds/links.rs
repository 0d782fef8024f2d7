//! Links that are slow, lose segments, or are cut one way.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use switchyard_simulated_kernel::{self as kernel, FIRST_NODE, Link, now};

use crate::rig::{machine, world};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((machine(1), 80)).unwrap();
    let client = TcpStream::connect((machine(1), 80)).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn what_is_sent_over_a_cut_link_arrives_once_it_is_mended() {
    world(1, |_| {
        let (mut client, mut server) = pair();
        let cut = Link {
            is_cut: true,
            ..Link::default()
        };
        kernel::set_link(FIRST_NODE, machine(1), Some(cut));
        client.write_all(b"there").unwrap();
        server.write_all(b"back").unwrap();
        let mut buffer = [0; 5];
        client.read_exact(&mut buffer[..4]).unwrap();
        assert_eq!(&buffer[..4], b"back", "the other way is open");
        server
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        server.read_exact(&mut buffer).unwrap_err();
        kernel::set_link(FIRST_NODE, machine(1), None);
        server.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"there");
    });
}

#[test]
fn a_lossy_link_delays_and_loses_nothing() {
    world(2, |_| {
        kernel::set_default_link(Link {
            loss: 0.3,
            ..Link::default()
        });
        let (mut client, mut server) = pair();
        let started = now();
        for at in 0..100_u8 {
            client.write_all(&[at]).unwrap();
            let mut byte = [0];
            server.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [at]);
        }
        assert!(now() > started + Duration::from_secs(2), "{:?}", now());
    });
}

#[test]
fn a_connection_to_nowhere_fails_after_two_minutes() {
    world(3, |_| {
        kernel::vanish(machine(1));
        let error = TcpStream::connect((machine(1), 80)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert!(now() > Duration::from_mins(1), "{:?}", now());
    });
}
