//! Connections between machines.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use switchyard_simulated_kernel::{Node, now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{block_on, machine, world};

async fn serve(address: (std::net::Ipv4Addr, u16)) {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut buffer = vec![0; 10_000];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                stream.write_all(&buffer[..count]).await.unwrap();
            }
        });
    }
}

#[test]
fn tokio_speaks_to_the_standard_library_over_a_link_that_takes_its_time() {
    let log = world(1, |log| {
        Node::start("echo", machine(1), || block_on(serve((machine(1), 80))));
        // Until it listens.
        let mut stream = loop {
            match TcpStream::connect((machine(1), 80)) {
                Ok(stream) => break stream,
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
            }
        };
        assert_eq!(stream.peer_addr().unwrap().to_string(), "10.0.0.1:80");
        let started = now();
        let sent: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let mut received = vec![0; sent.len()];
        let mut writer = stream.try_clone().unwrap();
        let copy = sent.clone();
        let writing = std::thread::spawn(move || writer.write_all(&copy).unwrap());
        stream.read_exact(&mut received).unwrap();
        writing.join().unwrap();
        assert_eq!(sent, received);
        assert!(
            now() > started + Duration::from_micros(400),
            "there and back"
        );
        log.line("done");
    });
    assert!(log.ends_with("done\n"), "{log}");
}

#[test]
fn ends_tell_a_close_from_a_reset() {
    world(2, |_| {
        let listener = TcpListener::bind((machine(9), 80)).unwrap();
        let mut client = TcpStream::connect((machine(9), 80)).unwrap();
        let (mut server, from) = listener.accept().unwrap();
        assert_eq!(client.local_addr().unwrap(), from);
        client.write_all(b"read").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.read(&mut buffer).unwrap(), 4);
        drop(server);
        assert_eq!(client.read(&mut buffer).unwrap(), 0, "all was read: an end");

        let mut client = TcpStream::connect((machine(9), 80)).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.write_all(b"unread").unwrap();
        std::thread::sleep(Duration::from_millis(10));
        drop(server);
        let error = client.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        drop(listener);
        let error = TcpStream::connect((machine(9), 80)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_reader_that_reads_nothing_stops_the_writer() {
    world(3, |_| {
        let listener = TcpListener::bind((machine(9), 80)).unwrap();
        let mut client = TcpStream::connect((machine(9), 80)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client
            .set_write_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let chunk = [7; 1_000];
        let mut sent = 0;
        let error = loop {
            match client.write(&chunk) {
                Ok(count) => sent += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!((64_000..200_000).contains(&sent), "{sent}");
        let mut all = vec![0; sent];
        server.read_exact(&mut all).unwrap();
        client.write_all(&chunk).unwrap();
    });
}

#[test]
fn open_files_go_over_a_unix_socket() {
    use rustix::net::{
        RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    };
    world(4, |_| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let moved = folder.path().join("moved");
        std::fs::rename(&path, &moved).unwrap();
        let sender = std::os::unix::net::UnixStream::connect(&moved).unwrap();
        let (taker, _) = listener.accept().unwrap();
        let tcp = TcpListener::bind((machine(9), 80)).unwrap();
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sockets = [std::os::fd::AsFd::as_fd(&tcp)];
        assert!(control.push(SendAncillaryMessage::ScmRights(&sockets)));
        let bytes = [std::io::IoSlice::new(b"x")];
        rustix::net::sendmsg(&sender, &bytes, &mut control, SendFlags::empty()).unwrap();
        drop(tcp);
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let got = rustix::net::recvmsg(
            &taker,
            &mut [std::io::IoSliceMut::new(&mut byte)],
            &mut control,
            RecvFlags::empty(),
        );
        assert_eq!((got.unwrap().bytes, byte), (1, *b"x"));
        let mut received = Vec::new();
        for message in control.drain() {
            if let rustix::net::RecvAncillaryMessage::ScmRights(files) = message {
                received.extend(files);
            }
        }
        let tcp = TcpListener::from(received.pop().unwrap());
        let client = TcpStream::connect((machine(9), 80)).unwrap();
        assert_eq!(tcp.accept().unwrap().1, client.local_addr().unwrap());
    });
}
