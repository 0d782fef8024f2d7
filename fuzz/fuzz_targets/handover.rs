//! Whatever the other process says in a handover, this one neither panics nor hangs nor keeps a descriptor, and the next
//! process that keeps to the protocol takes over.

#![no_main]

use std::{
    fs,
    io::{IoSlice, Read, Write},
    mem::MaybeUninit,
    net::{Shutdown, TcpListener},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    thread,
    time::Duration,
};

use libfuzzer_sys::fuzz_target;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use switchyard_handover::{HandoverServer, Predecessor, SocketPath};
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

// More than a message may have.
const MOST_DESCRIPTORS: usize = 20;

/// What the old process knows.
const KNOWN: &[u8] = b"all that it knows";

/// Writes these bytes, with so many descriptors beside the first.
fn say(stream: &mut UnixStream, bytes: &[u8], descriptors: usize) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let some = fs::File::open("/dev/null").expect("/dev/null");
    let all = vec![some.as_fd(); descriptors];
    if descriptors > 0 {
        assert!(control.push(SendAncillaryMessage::ScmRights(&all)));
    }
    let (first, rest) = bytes.split_at(bytes.len().min(1));
    let _ = sendmsg(
        &*stream,
        &[IoSlice::new(first)],
        &mut control,
        SendFlags::NOSIGNAL,
    );
    let _ = stream.write_all(rest);
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// The new process's side, against an old one that says anything.
fn as_successor(path: &SocketPath, bytes: &[u8], descriptors: usize) {
    let old = UnixListener::bind(path.path()).expect("a socket");
    let bytes = bytes.to_vec();
    let old = thread::spawn(move || {
        let (mut stream, _) = old.accept().expect("a successor");
        say(&mut stream, &bytes, descriptors);
    });
    if let Ok((predecessor, sockets)) = Predecessor::connect(path) {
        assert!(sockets.len() <= descriptors);
        runtime().block_on(async {
            let _ = predecessor.state().await;
            if let Ok(relay) = predecessor.take_over().await {
                let _ = relay.serve(|question| async { question }).await;
            }
        });
    }
    old.join().expect("it only writes");
    fs::remove_file(path.path()).expect("its socket");
}

/// The old process's side: a process that says anything, and then one that keeps to the protocol.
fn as_predecessor(path: &SocketPath, bytes: &[u8]) {
    let listener = path.open().expect("a socket");
    let (path, said) = (path.clone(), bytes.to_vec());
    let new = thread::spawn(move || {
        let mut stream = UnixStream::connect(path.path()).expect("the old process");
        let mut answer = Vec::new();
        let _ = stream.write_all(&said);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut answer);
        drop(stream);
        // It may have kept to the protocol by chance, and then it was asked. Nothing else that is said has this letter.
        if !answer.contains(&b'D') {
            let (predecessor, sockets) = Predecessor::connect(&path).expect("its sockets");
            assert_eq!(sockets.len(), 1);
            runtime().block_on(async {
                let state = predecessor.state().await.expect("its state");
                assert_eq!(state.as_deref(), Some(KNOWN));
                predecessor.take_over().await.expect("its word");
            });
        }
    });
    runtime().block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let server = HandoverServer::new(listener, vec![socket]).expect("a server");
        let carry = || async { (KNOWN.to_vec(), ()) };
        let (successor, _) = server.successor(carry).await;
        let Ok(relay) = successor.confirm().await else {
            return;
        };
        // Whatever the new process answers, or nothing.
        let asked = relay.ask(b"a question".to_vec());
        let _ = timeout(Duration::from_millis(20), asked).await;
    });
    new.join().expect("the next one takes over");
}

// The first byte says how many descriptors come with the others, and to which side.
fuzz_target!(|data: &[u8]| {
    let Some((&control, bytes)) = data.split_first() else {
        return;
    };
    // A first runtime opens descriptors that stay.
    drop(runtime());
    let folder = TempDir::new().expect("a folder");
    let path = SocketPath::at(folder.path().join("own").join("socket")).expect("a private folder");
    let before = open_descriptors();
    if control & 1 == 0 {
        as_successor(
            &path,
            bytes,
            usize::from(control >> 1) % (MOST_DESCRIPTORS + 1),
        );
    } else {
        as_predecessor(&path, bytes);
    }
    assert_eq!(open_descriptors(), before, "a descriptor stays open");
});
