//! Processes that end, are killed, and lose their power.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use switchyard_simulated_kernel::{self as kernel, Node, now};

use crate::rig::{machine, world};

/// A server that accepts, answers one byte and then waits for ever.
fn server() {
    let listener = TcpListener::bind((machine(1), 80)).unwrap();
    let kept: Vec<_> = listener
        .incoming()
        .map(|stream| {
            let mut stream = stream.unwrap();
            stream.write_all(b"!").unwrap();
            stream
        })
        .collect();
    drop(kept);
}

fn connected() -> TcpStream {
    loop {
        if let Ok(mut stream) = TcpStream::connect((machine(1), 80)) {
            stream.read_exact(&mut [0]).unwrap();
            return stream;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_node_closes_its_connections_and_its_port_is_free() {
    world(1, |_| {
        let node = Node::start("server", machine(1), server);
        let mut stream = connected();
        assert_eq!(node.usage().threads, 1);
        assert!(node.usage().descriptors >= 2, "{:?}", node.usage());
        node.kill();
        assert!(node.has_ended());
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        assert_eq!(node.usage().descriptors, 0);
        assert_eq!(
            TcpStream::connect((machine(1), 80)).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        Node::start("server", machine(1), server);
        connected();
    });
}

#[test]
fn a_machine_without_power_says_nothing_and_resets_when_it_is_back() {
    world(2, |_| {
        let node = Node::start("server", machine(1), server);
        let mut stream = connected();
        kernel::vanish(machine(1));
        node.kill();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        stream.write_all(b"?").unwrap();
        let started = now();
        assert_eq!(
            stream.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(now() >= started + Duration::from_mins(1));
        kernel::reappear(machine(1));
        stream.set_read_timeout(None).unwrap();
        assert_eq!(
            stream.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn a_node_ends_when_its_main_does_and_can_be_waited_for() {
    world(3, |_| {
        let node = Node::start("short", machine(1), || {
            thread::spawn(|| {
                loop {
                    thread::sleep(Duration::from_secs(1));
                }
            });
            thread::sleep(Duration::from_secs(10));
        });
        assert!(!node.has_ended());
        node.wait();
        assert!(now() >= Duration::from_secs(10));
        assert_eq!(
            node.usage().threads,
            0,
            "its other thread has ended with it"
        );
    });
}

#[test]
fn what_is_left_of_a_killed_node_reaches_no_other_file() {
    world(4, |log| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let node = Node::start("server", machine(1), move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let (wake, woken) = tokio::sync::oneshot::channel::<()>();
                sender.send(wake).unwrap();
                drop(woken.await);
            });
        });
        let wake = receiver.recv().unwrap();
        thread::sleep(Duration::from_millis(10));
        node.kill();
        // As many as the node had descriptors, and more.
        let pairs: Vec<_> = (0..8)
            .map(|_| std::os::unix::net::UnixStream::pair().unwrap())
            .collect();
        wake.send(()).unwrap();
        thread::sleep(Duration::from_millis(10));
        for (one, other) in &pairs {
            for mut end in [one, other] {
                end.set_nonblocking(true).unwrap();
                assert_eq!(
                    end.read(&mut [0; 8]).unwrap_err().kind(),
                    ErrorKind::WouldBlock
                );
            }
        }
        log.line("nothing came");
    });
}
