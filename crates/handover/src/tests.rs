//! Both sides in one process, connected by a real unix socket.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::PathBuf,
    thread,
    time::Instant,
};

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{protocol::VERSION, *};

struct Meeting {
    place: SocketPath,
    sockets: Vec<TcpListener>,
    old: JoinHandle<Successor>,
    _private: TempDir,
}

fn place() -> (SocketPath, TempDir) {
    let folder = TempDir::new().unwrap();
    let place = SocketPath::at(folder.path().join("private/upgrade.sock")).unwrap();
    (place, folder)
}

/// An old process that waits at its own socket path.
fn meeting() -> Meeting {
    let (place, folder) = place();
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let duplicates = sockets.iter().map(|one| one.try_clone().unwrap()).collect();
    let server = HandoverServer::new(place.open().unwrap(), duplicates).unwrap();
    let old = tokio::spawn(async move { server.successor().await });
    Meeting {
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
    let successor = meeting.old.await.unwrap();
    assert_eq!(successor.process(), Some(std::process::id()));
    assert!(
        !relieved.is_finished(),
        "the old process has not confirmed yet"
    );
    successor.confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
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
    meeting.old.await.unwrap().confirm().await.unwrap();
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
    meeting.old.await.unwrap().confirm().await.unwrap();
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
        for rest in [&b""[..], b"r", b"X", &[VERSION], &[0; 1000]] {
            while answer(&place, &[&[VERSION], rest].concat()) == [protocol::BUSY] {}
        }
    });
    asked.await.unwrap();
    let (new, sockets) = connect_soon(&meeting.place).await;
    assert_eq!(sockets.len(), 2);
    let relieved = tokio::spawn(new.take_over());
    meeting.old.await.unwrap().confirm().await.unwrap();
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
    let error = told(b"1").to_string();
    let expected =
        "the other process speaks version 1 of the handover, this one 2: restart instead";
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
