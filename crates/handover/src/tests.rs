//! Both sides in one process, connected by a real unix socket.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Instant,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};

use super::{protocol::VERSION, *};

/// What the old process keeps until the new one is ready.
#[derive(Debug)]
struct Kept(Arc<AtomicBool>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

/// What the old process of a meeting knows.
const KNOWN: &[u8] = b"all that it knows";

struct Meeting {
    place: SocketPath,
    sockets: Vec<TcpListener>,
    old: JoinHandle<(Successor, Option<Kept>)>,
    /// Whether the old process keeps what must not change.
    frozen: Arc<AtomicBool>,
    _private: TempDir,
}

fn place() -> (SocketPath, TempDir) {
    let folder = TempDir::new().unwrap();
    let place = SocketPath::at(folder.path().join("private/upgrade.sock")).unwrap();
    (place, folder)
}

/// An old process that waits at its own socket path.
fn meeting() -> Meeting {
    meeting_with(KNOWN)
}

fn meeting_with(known: &'static [u8]) -> Meeting {
    let (place, folder) = place();
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let duplicates = sockets.iter().map(|one| one.try_clone().unwrap()).collect();
    let server = HandoverServer::new(place.open().unwrap(), duplicates).unwrap();
    let frozen = Arc::new(AtomicBool::new(false));
    let kept = Arc::clone(&frozen);
    let old = tokio::spawn(async move {
        let carry = || async {
            assert!(!kept.swap(true, SeqCst), "one at a time");
            (known.to_vec(), Kept(Arc::clone(&kept)))
        };
        server.successor(carry).await
    });
    Meeting {
        frozen,
        place,
        sockets: sockets.into(),
        old,
        _private: folder,
    }
}

async fn connect(place: &SocketPath) -> (Predecessor, Vec<TcpListener>) {
    let place = place.clone();
    let met = tokio::task::spawn_blocking(move || Predecessor::connect(&place));
    met.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_ready_process_gets_the_sockets_and_takes_over() {
    let meeting = meeting();
    let (new, sockets) = connect(&meeting.place).await;
    let addresses = |sockets: &[TcpListener]| -> Vec<_> {
        let address = |socket: &TcpListener| socket.local_addr().unwrap();
        sockets.iter().map(address).collect()
    };
    assert_eq!(addresses(&sockets), addresses(&meeting.sockets));
    assert!(!meeting.old.is_finished(), "it is not ready yet");
    let relieved = tokio::spawn(new.take_over());
    let (successor, kept) = meeting.old.await.unwrap();
    assert!(kept.is_none(), "it was not asked");
    assert_eq!(successor.process(), Some(std::process::id()));
    assert!(
        !relieved.is_finished(),
        "the old process has not confirmed yet"
    );
    successor.confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_the_old_process_knows_stays_true_until_the_new_one_is_ready() {
    let meeting = meeting();
    let (new, _) = connect(&meeting.place).await;
    assert!(!meeting.frozen.load(SeqCst));
    assert_eq!(new.state().await.unwrap().unwrap(), KNOWN);
    assert!(meeting.frozen.load(SeqCst));
    // It dies, and the next one gets the same.
    drop(new);
    let (new, _) = connect_soon(&meeting.place).await;
    assert!(!meeting.frozen.load(SeqCst));
    assert_eq!(new.state().await.unwrap().unwrap(), KNOWN);
    let relieved = tokio::spawn(new.take_over());
    let (successor, kept) = meeting.old.await.unwrap();
    assert!(kept.is_some() && meeting.frozen.load(SeqCst));
    successor.confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_old_process_may_know_nothing_or_a_lot() {
    let large = vec![7; 5_000_000].leak();
    for known in [&b""[..], large] {
        let meeting = meeting_with(known);
        let (new, _) = connect(&meeting.place).await;
        let state = new.state().await.unwrap();
        assert_eq!(state.as_deref().unwrap_or_default(), known);
    }
}

/// A new process that has just asked for the state of an old one, which says this and then nothing more.
async fn told_as_state(said: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let (place, _folder) = place();
    let listener = place.replace().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = said.to_vec();
    let old = tokio::spawn(async move {
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0];
        stream.read_exact(&mut heard).await.unwrap();
        stream.writable().await.unwrap();
        protocol::send(&stream, &[socket]).unwrap();
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, [protocol::STATE]);
        stream.write_all(&said).await.unwrap();
    });
    let (new, _) = connect(&place).await;
    let state = new.state().await;
    old.await.unwrap();
    state
}

#[tokio::test]
async fn a_state_that_is_cut_or_too_large_is_an_error_and_no_memory() {
    let mut whole = 5_u64.to_be_bytes().to_vec();
    whole.extend(b"state");
    assert_eq!(told_as_state(&whole).await.unwrap().unwrap(), b"state");
    for length in 0..whole.len() {
        let error = told_as_state(&whole[..length]).await.unwrap_err();
        assert!(matches!(error, Error::Disconnected(_)), "{length}: {error}");
    }
    let mut more = LARGEST_STATE.to_be_bytes().to_vec();
    assert!(matches!(
        told_as_state(&more).await,
        Err(Error::Disconnected(_))
    ));
    more = (LARGEST_STATE + 1).to_be_bytes().to_vec();
    let error = told_as_state(&more).await.unwrap_err().to_string();
    assert!(error.contains("1073741825 bytes of state"), "{error}");
}

async fn related() -> (Relay, RelayServer) {
    let meeting = meeting();
    let (new, _) = connect(&meeting.place).await;
    let relieved = tokio::spawn(new.take_over());
    let (successor, _) = meeting.old.await.unwrap();
    let relay = successor.confirm().await.unwrap();
    (relay, relieved.await.unwrap().unwrap())
}

/// Answers with what was asked, the longer the question the sooner.
async fn echo(question: Vec<u8>) -> Vec<u8> {
    let pause = 50_usize.saturating_sub(question.len());
    tokio::time::sleep(Duration::from_millis(pause as u64)).await;
    question
}

#[tokio::test]
async fn questions_are_answered_each_with_its_own_answer_until_the_old_process_ends() {
    let (relay, server) = related().await;
    let serving = tokio::spawn(server.serve(echo));
    let asked: Vec<_> = (0..60_u8)
        .map(|length| {
            let relay = relay.clone();
            tokio::spawn(async move { relay.ask(vec![length; length.into()]).await })
        })
        .collect();
    for (length, answer) in asked.into_iter().enumerate() {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer, vec![u8::try_from(length).unwrap(); length]);
    }
    // More than there are places, and longer than the system keeps for a connection.
    let many: Vec<_> = (0..6_000)
        .map(|_| {
            let relay = relay.clone();
            tokio::spawn(async move { relay.ask(vec![1; 1_000]).await })
        })
        .collect();
    for answer in many {
        assert_eq!(answer.await.unwrap().unwrap().len(), 1_000);
    }
    drop(relay);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn once_the_new_process_is_gone_questions_fail_at_once() {
    let (relay, server) = related().await;
    let (asked, mut waits) = tokio::sync::mpsc::unbounded_channel();
    let serving = tokio::spawn(server.serve(move |_| {
        asked.send(()).unwrap();
        std::future::pending()
    }));
    let question = tokio::spawn({
        let relay = relay.clone();
        async move { relay.ask(vec![1]).await }
    });
    waits.recv().await.unwrap();
    serving.abort();
    assert!(matches!(question.await.unwrap(), Err(Error::NoRelay)));
    assert!(matches!(relay.ask(vec![1]).await, Err(Error::NoRelay)));
}

#[tokio::test]
async fn noise_in_place_of_messages_ends_the_relay_on_both_sides() {
    for noise in [&b"\xff\xff\xff\xff12345678"[..], b"\0\0\0\x05123", b"\0"] {
        let (one, mut other) = tokio::net::UnixStream::pair().unwrap();
        other.write_all(noise).await.unwrap();
        drop(other);
        let _ = RelayServer::new(one).serve(echo).await;
        let (one, mut other) = tokio::net::UnixStream::pair().unwrap();
        other.write_all(noise).await.unwrap();
        drop(other);
        let relay = Relay::start(one);
        assert!(matches!(relay.ask(vec![1]).await, Err(Error::NoRelay)));
    }
    let (one, mut other) = tokio::net::UnixStream::pair().unwrap();
    let answered = b"\0\0\0\x01\0\0\0\0\0\0\0\x09x\0\0\0\x01\0\0\0\0\0\0\0\x01y";
    other.write_all(answered).await.unwrap();
    let relay = Relay::start(one);
    // An answer to a question that nobody asked is ignored; both may have been read before this one was asked.
    let asked = tokio::time::timeout(Duration::from_millis(100), relay.ask(vec![1])).await;
    assert!(!matches!(asked, Ok(Ok(answer)) if answer != b"y"));
}

#[tokio::test]
async fn whoever_is_no_new_process_changes_nothing_and_keeps_nobody_waiting() {
    let meeting = meeting();
    let at = || UnixStream::connect(meeting.place.path()).unwrap();
    // It asks whether a process listens, it dies with the sockets, and it is no handover at all.
    drop(at());
    drop(connect(&meeting.place).await);
    let mut stranger = at();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    // More silent ones than the system has patience for would be others' fault; these hold a place each.
    let silent: Vec<_> = (0..20).map(|_| at()).collect();
    let begun = Instant::now();
    let (new, _) = connect_soon(&meeting.place).await;
    assert!(begun.elapsed() < ANSWER_TIMEOUT, "{:?}", begun.elapsed());
    assert!(!meeting.old.is_finished());
    let relieved = tokio::spawn(new.take_over());
    meeting.old.await.unwrap().0.confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
    drop(silent);
}

/// Connects until the process before has been noticed to be dead.
async fn connect_soon(place: &SocketPath) -> (Predecessor, Vec<TcpListener>) {
    loop {
        let place = place.clone();
        let met = tokio::task::spawn_blocking(move || Predecessor::connect(&place));
        match met.await.unwrap() {
            Ok(met) => return met,
            Err(Error::Busy) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_second_new_process_is_told_of_the_first() {
    let meeting = meeting();
    let (first, _) = connect(&meeting.place).await;
    let place = meeting.place.clone();
    let second = tokio::task::spawn_blocking(move || Predecessor::connect(&place));
    assert!(matches!(second.await.unwrap(), Err(Error::Busy)));
    let relieved = tokio::spawn(first.take_over());
    meeting.old.await.unwrap().0.confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
}

/// What an old process answers to `said`, after which the other side says no more.
fn answer(place: &SocketPath, said: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(place.path()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(said).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // Reset where it has not read all.
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[tokio::test]
async fn no_first_byte_but_the_version_is_answered_with_sockets() {
    let meeting = meeting();
    let place = meeting.place.clone();
    let asked = tokio::task::spawn_blocking(move || {
        for byte in 0..=u8::MAX {
            if byte != VERSION {
                // Its own version, which another of ours understands, and nothing more.
                assert_eq!(answer(&place, &[byte]), [VERSION], "{byte}");
            }
        }
        assert_eq!(answer(&place, &vec![b'1'; 100_000]), [VERSION]);
        assert_eq!(answer(&place, b""), b"");
        // Greeted, and gone or garbled before it is ready.
        for rest in [
            &b""[..],
            b"r",
            b"X",
            &[VERSION],
            b"S",
            b"SX",
            b"SS",
            b"S3R",
            &[0; 1000],
        ] {
            let answered = loop {
                let answered = answer(&place, &[&[VERSION], rest].concat());
                if answered != [protocol::BUSY] {
                    break answered;
                }
            };
            assert!(!answered.contains(&protocol::DRAINING));
        }
    });
    asked.await.unwrap();
    let (new, sockets) = connect_soon(&meeting.place).await;
    assert_eq!(sockets.len(), 2);
    let relieved = tokio::spawn(new.take_over());
    meeting.old.await.unwrap().0.confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
}

/// An old process that answers every greeting with `said`, and what the new one makes of it.
fn told(said: &'static [u8]) -> Error {
    let (place, _folder) = place();
    let listener = place.replace().unwrap();
    listener.set_nonblocking(false).unwrap();
    let old = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(said).unwrap();
        greeting
    });
    let error = Predecessor::connect(&place).unwrap_err();
    assert_eq!(old.join().unwrap(), [VERSION], "it says its version first");
    error
}

#[test]
fn both_versions_are_named_and_strangers_are_no_version() {
    let error = told(b"2").to_string();
    let expected =
        "the other process speaks version 2 of the handover, this one 3: restart instead";
    assert_eq!(error, expected);
    assert!(matches!(told(b"HTTP/1.1 400"), Error::Stranger(b'H')));
    assert!(matches!(told(&[0xff]), Error::Stranger(0xff)));
    assert!(matches!(told(b"B"), Error::Busy));
    // The right version, and no socket.
    assert!(matches!(told(&[VERSION]), Error::Stranger(VERSION)));
    assert!(matches!(told(b""), Error::Disconnected(_)));
}

#[test]
fn another_user_is_refused() {
    let error = successor::foreign(1000, 1001).to_string();
    assert!(
        error.contains("user 1000") && error.contains("own user, 1001"),
        "{error}"
    );
}

#[test]
fn what_is_no_socket_of_ours_is_left_alone() {
    let (place, _folder) = place();
    let path = place.path().to_owned();
    let folder = path.parent().unwrap();
    let elsewhere = folder.join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    let refused = |path: &std::path::Path, found: &str| {
        for error in [place.open().unwrap_err(), place.replace().unwrap_err()] {
            let told = error.to_string();
            let begun = format!("{} is {found}, and not a socket", path.display());
            assert!(told.starts_with(&begun), "{told}");
        }
    };

    fs::write(&path, "precious").unwrap();
    refused(&path, "a regular file");
    assert!(matches!(
        Predecessor::connect(&place),
        Err(Error::NotOurs { .. })
    ));
    assert!(place.close().is_err());
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    refused(&path, "a directory");
    fs::remove_dir(&path).unwrap();

    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    refused(&path, "a symbolic link");
    fs::remove_file(&path).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");

    // The name that the socket has before it is in place.
    let fresh = folder.join("upgrade.sock.new");
    fs::write(&fresh, "precious").unwrap();
    refused(&fresh, "a regular file");
    assert_eq!(fs::read(&fresh).unwrap(), b"precious");
    fs::remove_file(&fresh).unwrap();

    // A socket of another kind.
    let datagrams = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    assert!(matches!(place.open(), Err(Error::Path { .. })));
    assert!(path.exists());
    drop(datagrams);
    fs::remove_file(&path).unwrap();

    let _listener = place.open().unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn no_listener_is_an_error_even_if_a_dead_process_left_its_socket() {
    let (place, _folder) = place();
    assert!(matches!(
        Predecessor::connect(&place),
        Err(Error::NotRunning(_))
    ));
    drop(place.open().unwrap());
    assert!(place.path().exists());
    assert!(matches!(
        Predecessor::connect(&place),
        Err(Error::NotRunning(_))
    ));
    let listener = place.open().unwrap();
    assert!(matches!(place.open(), Err(Error::AlreadyRunning(_))));
    drop(listener);
    place.close().unwrap();
    assert!(!place.path().exists());
}

#[test]
fn a_directory_that_is_open_to_others_is_refused_and_a_new_one_is_not_open() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("new");
    let at = |directory: &PathBuf| SocketPath::at(directory.join("upgrade.sock"));
    at(&directory).unwrap();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for open in [0o701, 0o710, 0o755, 0o777] {
        fs::set_permissions(&directory, Permissions::from_mode(open)).unwrap();
        let error = at(&directory).unwrap_err().to_string();
        assert!(error.contains(&format!("mode {open:04o}")), "{error}");
    }
    fs::set_permissions(&directory, Permissions::from_mode(0o500)).unwrap();
    at(&directory).unwrap();
}
