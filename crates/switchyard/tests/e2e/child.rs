//! A substation as a process of its own, so that it can be killed: this test program, started again.
//!
//! While it is dead, a socket that does not listen holds its port: connections are refused as usual, and no other
//! process takes the port.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use socket2::{Domain, Socket, Type};
use substation::{Config, Substation};
use switchyard_faults as client;

use crate::{fleet::serve_losing, rig::until};

/// The variable with the arguments of the child: whether it loses answers, its name, address and journal.
const ARGUMENTS: &str = "SWITCHYARD_TEST_SUBSTATION";
/// The test that the child runs.
const ENTRY: &str = "child::serves_if_it_is_the_child";

/// A substation in a process of its own; killed when dropped.
pub(crate) struct Killable {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) journal: PathBuf,
    loses: bool,
    child: Option<Child>,
    _port: Socket,
}

fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}

impl Killable {
    pub(crate) fn start(name: &str, folder: &Path) -> Self {
        Self::begin(name, folder, false)
    }

    /// The same behind a relay that loses answers on demand.
    pub(crate) fn losing(name: &str, folder: &Path) -> Self {
        Self::begin(name, folder, true)
    }

    fn begin(name: &str, folder: &Path, loses: bool) -> Self {
        let port = bound(([127, 0, 0, 1], 0).into());
        let mut substation = Self {
            name: name.to_owned(),
            address: port.local_addr().unwrap().as_socket().unwrap(),
            journal: folder.join(name),
            loses,
            child: None,
            _port: port,
        };
        substation.restart();
        substation
    }

    /// Starts it again on its old port, and waits until it serves.
    pub(crate) fn restart(&mut self) {
        let arguments = format!(
            "{} {} {} {}",
            self.loses,
            self.name,
            self.address,
            self.journal.display()
        );
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", ENTRY, "--nocapture"])
            .env(ARGUMENTS, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        until("the substation serves", || {
            let stream = std::net::TcpStream::connect(self.address).ok()?;
            drop(stream);
            (client::get(self.address, "/live").status == 200).then_some(())
        });
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn serves_if_it_is_the_child() {
    let Ok(arguments) = env::var(ARGUMENTS) else {
        return;
    };
    // It ends when its standard input closes: at the end of its parent.
    thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let words: Vec<_> = arguments.splitn(4, ' ').collect();
    let config = Config {
        journal: Some(words[3].into()),
        ..Config::new(words[1], 1e9)
    };
    let substation = Substation::new(config).unwrap();
    let listener = bound(words[2].parse().unwrap());
    listener.listen(1024).unwrap();
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let served = runtime.block_on(async {
        let mut listener = tokio::net::TcpListener::from_std(TcpListener::from(listener)).unwrap();
        if words[0] == "true" {
            let behind = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tokio::spawn(serve_losing(listener, behind.local_addr().unwrap()));
            listener = behind;
        }
        substation::run(substation, listener, std::future::pending()).await
    });
    served.unwrap();
}
