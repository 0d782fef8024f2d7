use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    future::poll_fn,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process,
    sync::mpsc::{Receiver, channel},
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use rustls::server::Acceptor;
use tokio::{io::AsyncWriteExt, runtime::Builder, task::unconstrained};

use super::{
    Attack, Counts, Honest, OVER_HTTP1, OVER_HTTP2, OVER_TLS, Swarm, Usage, Watch, attack, http1,
    http2, tls,
};
use crate::{ClosedPort, PATIENCE};

const BRIEF: Duration = Duration::from_millis(1);

/// A server that does the same with every connection, each on a thread of its own.
fn server(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A server that keeps what each connection wrote until its end.
fn recorder() -> (SocketAddr, Receiver<(SocketAddr, Vec<u8>)>) {
    let (send, received) = channel();
    let address = server(move |mut stream| {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let _ = send.send((stream.peer_addr().unwrap(), all));
    });
    (address, received)
}

#[test]
fn every_connection_writes_the_opening_and_all_pieces_from_its_address() {
    let (address, received) = recorder();
    let attack = Attack::new("ab").dripping("cde", BRIEF).counted(1, 1);
    let raid = Swarm::new(address, attack, 6).from_addresses(2, 3).start();
    raid.wait_until("all is written", |counts| counts.bytes == 30);
    let counts = raid.end();
    assert_eq!((counts.opened, counts.refused, counts.ended), (6, 0, 0));
    assert_eq!((counts.begun, counts.units), (6, 24));
    let mut sources = BTreeMap::new();
    for _ in 0..6 {
        let (source, bytes) = received.recv_timeout(PATIENCE).unwrap();
        assert_eq!(bytes, b"abcde");
        *sources.entry(source.ip().to_string()).or_insert(0) += 1;
    }
    let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    assert_eq!(sources, addresses.map(|one| (one.to_owned(), 2)).into());
}

#[test]
fn what_the_server_ends_is_counted_with_its_answer_and_returns_if_it_is_told_to() {
    let address = server(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"HTTP/1.1 431 Too Large\r\n\r\n");
    });
    let raid = Swarm::new(address, http1::unfinished_head(10), 4).start();
    raid.wait_until_ended();
    let counts = raid.end();
    assert_eq!((counts.opened, counts.ended), (4, 4));
    assert_eq!(counts.statuses, [(431, 4)].into());

    let raid = Swarm::new(address, http1::unfinished_head(10), 4)
        .returning()
        .start();
    raid.wait_until("they return", |counts| counts.opened > 12);
}

#[test]
fn a_client_that_does_not_read_makes_the_server_wait_and_sees_the_end_all_the_same() {
    let (send, written) = channel();
    let address = server(move |mut stream| {
        stream
            .set_write_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let mut sum = 0;
        while let Ok(more) = stream.write(&[0; 4096]) {
            sum += more;
        }
        send.send(sum).unwrap();
    });
    let raid = Swarm::new(address, Attack::new("a").unread(), 1).start();
    raid.wait_until_ended();
    assert_eq!(raid.end().read, 0);
    assert!(written.recv_timeout(PATIENCE).unwrap() < 16 << 20);
}

#[test]
fn a_swarm_ends_after_its_time_and_one_without_a_server_is_refused() {
    let (address, received) = recorder();
    let raid = Swarm::new(address, http1::idle(), 2).at_most(Duration::from_millis(20));
    let raid = raid.start();
    for _ in 0..2 {
        assert_eq!(received.recv_timeout(PATIENCE).unwrap().1, b"");
    }
    drop(raid);

    let gone = ClosedPort::new();
    let raid = Swarm::new(gone.address, http1::idle(), 3).start();
    raid.wait_until_begun();
    let refused = Counts {
        refused: 3,
        ..Counts::default()
    };
    assert_eq!(raid.end(), refused);
}

/// What the `h2` crate makes of an attack's opening and its first piece: the fields of each request's head.
fn understood(attack: &Attack) -> Result<Vec<usize>, h2::Error> {
    let bytes = [
        attack.opening().clone(),
        attack.piece(0).unwrap_or_default(),
    ]
    .concat();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(&bytes).await.unwrap();
        let mut server = h2::server::Builder::new()
            .max_header_list_size(1 << 24)
            .handshake::<_, bytes::Bytes>(server)
            .await?;
        let mut heads = Vec::new();
        // All bytes are there, so what is not found at once never will be.
        unconstrained(poll_fn(|context| {
            while let Poll::Ready(Some(request)) = server.poll_accept(context) {
                let (request, _) = request?;
                assert_eq!(request.uri().path(), "/request_charge");
                assert_eq!(request.method(), "POST");
                heads.push(request.headers().len());
            }
            Poll::Ready(Ok(heads.clone()))
        }))
        .await
    })
}

#[test]
fn other_software_understands_the_frames() {
    assert_eq!(understood(&http2::closed_window(3)).unwrap(), [0; 3]);
    assert_eq!(understood(&http2::unfinished_bodies(3)).unwrap(), [0; 3]);
    // Frames that are worth nothing are still frames: a request behind them is read.
    let floods = [
        http2::settings_flood(BRIEF),
        http2::ping_flood(BRIEF),
        http2::priority_flood(BRIEF),
        http2::window_update_flood(BRIEF),
        http2::unknown_flood(BRIEF),
    ];
    for flood in floods {
        let opening = [flood.opening().clone(), flood.piece(0).unwrap()].concat();
        let behind = Attack::new([opening, http2::charge(3)].concat());
        assert_eq!(understood(&behind).unwrap(), [0], "{flood:?}");
    }
    // The first field is one, and then it comes again as often as it is referred to, for a byte each.
    let bomb = http2::hpack_bomb(300, BRIEF);
    let heads = understood(&bomb).unwrap();
    assert_eq!(heads.first(), Some(&1));
    assert_eq!(heads.get(1), Some(&300));
    assert!(bomb.piece(0).unwrap().len() < 8 * 400);
}

#[test]
fn every_attack_has_a_name_of_its_own_and_writes_something() {
    let names: Vec<_> = [OVER_HTTP1.as_slice(), &OVER_HTTP2, &OVER_TLS].concat();
    for name in &names {
        let attack = attack(name).unwrap_or_else(|| panic!("{name}"));
        let writes = !attack.opening().is_empty() || attack.piece(0).is_some();
        assert_eq!(writes, *name != "idle", "{name}");
    }
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(attack("kindness").is_none());
}

#[test]
fn received_frames_are_found_however_they_are_cut() {
    let bytes = [http2::settings(&[(4, 0)]), http2::reset(5)].concat();
    for size in [1, 4, 9, 100] {
        let mut frames = http2::Frames::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            frames.push(piece);
            found.extend(frames.by_ref());
        }
        let kinds: Vec<_> = found
            .iter()
            .map(|frame| (frame.0, frame.2, frame.3.len()))
            .collect();
        assert_eq!(kinds, [(4, 0, 6), (3, 5, 4)]);
    }
}

#[test]
fn a_hello_is_one_and_half_of_it_is_none() {
    let is_whole = |attack: &Attack| {
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut attack.opening().as_ref()).unwrap();
        acceptor
            .accept()
            .map_err(|(error, _)| error)
            .unwrap()
            .is_some()
    };
    assert!(is_whole(&tls::hello_only()));
    assert!(!is_whole(&tls::half_hello()));
}

#[test]
fn honest_clients_measure_the_wait_and_count_what_fails() {
    let slow = server(|mut stream| {
        let mut received = [0; 512];
        while matches!(stream.read(&mut received), Ok(1..)) {
            thread::sleep(Duration::from_millis(30));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let waits = Honest::new(slow, 100.0, Duration::from_millis(200)).run();
    assert_eq!((waits.sent, waits.failed), (20, 0));
    assert!(
        waits.quantile(0.0) >= Duration::from_millis(30),
        "{waits:?}"
    );
    assert!(waits.quantile(1.0) >= waits.quantile(0.5));

    let refusing = server(|mut stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    });
    let waits = Honest::new(refusing, 100.0, Duration::from_millis(50)).run();
    assert_eq!((waits.sent, waits.failed), (5, 5));
    assert_eq!(waits.quantile(0.5), Duration::MAX);
}

// Other tests of this process take and give back memory meanwhile.
const MUCH: u64 = 128 << 20;

#[test]
fn what_a_process_holds_is_seen() {
    let before = Usage::of(process::id());
    let watch = Watch::start(process::id());
    let memory = vec![1_u8; 256 << 20];
    let files: Vec<_> = (0..20)
        .map(|_| File::open("/proc/self/stat").unwrap())
        .collect();
    let start = Instant::now();
    let with = loop {
        let now = Usage::of_family(process::id());
        if now.cpu >= before.cpu + Duration::from_millis(50) {
            break now;
        }
        assert!(start.elapsed() < PATIENCE);
    };
    assert!(with.resident >= before.resident + MUCH, "{with:?}");
    assert!(with.descriptors >= before.descriptors + 15, "{with:?}");
    while watch.most() < before.resident + MUCH {
        assert!(start.elapsed() < PATIENCE);
    }
    drop((memory, files));
    assert_eq!(Usage::of(u32::MAX), Usage::default());
}
