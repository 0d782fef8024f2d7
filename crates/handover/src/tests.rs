//! Both sides in one process, connected by a real unix socket.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::PathBuf,
    thread,
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
async fn a_process_that_ends_or_speaks_another_protocol_changes_nothing() {
    let meeting = meeting();
    drop(UnixStream::connect(meeting.place.path()).unwrap());
    drop(connect(&meeting.place).await);
    let mut stranger = UnixStream::connect(meeting.place.path()).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    // Connections are served in order: the last one comes after these.
    let (new, _) = connect(&meeting.place).await;
    assert!(!meeting.old.is_finished());
    let relieved = tokio::spawn(new.take_over());
    meeting.old.await.unwrap().confirm().await.unwrap();
    relieved.await.unwrap().unwrap();
}

#[test]
fn another_version_is_named() {
    let (place, _folder) = place();
    let listener = place.replace().unwrap();
    listener.set_nonblocking(false).unwrap();
    let old = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[VERSION + 1]).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let error = Predecessor::connect(&place).unwrap_err();
    assert!(matches!(error, Error::Version(Some('2'))), "{error}");
    old.join().unwrap();
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
